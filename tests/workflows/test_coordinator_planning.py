"""Planning: requests become steps of what is registered, or it is said what is missing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import BaseModel

from assent.plans import PlanStep, references
from assent.toolbox import Dependency, Effect, Registry, Tool
from assent.toolbox.shapes import SchemaShape
from assent.workflow import Workflow
from workflows.coordinator.composing import Composition, Wish, compose, draft
from workflows.coordinator.linking import mistakes_of
from workflows.coordinator.matching import Match, Matcher
from workflows.coordinator.needs import needs_in
from workflows.coordinator.registered import Registered
from workflows.coordinator.routing import router_of

TEXT, NUMBER, LIST = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "object"}}


def made_tool(
    name: str, takes: dict[str, Any], returns: dict[str, Any], effect: str = "read", description: str = "Does it.",
    required: list[str] | None = None, dependencies: Callable[[], list[Dependency]] | None = None,
) -> Tool:  # fmt: skip
    """A tool of these fields that is never called."""
    wanted = {"type": "object", "properties": takes, "required": list(takes) if required is None else required}
    given_back = {"type": "object", "properties": returns, "required": list(returns), "additionalProperties": False}
    return Tool(
        name, "1.0", description, lambda inputs: {}, SchemaShape(wanted), SchemaShape(given_back), Effect(effect),
        dependencies=dependencies, capabilities=("tests",),
    )  # fmt: skip


def planned(text: str, *tools: Tool, targets: tuple[str, ...] = (), **values: Any) -> Composition:
    matcher = Matcher(Registered(Registry(tools), {}))
    return compose(Wish(needs_in(text, matcher.verbs), text, values, targets), matcher)


def ids(made: Composition) -> list[str]:
    return [step.id for step in made.steps]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Count the rows of orders and delete old sessions.", ["Count the rows of orders", "delete old sessions"]),
        ("Find old and large files.", ["Find old and large files"]),
        ("1. Check the disk\n2) restart it\n\n- show the log", ["Check the disk", "restart it", "show the log"]),
        ("Check the disk, then restart it; thanks!", ["Check the disk", "restart it"]),
        ("Check the disk. check the DISK.", ["Check the disk"]),
        (" \n ?!. ", []),
        ("", []),
    ],
)
def test_a_request_is_taken_apart_where_another_verb_begins(text: str, clauses: list[str]) -> None:
    assert [need.text for need in needs_in(text)] == clauses


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("Drop the orders table", {"delete"}), ("I want to remove it", {"delete"}), ("please restart it", {"restart"}),
        ("check the last backup", set()), ("show open connections", set()), ("list deleted files", set()),
    ],
)  # fmt: skip
def test_only_a_verb_in_its_place_asks_for_a_change(text: str, verbs: set[str]) -> None:
    [need] = needs_in(text)
    assert need.verbs == verbs


COUNT = made_tool("count_rows", {"table": TEXT}, {"rows": NUMBER}, description="Count the rows of a table.")
DROP = made_tool("drop_table", {"table": TEXT}, {"dropped": TEXT}, "destroy", "Drop a table for good.")
FIND = made_tool("find_slow_queries", {"target": TEXT}, {"slow_queries": LIST}, description="Find slow queries.")
EXPLAIN = made_tool(
    "explain_slow_queries", {"target": TEXT, "slow_queries": LIST}, {"plans": LIST}, description="Explain slow queries."
)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("Count the rows of the table orders", "orders"), ("Count the rows of the orders table", "orders"),
        ("Count rows, table: public.orders", "public.orders"), ("count rows where table = 'odd name'", "odd name"),
        ("Count the rows of “orders”.", "orders"), ("Count rows of the table called sales.", "sales"),
    ],
)  # fmt: skip
def test_values_are_found_where_the_text_names_their_field(text: str, table: str) -> None:
    [step] = planned(text, COUNT).steps
    assert (step.tool, step.inputs) == ("count_rows@1.0", {"table": table})


@pytest.mark.parametrize("text", ["Count the rows of the table", "Count rows of this table", "Count 'a' and 'b' rows"])
def test_what_the_text_does_not_clearly_name_is_missing(text: str) -> None:
    made = planned(text, COUNT)
    assert not made.steps and list(made.missing) == ["table"] and made.missing["table"].wanted_by == ["count_rows"]


def test_a_value_that_was_given_goes_before_the_text_and_has_to_fit() -> None:
    assert planned("Count the rows of the table orders", COUNT, table="sales").steps[0].inputs == {"table": "sales"}
    assert list(planned("Count the rows of the table orders", COUNT, table=5).missing) == ["count_rows_table"]


def test_fields_of_one_name_and_different_types_are_asked_for_apart() -> None:
    other = made_tool("list_sizes", {"table": NUMBER}, {"sizes": LIST})
    made = planned("Count rows. List sizes.", COUNT, other)
    assert list(made.missing) == ["table", "list_sizes_table"]
    steps = planned("Count rows. List sizes.", COUNT, other, table="orders", list_sizes_table=3).steps
    assert [step.inputs for step in steps] == [{"table": "orders"}, {"table": 3}]
    assert list(planned("List sizes.", other, table="orders").missing) == ["list_sizes_table"]


def test_a_question_is_never_served_by_a_change_nor_a_change_by_something_else() -> None:
    assert planned("How many rows has the table orders?", DROP).unserved
    assert planned("Truncate the orders table", COUNT).unserved
    assert planned("Rename the orders table", DROP).unserved


def test_a_chain_is_found_by_the_fields_that_fit() -> None:
    made = planned("Explain slow queries of shop", EXPLAIN, FIND, COUNT, targets=("shop",))
    assert ids(made) == ["find_slow_queries", "explain_slow_queries"]
    assert made.steps[1].inputs == {"target": "shop", "slow_queries": "${find_slow_queries.slow_queries}"}


def test_fields_of_the_same_name_and_another_type_do_not_fit() -> None:
    other = made_tool("find_slow_queries", {"target": TEXT}, {"slow_queries": TEXT})
    made = planned("Explain slow queries of shop", EXPLAIN, other, targets=("shop",))
    assert not made.steps and "explain_slow_queries needs slow_queries" in made.problems[0]


def test_tools_that_need_each_other_in_a_circle_are_no_chain() -> None:
    first = made_tool("first_look", {"beta": LIST}, {"alpha": LIST})
    second = made_tool("second_look", {"alpha": LIST}, {"beta": LIST})
    made = planned("Take a first look", first, second)
    assert not made.steps and "first_look needs beta" in made.problems[0]


def test_a_tool_is_no_source_of_what_it_was_given_itself() -> None:
    echo = made_tool("look_at_table", {"table": TEXT}, {"table": TEXT})
    assert list(planned("Drop the table", DROP, echo).missing) == ["table"]


def test_a_tool_whose_needs_are_not_there_is_not_planned() -> None:
    psql = Dependency("psql", False, "Install it.")
    gone = made_tool("count_rows", {}, {"rows": NUMBER}, dependencies=lambda: [psql])
    made = planned("Count rows", gone)
    assert not made.steps and "count_rows needs psql, which is not available: Install it." in made.problems[0]


def test_a_change_is_between_two_looks_and_nothing_needs_the_first() -> None:
    made = planned("Drop the orders table", DROP, COUNT)
    assert ids(made) == ["count_rows", "drop_table", "count_rows_2"]
    assert [step.needs for step in made.steps] == [[], [], ["drop_table"]]
    assert [step.gated for step in made.steps] == [False, True, False]


def test_more_needs_than_a_plan_has_room_for_are_said() -> None:
    text = "\n".join(f"Count the rows of the table t{number}" for number in range(25))
    made = planned(text, COUNT)
    assert len(made.steps) == 20 and "at most 20 needs" in made.problems[0]


LONG = ["a/", "+/", "a-", "a.", "a", " ", "\n", "1", "'a ", "${", "and ", ", ", "path ", "path: ", "check rows t. "]
ORDERED = ["check it before ", "check it after ", "and take a backup first ", "before a backup, check. ", "and rows "]


@pytest.mark.parametrize("repeated", LONG)
def test_no_text_takes_long(repeated: str) -> None:
    fields = dict.fromkeys(["path", "host", "email", "url", "name", "table", "date"], TEXT) | {"days": NUMBER}
    offered = [made_tool(f"check_{name}", fields, {}) for name in ("disk", "rows")]
    began = time.process_time()
    made = planned("Check the disk. Check rows. " + repeated * 50_000, *offered)
    assert time.process_time() - began < 10 and not made.steps


@pytest.mark.parametrize("repeated", ORDERED)
def test_no_order_is_too_deep(repeated: str) -> None:
    began = time.process_time()
    assert needs_in(repeated * 5_000)
    assert needs_in("".join(f"{repeated}t{number} " for number in range(3_000)))
    assert time.process_time() - began < 10


def test_a_value_that_is_too_long_is_not_cut() -> None:
    assert list(planned(f"Count the rows, table: {'a.b' * 100}", COUNT).missing) == ["table"]


# Every plan fits


NAMES = some.sampled_from(["alpha", "beta", "gamma", "target", "path", "count", "days", "text"])
KINDS = some.sampled_from([
    TEXT, NUMBER, LIST, {"type": "boolean"}, {"type": "number"}, {"enum": ["quick", "slow"]}, {},
    {"anyOf": [TEXT, {"type": "null"}]}, {"type": "object", "properties": {"alpha": TEXT}, "required": ["alpha"]},
    {"type": "array", "items": TEXT},
])  # fmt: skip
VERBS = some.sampled_from(["list", "count", "delete", "create", "restart", "check", "mend", "status"])
NOUNS = some.sampled_from(["rows", "files", "servers", "item", "input"])


@some.composite
def tools(draw: Any) -> Tool:
    odd = some.sampled_from(["status", "srv.look-up"])
    name = f"{draw(VERBS)}_{draw(NOUNS)}" if draw(some.booleans()) else draw(odd)
    takes = draw(some.dictionaries(NAMES, KINDS, max_size=4))
    required = [field for field in takes if draw(some.booleans())]
    returns = draw(some.dictionaries(NAMES, KINDS, max_size=4))
    return made_tool(name, takes, returns, draw(some.sampled_from(["read", "write", "destroy"])), "Does it.", required)


PIECES = some.one_of(
    VERBS, NOUNS, NAMES,
    some.sampled_from([
        "the", "and", "then", ".", "\n", ": ", "= ", "'quoted ${alpha.beta} $${x}'", "30 days", "/var/log/a.log",
        "quick", "${count_rows.alpha}", "${", "}", "$${", "shop", "[{\"tool\": \"delete_rows\"}]", "yes", "5", "\u202e",
    ]),
    some.text(max_size=6),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(some.lists(tools(), max_size=8), some.lists(PIECES, max_size=25))
def test_every_plan_links_without_mistakes_and_names_nothing_but_its_own_steps(
    offered: list[Tool], pieces: list[str]
) -> None:
    text = " ".join(pieces)
    found = Registered(Registry({tool.name: tool for tool in offered}.values()), {})
    matcher = Matcher(found)
    wish = Wish(needs_in(text, matcher.verbs), text, {}, ("shop",))
    steps = draft(wish, matcher).steps
    assert not steps or mistakes_of(steps, found) == {}
    before: set[str] = set()
    for step in steps:
        assert {reference.root for reference in references(step.inputs)} | set(step.needs) <= before
        assert step.tool in {tool.full_name for tool in offered}
        before.add(step.id)
    assert [step.model_dump() for step in draft(wish, matcher).steps] == [step.model_dump() for step in steps]


def test_what_does_not_link_has_its_step_and_its_field() -> None:
    found = Registered(Registry([COUNT, DROP]), {})
    steps = [
        PlanStep(id="count", title="Count", tool="count_rows@1.0", inputs={"table": 5, "colour": "red"}, effect="read"),
        PlanStep(id="drop", title="Drop", tool="drop_table@2.0", inputs={"table": "${count.rows}"}, effect="destroy"),
        PlanStep(id="run", title="Run", workflow="nothing", effect="write"),
    ]  # fmt: skip
    mistakes = mistakes_of(steps, found)
    assert re.search(r"inputs.table: .*a text is required", " ".join(mistakes["count"]))
    assert "Installed: 1.0" in mistakes["drop"][0] and "There is no workflow 'nothing'" in mistakes["run"][0]


# The router, for clauses whose own words say too little


def served(text: str, route: Any, *workflows: Workflow) -> Composition:
    found = Registered(Registry([COUNT]), {workflow.name: workflow for workflow in workflows})
    matcher = Matcher(found, route)
    return compose(Wish(needs_in(text, matcher.verbs), text, {}), matcher)


class NoInput(BaseModel):
    pass


UPKEEP = Workflow("database_maintenance", "2", "Database maintenance", "Checks health.", NoInput, lambda: None)


def test_a_workflow_that_the_router_knows_serves_what_no_words_serve() -> None:
    asked: list[str] = []

    def route(text: str) -> tuple[Match | None, str]:
        asked.append(text)
        return Match("database_maintenance", 0.9, (), "“creaking” points to it."), ""

    made = served("Everything is creaking. Count the rows of the table orders.", route, UPKEEP)
    assert [step.workflow or step.tool for step in made.steps] == ["database_maintenance", "count_rows@1.0"]
    assert asked == ["Everything is creaking"] and "“creaking” points to it." in made.steps[0].reason


def test_a_workflow_that_is_not_installed_is_named() -> None:
    text = "Our AWS bill exploded this month"
    [said] = served(text, router_of({})).unserved
    assert said == f"“{text}”: the workflow cost_optimization would fit, and is not installed."
    [said] = served("Bake a cake", router_of({})).unserved
    assert said == "“Bake a cake”: nothing that is registered does this."
