"""What the record says of an outcome when steps fail, workers stop, workflows change and the database stumbles."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph

from app.domain.run_protocol import Journal, RunBusyError
from app.runtime.library import Library
from app.runtime.saver import Saver
from app.services.runs.catalog import publish_catalog
from app.services.runs.progress import RunProgress
from app.store.requests import ApprovalRequest
from assent import Script, Workflow, publish_artifact, report_receipt, request_approval
from assent.contracts import Outcome, Verdict
from assent.digests import canonical
from tests.flows import FlowInput, FlowState, effect
from tests.runtime.rig import Rig, until

Node = Callable[[FlowState], FlowState]


def install(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, version: str = "1", **nodes: Node) -> None:
    """Make a workflow of these nodes, one after the other, the one that the rig's worker has."""

    def build() -> StateGraph:
        graph, before = StateGraph(FlowState), START
        for node, step in nodes.items():
            graph.add_node(node, step, metadata={"skippable": True})
            graph.add_edge(before, node)
            before = node
        graph.add_edge(before, END)
        return graph

    install_graph(rig, monkeypatch, name, version, build)


def install_graph(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, version: str, build: Callable[[], StateGraph]
) -> None:
    """Make a workflow the one that the rig's worker has."""

    async def library() -> Library:
        workflow = Workflow(name, version, name, "A workflow for tests.", FlowInput, build)
        return Library([workflow], Saver(rig.pool))

    installed = rig.do(library())
    monkeypatch.setattr(rig.advancer, "library", installed)
    monkeypatch.setattr(rig, "library", installed)
    publish_catalog(rig.services.sessions, installed.describe())


def gate(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Remove it", language="bash", content="rm x"))
    return {"outcome": outcome.model_dump(mode="json")}


def carry_out(state: FlowState) -> FlowState:
    if Outcome.model_validate(state["outcome"]).approved:
        effect(state, "done")
    return {}


def gate_and_carry_out(state: FlowState) -> FlowState:
    """As somebody may write it who does not want two steps."""
    request_approval(Script(title="Remove it", language="bash", content="rm x"))
    effect(state, "tried")
    raise_unless_mended(state)
    return {}


def raise_unless_mended(state: FlowState) -> None:
    if not Path(f"{state['input']['effects']}.mended").exists():
        raise RuntimeError("rm: x: permission denied")


def test_a_cancelled_advance_keeps_its_run_from_others_while_its_step_goes_on(rig: Rig) -> None:
    run = rig.begin("test_slow", advance=False)

    async def scenario() -> None:
        other = await rig.another("second")
        advancing = asyncio.create_task(rig.advancer.advance(run))
        await until(lambda: rig.effects(run) == {"slow began": 1})
        advancing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await advancing
        with pytest.raises(RunBusyError):
            await other.advance(run)

    try:
        rig.do(scenario())
    finally:
        rig.aside(run, "go").touch()
        rig.do(rig.died())
    rig.do(until(lambda: rig.effects(run)["slow ended"]))
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}


@pytest.mark.parametrize(
    ("action", "status", "state"), [("abort", "failed", "failed"), ("retry", "applied", "completed")]
)
def test_what_was_approved_is_not_applied_while_its_step_has_failed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, action: str, status: str, state: str
) -> None:
    install(rig, monkeypatch, "honest_gate_and_do", gate_and_do=gate_and_carry_out)
    run = rig.begin("honest_gate_and_do")
    request = rig.only(run)
    rig.decide(request)
    rig.advance(run)
    failure = rig.only(run)
    assert failure.kind == "error"
    assert rig.view(request).receipt.status == "delivered"
    rig.aside(run, "mended").touch()
    rig.decide(failure, Verdict.ANSWER, answer={"action": action})
    rig.advance(run)
    assert (rig.state(run), rig.view(request).receipt.status) == (state, status)


