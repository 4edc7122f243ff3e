"""What a proposal rests on: what counts as a change, and what happens to an approved call if there is one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel

from assent import Tolerance, ToolCall, request_approval
from assent.contracts import Basis, Changed, Outcome, document_of, resting_on
from assent.digests import digest_of
from assent.gate import RECEIPT_KEY
from assent.toolbox import (
    BasisChangedError,
    Limits,
    Registry,
    aapply,
    achanges_since,
    apply,
    aread,
    asks_people,
    changes_since,
    propose,
    question_about,
    read,
    tool,
)
from assent.toolbox.differences import differences, shown_path, value_at
from assent.toolbox.discovery import use_registry
from assent.toolbox.errors import ApprovalRequiredError
from assent.toolbox.ledger import keeping_in
from tests.runtime.agent_flows import SECRET


class Login(BaseModel):
    table: str = "all"
    password: str = ""


class Tables(BaseModel):
    tables: dict[str, dict[str, Any]]


class Done(BaseModel):
    done: str


WORLD: dict[str, dict[str, Any]] = {}
CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def world() -> dict[str, dict[str, Any]]:
    CALLS.clear()
    WORLD.clear()
    WORLD.update({
        "orders": {"rows": 40_000, "indexes": {"by_id": "(id)"}},
        "old.orders": {"rows": 10, "indexes": {}},
    })  # fmt: skip
    return WORLD


@tool(effect="read", version="1.4")
def list_tables(inputs: Login) -> Tables:
    """List the tables."""
    CALLS.append(inputs)
    if "broken" in WORLD:
        raise OSError("could not connect to postgresql://dba:Tr0ub4dor@db/shop")
    return Tables(tables=json.loads(json.dumps(WORLD)))


@tool(effect="write", idempotent=True)
def create_index(inputs: Login) -> Done:
    """Create an index."""
    CALLS.append("created")
    return Done(done=inputs.table)


@tool(effect="write", name="create_once")
def create_once(inputs: Login) -> Done:
    """Create something that must not be created twice."""
    CALLS.append("created")
    return Done(done=inputs.table)


COUNTS = {"tables.*.rows": "magnitude", "tables.*.indexes": "exact"}
ONCE = Limits(attempts=1)


def approved(proposal: ToolCall, request_id: str = "r1") -> Outcome:
    payload = document_of(proposal)
    digest = digest_of(payload)
    return Outcome(
        request_id=request_id, verdict="approve", payload=payload, digest=digest, proposed_digest=digest,
        decided_at=datetime.now(UTC), next_action="continue",
    )  # fmt: skip


def resting(changing: Any = create_index, **inputs: Any) -> Outcome:
    basis = read(list_tables, inputs, COUNTS)
    CALLS.clear()
    return approved(propose(changing, {"table": "orders"}, rests_on=[basis.model_dump(mode="json")]))


def changed_paths(found: Changed | None) -> dict[str, tuple[Any, Any, str]]:
    assert found is not None
    return {change.path: (change.before, change.now, change.problem) for change in found.changes}


# What counts


@contextmanager
def registered(registry: Registry) -> Iterator[None]:
    """Make it the registry of the process."""
    use_registry(registry)
    try:
        yield
    finally:
        use_registry(None)


@pytest.mark.parametrize(
    ("before", "now", "tolerance", "share", "alike"),
    [
        (40_000, 40_001, Tolerance.EXACT, None, False),
        (40_000, 100_000, Tolerance.MAGNITUDE, None, True),
        (40_000, 400_000, Tolerance.MAGNITUDE, None, False),
        (40_000, 4_000, Tolerance.MAGNITUDE, None, False),
        (9_999, 10_001, Tolerance.MAGNITUDE, None, True),
        (0, 1, Tolerance.MAGNITUDE, None, True),
        (0, 40_000, Tolerance.MAGNITUDE, None, False),
        (-5, 5, Tolerance.MAGNITUDE, None, False),
        (100, 110, Tolerance.SHARE, 0.1, True),
        (100, 111, Tolerance.SHARE, 0.1, False),
        (0, 1, Tolerance.SHARE, 0.5, False),
        (1, True, Tolerance.MAGNITUDE, None, False),
        (1, 1.0, Tolerance.EXACT, None, True),
        ("a", "b", Tolerance.MAGNITUDE, None, False),
        (None, 0, Tolerance.EXACT, None, False),
        ([1, 2], [1, 2, 3], Tolerance.EXACT, None, False),
        ([1, 2], [2, 1], Tolerance.EXACT, None, False),
    ],
)
def test_how_much_a_value_may_change(before: Any, now: Any, tolerance: Tolerance, share: Any, alike: bool) -> None:
    assert (list(differences(before, now, tolerance, share)) == []) is alike


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4), max_leaves=20,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine makes values slowly
@given(JSON, JSON, st.sampled_from(Tolerance))
def test_a_value_is_like_itself_and_what_is_exactly_alike_is_alike_with_any_tolerance(
    one: Any, other: Any, tolerance: Tolerance
) -> None:
    assert list(differences(one, json.loads(json.dumps(one)), tolerance, 0.0)) == []
    if not list(differences(one, other, Tolerance.EXACT, None)):
        assert not list(differences(one, other, tolerance, 0.1))


def test_paths_lead_to_parts_and_say_where_a_change_is() -> None:
    output = {"tables": WORLD, "list": [{"name": "a"}, {"name": "b"}]}
    assert value_at(output, "tables.orders.rows") == 40_000
    assert value_at(output, "tables.old.orders.rows") == 10, "a name with a dot"
    assert value_at(output, "list.1.name") == "b" and value_at(output, "list.*.name") == ["a", "b"]
    assert value_at(output, "tables.*.rows") == {"orders": 40_000, "old.orders": 10}
    for nowhere in ("tables.gone", "list.2", "list.-1", "list.x", "tables.orders.rows.more", "tables.*.nothing"):
        with pytest.raises(LookupError):
            value_at(output, nowhere)
    assert shown_path("tables.*.indexes", ("orders", "by_id")) == "tables.orders.indexes.by_id"
    assert shown_path("tables.*.rows", ("orders",)) == "tables.orders.rows"
    assert shown_path("tables.*.*.rows", ("orders",)) == "tables.orders"


# Reading


def test_a_basis_says_what_was_read_when_and_what_counts() -> None:
    basis = read(list_tables, {"table": "orders"}, {"tables.orders.rows": 0.2, "tables.*.indexes": "exact"})
    assert (basis.tool, basis.version, basis.inputs) == ("list_tables", "1.4", {"table": "orders"})
    assert (datetime.now(UTC) - basis.read_at).total_seconds() < 60
    rows, indexes = basis.values
    assert (rows.value, rows.tolerance, rows.share) == (40_000, Tolerance.SHARE, 0.2)
    assert indexes.value == {"orders": {"by_id": "(id)"}, "old.orders": {}}
    assert asyncio.run(aread(list_tables, {}, {"tables.orders.rows": "magnitude"})).values[0].value == 40_000


def test_only_reads_and_only_what_is_there_can_be_rested_on() -> None:
    with pytest.raises(ApprovalRequiredError):
        read(create_index, {}, {"done": "exact"})
    assert CALLS == []
    with pytest.raises(ValueError, match=r"nothing at 'tables\.shops'"):
        read(list_tables, {}, {"tables.shops": "exact"})
    with pytest.raises(ValueError, match="nearly"):
        read(list_tables, {}, {"tables.orders.rows": "nearly"})


def test_a_long_value_is_cut_and_compared_by_its_digest() -> None:
    WORLD["orders"]["indexes"] = {f"index_{number}": "(a, b, c)" for number in range(1_000)}
    basis = read(list_tables, {}, {"tables.orders.indexes": "exact"})
    assert len(json.dumps(basis.values[0].value)) < 1_000 and basis.values[0].digest
    outcome = approved(propose(create_index, {}, rests_on=[basis]))
    assert changes_since(outcome, [list_tables]) is None
    WORLD["orders"]["indexes"]["index_999"] = "(a)"
    assert list(changed_paths(changes_since(outcome, [list_tables]))) == ["tables.orders.indexes"]
    with pytest.raises(ValueError, match="too long to be compared with a tolerance"):
        read(list_tables, {}, {"tables.orders.indexes": "magnitude"})


# Reading again


def test_what_has_not_changed_holds() -> None:
    outcome = resting()
    WORLD["orders"]["rows"] = 90_000
    assert changes_since(outcome, [list_tables]) is None
    assert asyncio.run(achanges_since(outcome, [list_tables])) is None
    assert len(CALLS) == 2
    assert changes_since(approved(propose(create_index, {}))) is None, "what rests on nothing holds"


def test_what_has_changed_is_named() -> None:
    outcome = resting()
    WORLD["orders"] = {"rows": 400_000, "indexes": {"by_id": "(id, status)", "by_hand": "(status)"}}
    del WORLD["old.orders"]
    WORLD["new"] = {"rows": 1, "indexes": {}}
    found = changes_since(outcome, [list_tables])
    assert changed_paths(found) == {
        "tables.orders.rows": (40_000, 400_000, ""),
        "tables.old.orders.rows": (10, None, "gone"),
        "tables.new.rows": (None, 1, "new"),
        "tables.orders.indexes.by_id": ("(id)", "(id, status)", ""),
        "tables.orders.indexes.by_hand": (None, "(status)", "new"),
        "tables.old.orders.indexes": ({}, None, "gone"),
        "tables.new.indexes": (None, {}, "new"),
    }
    assert found is not None and (found.request_id, found.times) == ("r1", 1)


def test_what_cannot_be_read_again_has_changed_and_no_secret_is_told() -> None:
    outcome = resting()
    WORLD["broken"] = {}
    found = changes_since(outcome, [list_tables], limits=ONCE)
    assert found is not None and found.changes[0].path == ""
    assert "could not connect" in found.changes[0].problem and "Tr0ub4dor" not in found.model_dump_json()


def test_only_tools_that_read_are_called_whatever_the_proposal_names() -> None:
    outcome = resting()
    liar = tool(name="list_tables", version="1.4", effect="destroy", description="Not what it says.")(
        list_tables.function
    )
    found = changes_since(outcome, [liar])
    assert found is not None and "does not only read" in found.changes[0].problem
    with registered(Registry([liar])):
        assert changes_since(outcome) is not None
    newer = tool(name="list_tables", version="2.0", effect="read", description="Newer.")(list_tables.function)
    with registered(Registry([newer])):
        found = changes_since(outcome)
    assert found is not None and "No version" in found.changes[0].problem
    found = changes_since(outcome)
    assert found is not None and "There is no tool 'list_tables'" in found.changes[0].problem
    assert CALLS == []
    with registered(Registry([newer, list_tables])):
        assert changes_since(outcome) is None


# Applying


@pytest.mark.parametrize("changing", [create_index, create_once])
def test_a_call_is_made_if_its_basis_holds_and_not_if_it_does_not(changing: Any) -> None:
    outcome = resting(changing)
    assert apply(changing, outcome, reads=[list_tables]).document == {"done": "orders"}
    assert [call == "created" for call in CALLS] == [False, True]
    assert asyncio.run(aapply(changing, outcome, reads=[list_tables])).document == {"done": "orders"}
    WORLD["orders"]["indexes"]["by_hand"] = "(status)"
    CALLS.clear()
    for attempt in (apply, lambda *args, **more: asyncio.run(aapply(*args, **more))):
        with pytest.raises(BasisChangedError, match=r"tables\.orders\.indexes\.by_hand is new") as caught:
            attempt(changing, outcome, reads=[list_tables])
        assert caught.value.changed.request_id == "r1"
    assert "created" not in CALLS


def test_three_times_in_a_row_are_counted_and_then_people_are_asked() -> None:
    outcome = resting()
    times = []
    for number in range(1, 5):
        WORLD["orders"]["indexes"][f"another_{number}"] = "(a)"
        with pytest.raises(BasisChangedError) as caught:
            apply(create_index, outcome, reads=[list_tables])
        changed = caught.value.changed
        times.append((changed.times, asks_people(changed)))
        basis = read(list_tables, {}, COUNTS)
        outcome = approved(propose(create_index, {}, rests_on=[basis], changed=changed), f"r{number + 1}")
    assert times == [(1, False), (2, False), (3, True), (4, False)]
    question = question_about(changed, "Create an index")
    assert question.answer_schema is not None and question.answer_schema["enum"] == ["propose again", "stop"]
    assert "approved 4 times" in question.question and question.changed == changed


@pytest.mark.parametrize(("changing", "again"), [(create_index, True), (create_once, False)])
def test_the_effect_of_an_attempt_that_was_cut_off_is_no_change_by_somebody_else(changing: Any, again: bool) -> None:
    begun: set[str] = set()

    def begin(key: str) -> bool:
        return not (key in begun or begun.add(key))  # type: ignore[func-returns-value]

    outcome = resting(changing)
    with keeping_in(begin):
        apply(changing, outcome, reads=[list_tables])
        # The worker died before the step was stored; the step runs again, and finds what it has done.
        WORLD["orders"]["indexes"]["mine"] = "(status)"
        CALLS.clear()
        if again:
            assert apply(changing, outcome, reads=[list_tables]).document == {"done": "orders"}
            assert CALLS == ["created"]
        else:
            with pytest.raises(Exception, match="Whether it was carried out is not known"):
                apply(changing, outcome, reads=[list_tables])
            assert CALLS == []


def test_an_attempt_that_was_cut_off_while_it_read_reads_again() -> None:
    begun: set[str] = set()
    outcome = resting(create_once)
    with keeping_in(lambda key: not (key in begun or begun.add(key))):  # type: ignore[func-returns-value]
        WORLD["stop"] = {}

        def cut_off(inputs: Login) -> Tables:
            raise KeyboardInterrupt

        dying = tool(name="list_tables", version="1.4", effect="read", description="Dies.")(cut_off)
        with pytest.raises(KeyboardInterrupt):
            apply(create_once, outcome, reads=[dying])
        del WORLD["stop"]
        WORLD["orders"]["rows"] = 4_000_000
        with pytest.raises(BasisChangedError):
            apply(create_once, outcome, reads=[list_tables])
    assert "created" not in CALLS


# In a graph


class State(TypedDict, total=False):
    basis: list[dict[str, Any]]
    outcome: dict[str, Any]
    result: dict[str, Any]


def graph() -> Any:
    def look(state: State) -> State:
        return {"basis": [read(list_tables, {"password": SECRET}, COUNTS).model_dump(mode="json")]}

    def ask(state: State) -> State:
        proposal = propose(create_index, {"table": "orders"})
        return {"outcome": request_approval(proposal, rests_on=state["basis"]).model_dump(mode="json")}

    def act(state: State) -> State:
        try:
            return {"result": apply(create_index, state["outcome"], reads=[list_tables]).document}
        except BasisChangedError as error:
            return {"result": error.changed.model_dump(mode="json")}

    made = StateGraph(State)
    for node in (look, ask, act):
        made.add_node(node.__name__, node)
    for start, end in ((START, "look"), ("look", "ask"), ("ask", "act"), ("act", END)):
        made.add_edge(start, end)
    return made.compile(checkpointer=InMemorySaver())


@pytest.fixture
def ended() -> Callable[[Callable[[], Any]], tuple[Any, list[dict[str, Any]]]]:
    def run(meanwhile: Callable[[], Any]) -> tuple[Any, list[dict[str, Any]]]:
        made, config = graph(), {"configurable": {"thread_id": "1"}}
        made.invoke({}, config)
        [pending] = made.get_state(config).interrupts
        proposal = pending.value["proposal"]
        assert SECRET not in json.dumps(proposal) and "⟦secret:" in proposal["rests_on"][0]["inputs"]["password"]
        CALLS.clear()
        meanwhile()
        digest = digest_of(proposal)
        answer = {
            "request_id": "r1", "verdict": "approve", "payload": proposal, "digest": digest,
            "proposed_digest": digest, "decided_at": datetime.now(UTC).isoformat(), "next_action": "continue",
        }  # fmt: skip
        events = made.stream(Command(resume={pending.id: answer}), config, stream_mode="custom")
        receipts = [event[RECEIPT_KEY] for event in events if RECEIPT_KEY in event]
        return made.get_state(config).values["result"], receipts

    return run


def test_people_see_no_secret_and_it_is_read_again_with_it(ended: Any) -> None:
    result, receipts = ended(lambda: None)
    assert result == {"done": "orders"} and [receipt["status"] for receipt in receipts] == ["applied"]
    assert CALLS[0].password == SECRET and CALLS[1] == "created"


def test_the_receipt_says_what_changed(ended: Any) -> None:
    result, receipts = ended(lambda: WORLD["orders"].update(rows=400_000))
    assert result["changes"][0]["path"] == "tables.orders.rows" and "created" not in CALLS
    [receipt] = receipts
    assert receipt["status"] == "not_applied" and "was 40000, and is 400000" in receipt["summary"]
    assert receipt["detail"]["changes"][0]["now"] == 400_000


def test_proposals_that_rest_on_nothing_keep_their_digests() -> None:
    document = document_of(propose(create_index, {}))
    assert not {"rests_on", "changed"} & set(document)
    assert document_of(document | {"rests_on": [], "changed": None}) == document
    basis = Basis(tool="t", read_at=datetime.now(UTC), values=[{"path": "a", "value": 1}])
    resting_document = document_of(resting_on(document, [basis]))
    assert document_of(resting_document) == resting_document
