"""What the record says about an outcome when steps fail, workers stop, workflows change and the database stumbles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph

from app.domain.run_protocol import Journal
from app.store.requests import ApprovalRequest
from assent import Script, request_approval
from assent.contracts import Verdict
from tests.flows import FlowState, effect
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import carry_out, follow_up, gate, install, install_graph, two_branches


def gate_and_carry_out(state: FlowState) -> FlowState:
    """As somebody may write it who does not want two steps."""
    request_approval(Script(title="Remove it", language="bash", content="rm x"))
    effect(state, "tried")
    raise_unless_mended(state)
    return {}


def raise_unless_mended(state: FlowState) -> None:
    if not Path(f"{state['input']['effects']}.mended").exists():
        raise RuntimeError("rm: x: permission denied")


@pytest.mark.parametrize(
    ("action", "status", "state"), [("abort", "failed", "failed"), ("retry", "applied", "completed")]
)
def test_what_was_approved_is_not_applied_while_its_step_has_failed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, action: str, status: str, state: str
) -> None:
    install(rig, monkeypatch, "honest_gate_and_do", gate_and_do=gate_and_carry_out)
    run, request = rig.begin_approved("honest_gate_and_do")
    rig.advance(run)
    failure = rig.only(run)
    assert failure.kind == "error"
    assert rig.view(request).receipt.status == "delivered"
    rig.aside(run, "mended").touch()
    rig.decide(failure, Verdict.ANSWER, answer={"action": action})
    rig.advance(run)
    assert (rig.state(run), rig.view(request).receipt.status) == (state, status)


def test_what_a_run_took_unseen_is_never_called_applied(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of a version that did not write both at once has stored the thread, and nothing that was said of it."""
    install(rig, monkeypatch, "honest_unseen", gate=gate, carry_out=carry_out)
    run, request = rig.begin_approved("honest_unseen")
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


def test_what_a_run_said_outlives_a_moment_without_the_database(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = rig.begin_approved("test_gate")
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


def beside(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ApprovalRequest, ApprovalRequest]:
    """A run of two branches: the left one is approved, and waits for the right one."""
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
    run, request = rig.begin_approved("honest_skip")
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
    run, request = rig.begin_approved("honest_handled")
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert receipt.status == "delivered" and receipt.summary.startswith("Not known")


def always_fails(state: FlowState) -> FlowState:
    raise RuntimeError("rm: x: permission denied")
