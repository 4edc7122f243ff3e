"""Tools: what is declared, what is found, and what a call keeps to."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel, Field, computed_field

from assent.contracts import RiskLevel
from assent.toolbox import Dependency, Effect, Limits, Registry, Tool, ToolContext, acall, call, propose, recorded, tool
from assent.toolbox.errors import (
    ApprovalRequiredError,
    InvalidToolError,
    ToolFailedError,
    ToolInputError,
    ToolOutputError,
    ToolTimeoutError,
    UnknownToolError,
)
from assent.toolbox.shapes import SchemaShape
from assent.toolbox.uses import CallStatus, ToolUse, recording_to


class Table(BaseModel):
    table: str = Field(min_length=1)
    at_least: int = 0
    login: dict[str, Any] = {}


class Rows(BaseModel):
    rows: int = Field(ge=0)


@tool(effect="read", version="1.2", capabilities=["database"], examples=[{"table": "orders"}])
def count_rows(inputs: Table) -> Rows:
    """Count the rows of a table."""
    return Rows(rows=len(inputs.table))


@tool(effect="destroy")
def drop_table(inputs: Table) -> Rows:
    """Drop a table."""
    raise AssertionError("nobody approved this")


def made(function: Any, **facts: Any) -> Tool:
    function.__annotations__ = {"inputs": Table, "return": Rows}
    return tool(name="some_tool", description="For a test.", **({"effect": "read"} | facts))(function)


@pytest.fixture
def uses() -> Any:
    found: list[ToolUse] = []
    with recording_to(found.append):
        yield found


def test_facts_come_from_the_function() -> None:
    assert (count_rows.name, count_rows.description) == ("count_rows", "Count the rows of a table.")
    assert count_rows.source == __name__
    assert count_rows.takes.schema["properties"].keys() == {"table", "at_least", "login"}


def test_a_tool_that_does_not_say_what_it_changes_counts_as_one_that_destroys() -> None:
    assert made(lambda inputs: {}, effect=Effect.DESTROY).least_risk is RiskLevel.HIGH
    silent = tool(name="silent", description="Silent.")(count_rows.function)
    assert silent.effect is Effect.DESTROY
    assert not silent.may_repeat


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"name": "CountRows"}, "count_rows"),
        ({"version": "one"}, "is not a version"),
        ({"effect": "reading"}, "effect is read, write, or destroy, not 'reading'"),
        ({"tier": "cheap"}, "tier is cache, api, compute, or report, not 'cheap'"),
        ({"risk": "huge"}, "risk is safe, low, medium, high, or critical, not 'huge'"),
        ({"timeout": 0}, "more than 0"),
        ({"timeout": "5m"}, "at most 86,400 seconds"),
        ({"capabilities": "files"}, r"write capabilities=\['files'\]"),
        ({"examples": {"table": "t"}}, "examples is a list"),
        ({"effect": "read", "sends_to": "example.com"}, "sends_to is a list"),
        ({"effect": "read", "sends_to": ["https://example.com/x"]}, "without scheme and path"),
        ({"dependencies": []}, "dependencies is a function"),
        ({"effect": "write", "sends_to": ["example.com"]}, "only read"),
    ],
)
def test_a_wrong_fact_is_refused(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidToolError, match=words):
        tool(**({"description": "For a test."} | facts))(count_rows.function)


def test_a_function_without_models_is_refused() -> None:
    def count(inputs: dict[str, Any]) -> Rows: ...  # type: ignore[empty-body]

    with pytest.raises(InvalidToolError, match="'inputs' with a pydantic model"):
        tool(effect="read", description="For a test.")(count)


def test_a_decorator_without_parentheses_says_what_to_write() -> None:
    with pytest.raises(InvalidToolError, match=r'count: write @tool\(effect="read"\)'):

        @tool
        def count(inputs: Table) -> Rows: ...  # type: ignore[empty-body]


def test_a_second_parameter_is_the_context_and_is_passed_by_its_place() -> None:
    def number(inputs: Table, limit: int) -> Rows: ...  # type: ignore[empty-body]

    def by_name(inputs: Table, *, limit: int = 1) -> Rows: ...  # type: ignore[empty-body]

    with pytest.raises(InvalidToolError, match="the second parameter, 'limit', receives the ToolContext"):
        tool(description="For a test.")(number)
    with pytest.raises(InvalidToolError, match="at most the context after it"):
        tool(description="For a test.")(by_name)


def test_a_call_returns_the_model_and_its_json(uses: list[ToolUse]) -> None:
    result = call(count_rows, {"table": "orders"})
    assert result.output == Rows(rows=6)
    assert result.document == {"rows": 6}
    (use,) = uses
    assert (use.tool, use.version, use.status, use.attempts) == ("count_rows", "1.2", CallStatus.OK, 1)


async def _async(inputs: Table) -> Rows:
    await asyncio.sleep(0)
    return Rows(rows=1)


def test_async_and_sync_functions_are_called_from_both_worlds() -> None:
    other = made(_async)
    assert call(other, {"table": "t"}).document == {"rows": 1}
    assert asyncio.run(acall(other, {"table": "t"})).document == {"rows": 1}
    assert asyncio.run(acall(count_rows, {"table": "t"})).document == {"rows": 1}


def test_what_changes_something_is_not_called_without_approval(uses: list[ToolUse]) -> None:
    with pytest.raises(ApprovalRequiredError, match="drop_table may change something"):
        call(drop_table, {"table": "orders"})
    assert uses[0].status is CallStatus.REFUSED


def test_inputs_that_do_not_fit_name_the_field_and_not_the_value(uses: list[ToolUse]) -> None:
    with pytest.raises(ToolInputError) as caught:
        call(count_rows, {"table": "t", "at_least": "hunter2"})
    assert caught.value.fields.keys() == {"at_least"}
    assert "hunter2" not in str(caught.value)
    assert uses[0].status is CallStatus.INVALID_INPUT


def test_an_output_that_does_not_fit_is_an_error_and_is_not_tried_again(uses: list[ToolUse]) -> None:
    counted: list[int] = []

    def lie(inputs: Table) -> Any:
        counted.append(1)
        return {"rows": -1}

    with pytest.raises(ToolOutputError, match="rows"):
        call(made(lie), {"table": "t"})
    assert len(counted) == 1
    assert uses[0].status is CallStatus.INVALID_OUTPUT


def test_an_instance_that_was_changed_after_its_validation_is_validated_again() -> None:
    def lie(inputs: Table) -> Any:
        return Rows.model_construct(rows=-1)

    with pytest.raises(ToolOutputError, match="rows"):
        call(made(lie), {"table": "t"})


@pytest.mark.parametrize(
    ("facts", "attempts"),
    [({"effect": "read"}, 3), ({"effect": "write", "idempotent": True}, 3), ({"effect": "write"}, 1)],
)
def test_only_what_is_safe_to_repeat_is_repeated(facts: dict[str, Any], attempts: int, uses: list[ToolUse]) -> None:
    from assent.toolbox.calls import run

    seen: list[int] = []

    def fail(inputs: Table, context: ToolContext) -> Any:
        seen.append(context.attempt)
        raise OSError("the connection was closed")

    fail.__annotations__ = {"inputs": Table, "return": Rows}
    with pytest.raises(ToolFailedError, match="the connection was closed") as caught:
        run(tool(name="fails", description="Fails.", **facts)(fail), {"table": "t"}, limits=Limits(backoff=0))
    assert seen == list(range(1, attempts + 1))
    assert caught.value.attempts == attempts
    assert isinstance(caught.value.__cause__, OSError)


def test_a_failure_is_told_without_secrets(uses: list[ToolUse]) -> None:
    def fail(inputs: Table) -> Any:
        raise OSError("could not connect to postgresql://app:Tr0ub4dor@db.example.com/shop")

    with pytest.raises(ToolFailedError) as caught:
        call(made(fail), {"table": "t", "login": {"nested": [{"password": "Tr0ub4dor"}]}}, limits=Limits(attempts=1))
    assert "Tr0ub4dor" not in str(caught.value)
    assert "Tr0ub4dor" not in uses[0].error
    assert "Tr0ub4dor" not in uses[0].inputs
    assert "⟦secret:" in uses[0].inputs


@pytest.mark.parametrize("is_async", [False, True])
def test_a_tool_that_hangs_is_left_after_its_timeout(is_async: bool, uses: list[ToolUse]) -> None:
    release = threading.Event()

    def hang(inputs: Table) -> Any:
        release.wait(60)

    async def hang_async(inputs: Table) -> Any:
        await asyncio.sleep(60)

    hung = made(hang_async if is_async else hang, timeout=0.05)
    try:
        with pytest.raises(ToolTimeoutError, match=r"has not finished after 0\.05 s"):
            if is_async:
                asyncio.run(acall(hung, {"table": "t"}, limits=Limits(attempts=1)))
            else:
                call(hung, {"table": "t"}, limits=Limits(attempts=1))
    finally:
        release.set()
    assert uses[0].status is CallStatus.TIMED_OUT


def test_a_call_that_a_tool_makes_knows_its_parent(uses: list[ToolUse]) -> None:
    def outer(inputs: Table) -> Any:
        return call(count_rows, inputs).output

    call(made(outer), {"table": "orders"})
    inner, outer_use = uses
    assert inner.parent_id == outer_use.call_id
    assert outer_use.parent_id == ""


def test_a_step_that_does_the_work_of_a_tool_counts_as_its_call(uses: list[ToolUse]) -> None:
    with recorded(drop_table, {"table": "t", "password": "hunter2"}, request_id="r1"):
        call(count_rows, {"table": "t"})
    inner, outer = uses
    assert (outer.tool, outer.status, outer.request_id, outer.attempts) == ("drop_table", CallStatus.OK, "r1", 1)
    assert inner.parent_id == outer.call_id
    assert "hunter2" not in outer.inputs
    with pytest.raises(KeyError), recorded(count_rows, {"table": "t"}):
        raise KeyError("password=hunter2")
    assert uses[-1].status is CallStatus.FAILED and "hunter2" not in uses[-1].error
    with pytest.raises(GraphInterrupt), recorded(count_rows, {"table": "t"}):
        raise GraphInterrupt
    assert len(uses) == 3


def test_odd_inputs_are_warned_of_at_any_depth() -> None:
    path = "C:\\" + "x" * 260
    result = call(count_rows, {"table": "t", "login": {"files": [path, "short"]}})
    assert result.warnings == ("The path in login.files[0] has 263 characters; Windows may not accept more than 260.",)
    own = made(lambda inputs: Rows(rows=1), warnings=lambda inputs: [f"{inputs.table} is large."])
    assert call(own, {"table": "orders"}).warnings == ("orders is large.",)


def test_an_input_that_the_tool_does_not_have_is_warned_of() -> None:
    assert call(count_rows, {"table": "t", "tabel": "u"}).warnings == (
        "count_rows has no input 'tabel', so it was ignored.",
    )
    assert call(count_rows, Table(table="t")).warnings == ()


class Sized(Table):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.table)


def test_people_cannot_add_arguments_that_the_tool_would_ignore() -> None:
    schema = propose(drop_table, {"table": "t"}).args_schema
    assert schema is not None and schema["additionalProperties"] is False
    sized = tool(name="sized", description="For a test.")(_sized)
    assert propose(sized, {"table": "t"}).args_schema == sized.takes.schema


def _sized(inputs: Sized) -> Rows: ...  # type: ignore[empty-body]


def test_a_schema_instead_of_a_model_is_checked_in_both_directions() -> None:
    counts = Tool(
        name="github.count", version="1", description="Counts.", effect=Effect.READ,
        function=lambda inputs: {"rows": inputs["table"]},
        takes=SchemaShape({"type": "object", "properties": {"table": {"type": "string"}}, "required": ["table"]}),
        returns=SchemaShape({"type": "object", "properties": {"rows": {"type": "integer"}}}),
    )  # fmt: skip
    with pytest.raises(ToolInputError, match="table"):
        call(counts, {})
    with pytest.raises(ToolOutputError, match="rows"):
        call(counts, {"table": "t"})


def test_dependencies_that_cannot_be_checked_are_not_available() -> None:
    def broken() -> list[Dependency]:
        raise OSError("no such program")

    (found,) = made(lambda inputs: {}, dependencies=broken).check_dependencies()
    assert not found.available
    assert "no such program" in found.detail


def versioned(*versions: str, name: str = "count_rows") -> Registry:
    return Registry(
        tool(name=name, version=version, effect="read", description="For a test.")(count_rows.function)
        for version in versions
    )


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("count_rows", "1.10"),
        ("count_rows@1.9", "1.9"),
        ("count_rows@>=1.2,<1.10", "1.9"),
        ("count_rows@2.0rc1", "2.0rc1"),
        ("count_rows@~=1.0", "1.10"),
    ],
)
def test_versions_are_compared_as_versions(wanted: str, version: str) -> None:
    assert versioned("1.9", "2.0rc1", "1.10", "1.2").get(wanted).version == version


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("count_row", "Did you mean count_rows"),
        ("count_rows@>=3", "Installed: 1.10, 1.9"),
        ("count_rows@latest", "neither a version"),
        ("count_rows@", "neither a version"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(wanted: str, words: str) -> None:
    with pytest.raises(UnknownToolError, match=words):
        versioned("1.9", "1.10").get(wanted)


def test_two_tools_of_one_name_and_version_are_refused() -> None:
    registry = versioned("1.0")
    with pytest.raises(InvalidToolError, match="is already in"):
        registry.add(tool(name="count_rows", version="1.0.0", effect="read", description="Other.")(count_rows.function))


def test_tools_are_listed_by_name_in_their_newest_version() -> None:
    registry = versioned("1.0", "2.0")
    registry.add(count_rows_of("another"))
    assert [found.full_name for found in registry] == ["another@1.0", "count_rows@2.0"]
    assert [found.version for found in registry.versions("count_rows")] == ["2.0", "1.0"]


def count_rows_of(name: str) -> Tool:
    return tool(name=name, effect="read", description="For a test.")(count_rows.function)


def test_a_thread_of_a_hanging_tool_does_not_keep_the_process() -> None:
    hung = made(lambda inputs: time.sleep(60), timeout=0.01)
    with pytest.raises(ToolTimeoutError):
        call(hung, {"table": "t"}, limits=Limits(attempts=1))
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "tool some_tool"]
    assert thread.daemon