def test_a_run_is_not_carried_on_by_another_version(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "honest_upgrade", gate=gate, carry_out=carry_out)
    run = rig.begin("honest_upgrade")
    request = rig.only(run)
    install(rig, monkeypatch, "honest_upgrade", "2", approve=gate, do_it=carry_out)
    rig.decide(request)
    rig.advance(run)
    assert rig.state(run) == "failed" and "version 1" in rig.run(run).error["message"]
    assert rig.view(request).receipt is None and not rig.effects(run)
    install(rig, monkeypatch, "honest_upgrade", gate=gate, carry_out=carry_out)
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"done": 1} and rig.view(request).receipt.status == "applied"


def test_a_run_at_a_node_that_is_gone_has_not_come_to_its_end(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "honest_renamed", gate=gate, carry_out=carry_out)
    run = rig.begin("honest_renamed")
    request = rig.only(run)
    install(rig, monkeypatch, "honest_renamed", approve=gate, do_it=carry_out)
    rig.decide(request)
    rig.advance(run)
    assert rig.state(run) == "failed" and "“gate”" in rig.run(run).error["message"]
    assert rig.view(request).receipt is None and not rig.effects(run)


def test_a_pause_in_the_moment_the_run_is_drained_is_heard(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rig.begin("test_slow", advance=False)
    store = RunProgress(rig.services.sessions, rig.services.clock)
    taken = store.begin(run)
    assert taken is not None
    looked = store._asked

    def pressed_in_between(run_id: str) -> str:
        found = looked(run_id)
        if not found:
            rig.runs.pause(rig.starter, run_id)
        return found

    monkeypatch.setattr(store, "_asked", pressed_in_between)
    store.drained(taken.attempt, Journal(run))
    assert rig.state(run) == "paused"


def test_what_a_run_took_unseen_is_never_called_applied(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of a version that did not write both at once has stored the thread, and nothing that was said of it."""
    install(rig, monkeypatch, "honest_unseen", gate=gate, carry_out=carry_out)
    run = rig.begin("honest_unseen")
    request = rig.only(run)
    rig.decide(request)
    note = rig.advancer._store.note

    async def thread_alone(attempt: int, journal: Journal) -> None:
        await note(attempt, Journal(run, stored=journal.stored))

    async def thread_then_dies(attempt: int, journal: Journal, result: Any) -> None:
        await thread_alone(attempt, journal)
        raise KeyError("the worker dies here")

    with monkeypatch.context() as broken:
        broken.setattr(rig.advancer._store, "note", thread_alone)
        broken.setattr(rig.advancer._store, "complete", thread_then_dies)
        with pytest.raises(KeyError):
            rig.advance(run)
    rig.sql("delete from receipts where request_id = :id", id=request.id)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert receipt.status == "delivered" and "died" in receipt.summary


async def _dies(*arguments: Any) -> None:
    raise KeyError("the worker dies here")


def test_what_a_run_said_outlives_a_moment_without_the_database(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rig.begin("test_gate")
    request = rig.only(run)
    rig.decide(request)
    store = rig.advancer._store
    complete, failures = store.complete, [psycopg.OperationalError("gone"), psycopg.errors.DeadlockDetected("again")]

    async def stumbles(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        await complete(*arguments)

    monkeypatch.setattr(store, "complete", stumbles)
    rig.advance(run)
    rig.finish(run)
    assert rig.run(run).attempt == 2 and not failures


# What is concluded where nothing is reported


class Branches(TypedDict, total=False):
    input: dict[str, Any]
    left: dict[str, Any]
    right: dict[str, Any]


def gate_of(branch: str) -> Node:
    """A gate, which acts on nothing itself."""

    def ask(state: FlowState) -> FlowState:
        outcome = request_approval(Script(title=f"Remove {branch}", language="bash", content=f"rm {branch}"))
        return {branch: outcome.model_dump(mode="json")}  # type: ignore[misc]

    return ask


def remove(branch: str) -> Node:
    """What its outcome is for."""

    def act(state: FlowState) -> FlowState:
        effect(state, f"removed {branch}")
        return {}

    return act


def two_branches() -> StateGraph:
    """Two gates beside each other; what comes after each starts only once both are answered."""
    graph = StateGraph(Branches)
    for branch in ("left", "right"):
        graph.add_node(f"ask_{branch}", gate_of(branch))
        graph.add_node(f"remove_{branch}", remove(branch))
        graph.add_edge(START, f"ask_{branch}")
        graph.add_edge(f"ask_{branch}", f"remove_{branch}")
    return graph


def beside(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ApprovalRequest, ApprovalRequest]:
    """A run of two branches of which the left one is approved, and waits for the right one."""
    install_graph(rig, monkeypatch, "honest_branches", "1", two_branches)
    run = rig.begin("honest_branches")
    asked = {request.title: request for request in rig.pending(run)}
    left, right = asked["Remove left"], asked["Remove right"]
    rig.decide(left)
    rig.advance(run)
    assert rig.state(run) == "suspended" and not rig.effects(run)
    return run, left, right


def test_what_was_approved_is_not_applied_while_its_step_waits_for_another_branch(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, left, right = beside(rig, monkeypatch)
    receipt = rig.view(left).receipt
    assert receipt.status == "delivered" and "Nothing has been reported yet" in receipt.summary
    rig.decide(right)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"removed left": 1, "removed right": 1}
    assert [rig.view(request).receipt.status for request in (left, right)] == ["applied", "applied"]


def test_what_was_approved_is_not_applied_after_a_run_was_cancelled(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run, left, _ = beside(rig, monkeypatch)
    rig.runs.cancel(rig.starter, run)
    rig.advance(run)
    receipt = rig.view(left).receipt
    assert rig.state(run) == "cancelled" and receipt.status == "delivered"
    assert "canceled" in receipt.summary and "not known" in receipt.summary


def test_a_failure_after_a_later_question_is_not_that_of_an_earlier_outcome(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(rig, monkeypatch, "honest_two", gate=gate, carry_out=carry_out, second=gate_and_carry_out)
    run = rig.begin("honest_two")
    first = rig.only(run)
    rig.decide(first)
    rig.advance(run)
    second = rig.only(run)
    rig.decide(second)
    rig.advance(run)
    rig.decide(rig.only(run), Verdict.ANSWER, answer={"action": "abort"})
    rig.advance(run)
    assert rig.state(run) == "failed"
    receipts = [rig.view(request).receipt for request in (first, second)]
    assert [receipt.status for receipt in receipts] == ["delivered", "failed"]
    assert receipts[0].summary.startswith("Not known")


def test_what_was_approved_is_not_applied_where_its_step_failed_and_was_skipped(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(rig, monkeypatch, "honest_skip", gate=gate, fails=always_fails, follow_up=follow_up)
    run = rig.begin("honest_skip")
    request = rig.only(run)
    rig.decide(request)
    rig.advance(run)
    rig.decide(rig.only(run), Verdict.ANSWER, answer={"action": "skip"})
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert receipt.status == "delivered" and receipt.summary.startswith("Not known")


def test_what_was_approved_is_not_applied_where_a_handler_took_the_error_of_its_step(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> StateGraph:
        graph = StateGraph(FlowState)
        graph.add_node("gate", gate)
        graph.add_node("fails", always_fails, error_handler=lambda state: {})
        graph.add_edge(START, "gate")
        graph.add_edge("gate", "fails")
        graph.add_edge("fails", END)
        return graph

    install_graph(rig, monkeypatch, "honest_handled", "1", build)
    run = rig.begin("honest_handled")
    request = rig.only(run)
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert receipt.status == "delivered" and receipt.summary.startswith("Not known")


def always_fails(state: FlowState) -> FlowState:
    raise RuntimeError("rm: x: permission denied")


def follow_up(state: FlowState) -> FlowState:
    effect(state, "followed up")
    return {}


# What a step reports


def gate_act_and_report(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Remove it", language="bash", content="rm x"))
    effect(state, "tried")
    report_receipt(outcome, "failed", "The disk was full.")
    return {}


def nested_act_and_report(state: FlowState) -> FlowState:
    """The same in a graph of the step's own."""
    inner = StateGraph(FlowState)
    inner.add_node("inside", gate_act_and_report)
    inner.add_edge(START, "inside")
    return inner.compile().invoke(state)


@pytest.mark.parametrize("step", [gate_act_and_report, nested_act_and_report], ids=["own", "nested"])
@pytest.mark.parametrize("write", [0, 1, 2])
def test_what_a_step_reported_outlives_its_worker(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, step: Node, write: int
) -> None:
    """The worker dies at one of the writes around the end of the step."""
    install(rig, monkeypatch, "honest_report", step=step, follow_up=follow_up)
    run = rig.begin("honest_report")
    request = rig.only(run)
    rig.decide(request)
    store, done = rig.advancer._store, []
    note = store.note

    async def dies(*arguments: Any) -> None:
        done.append(arguments)
        if len(done) > write:
            raise KeyError("the worker dies here")
        await note(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(store, "note", dies)
        for name in ("complete", "fail", "suspend"):
            broken.setattr(store, name, _dies)
        with pytest.raises(KeyError):
            rig.advance(run)
    receipt = rig.view(request).receipt
    assert receipt is None or (receipt.status, receipt.explicit) == ("failed", True)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.explicit, receipt.summary) == ("failed", True, "The disk was full.")
    assert receipt.delivered_at is not None and len(rig.requests(run)) == 1
    assert rig.effects(run)["followed up"] >= 1


def circular() -> list[Any]:
    around: list[Any] = []
    around.append({"self": around})
    return around


def deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(5_000):
        value = {"in": value}
    return value


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("I have no words.")

    __repr__ = __str__


SECRET = "ghp_" + "a1B2" * 10
REPORTS: dict[str, tuple[Any, Any, Any]] = {
    "long summary": ("applied", "x" * 3_000, None),
    "half an emoji": ("applied", "Done \ud83d", {"\ud83d": "\ud83d\x00"}),
    "datetime": ("applied", "", {"at": datetime(2026, 7, 1, tzinfo=UTC)}),
    "NaN": ("applied", "", [math.nan, math.inf, 10**5_000]),
    "set": ("applied", "", {"ids": {3, 1, 2}}),
    "bytes": ("applied", b"done", b"\xff\x00"),
    "circular": ("applied", "", circular()),
    "deep": ("applied", "", deep()),
    "huge": ("applied", "", {"rows": ["x" * 1_000] * 20_000}),
    "secret": ("applied", f"Used {SECRET}", {"token": SECRET}),
    "no words": ("applied", Unspeakable(), Unspeakable()),
    "unknown status": ("done", "All well.", None),
    "no status": (None, None, None),
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_reporting_never_fails_a_step_that_has_acted(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    status, summary, detail = REPORTS[name]

    def act(state: FlowState) -> FlowState:
        effect(state, "done")
        report_receipt(Outcome.model_validate(state["outcome"]), status, summary, detail)
        return {}

    install(rig, monkeypatch, "honest_values", gate=gate, act=act)
    run = rig.begin("honest_values")
    request = rig.only(run)
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert rig.effects(run) == {"done": 1} and receipt.explicit
    assert receipt.status == ("applied" if status == "applied" else "delivered")
    assert len(receipt.summary) <= 2_000 and len(canonical(receipt.detail)) < 2_000_000
    assert SECRET not in receipt.summary + canonical(receipt.detail)
    if name == "long summary":
        assert receipt.summary.endswith("(cut)")
    if status != "applied":
        assert receipt.summary.startswith("Not known")


@pytest.mark.parametrize("outcome", [None, 7, "not an id", {}, {"request_id": 7}], ids=str)
def test_a_report_of_nothing_is_left_out(rig: Rig, monkeypatch: pytest.MonkeyPatch, outcome: Any) -> None:
    def act(state: FlowState) -> FlowState:
        effect(state, "done")
        report_receipt(outcome, "failed")
        publish_artifact(7, Unspeakable(), None)  # type: ignore[arg-type]
        return {}

    install(rig, monkeypatch, "honest_nothing", gate=gate, act=act)
    run = rig.begin("honest_nothing")
    request = rig.only(run)
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"done": 1} and rig.view(request).receipt.status == "applied"
