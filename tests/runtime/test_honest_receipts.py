"""What the record says of an outcome when steps fail, workers stop, workflows change and the database stumbles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph

from app.domain.running import Journal, RunBusyError
from app.runtime.library import Library
from app.runtime.saver import Saver
from app.services.runs.catalogue import publish_catalogue
from app.services.runs.progress import RunProgress
from assent import Script, Workflow, request_approval
from assent.contracts import Outcome, Verdict
from tests.flows import FlowInput, FlowState, effect
from tests.runtime.rig import Rig, until

Node = Callable[[FlowState], FlowState]


def install(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, version: str = "1", **nodes: Node) -> None:
    """Make a workflow of these nodes, one after the other, the one that the rig's worker has."""

    def build() -> StateGraph:
        graph, before = StateGraph(FlowState), START
        for node, step in nodes.items():
            graph.add_node(node, step)
            graph.add_edge(before, node)
            before = node
        graph.add_edge(before, END)
        return graph

    async def library() -> Library:
        workflow = Workflow(name, version, name, "A workflow for tests.", FlowInput, build)
        return Library([workflow], Saver(rig.pool))

    installed = rig.do(library())
    monkeypatch.setattr(rig.advancer, "library", installed)
    monkeypatch.setattr(rig, "library", installed)
    publish_catalogue(rig.services.sessions, installed.describe())


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
    """Both the thread's end and what the workflow said on the way were lost with the worker."""
    install(rig, monkeypatch, "honest_unseen", gate=gate, carry_out=carry_out)
    run = rig.begin("honest_unseen")
    request = rig.only(run)
    rig.decide(request)
    monkeypatch.setattr(rig.advancer._store, "note", _nothing)
    with monkeypatch.context() as broken:
        broken.setattr(rig.advancer._store, "complete", _dies)
        with pytest.raises(KeyError):
            rig.advance(run)
    rig.sql("delete from receipts where request_id = :id", id=request.id)
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert receipt.status == "delivered" and "died" in receipt.summary


async def _nothing(*arguments: Any) -> None:
    """A note that never reaches the database."""


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

    monkeypatch.setattr(store, "note", _nothing)
    monkeypatch.setattr(store, "complete", stumbles)
    rig.advance(run)
    rig.finish(run)
    assert rig.run(run).attempt == 2 and not failures
