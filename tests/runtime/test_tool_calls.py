"""Calls of tools in runs: recorded with their step, and made once for each approval, whichever worker dies."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import BaseModel

from assent import request_approval
from assent.toolbox import Tool, ToolContext, aapply, apply, call, propose, tool
from tests.flows import FlowState, effect
from tests.runtime.rig import Rig, until
from tests.runtime.small_graphs import Node, install


class Job(BaseModel):
    effects: str
    password: str = ""


CONTEXTS: list[ToolContext] = []


class Done(BaseModel):
    done: bool = True


def counted(inputs: Job, context: ToolContext) -> Done:
    effect({"input": {"effects": inputs.effects}}, f"called {context.node}")
    CONTEXTS.append(context)
    return Done()


READS = tool(name="look", effect="read", version="2.1", description="Looks.")(counted)
WRITES = tool(name="send_newsletter", effect="write", description="Sends it.")(counted)
REPEATABLE = tool(name="set_limit", effect="write", idempotent=True, description="Sets it.")(counted)


def job(state: FlowState) -> dict[str, Any]:
    return {"effects": state["input"]["effects"], "password": "Tr0ub4dor&3"}


def gate_of(tool: Tool) -> Node:
    def ask(state: FlowState) -> FlowState:
        return {"outcome": request_approval(propose(tool, job(state))).model_dump(mode="json")}

    return ask


def act_with(tool: Tool) -> Node:
    def act(state: FlowState) -> FlowState:
        apply(tool, state["outcome"])
        return {}

    return act


def calls(rig: Rig, run_id: str) -> list[Any]:
    return rig.sql("select * from tool_calls where run_id = :run order by id", run=run_id)


def test_calls_are_recorded_with_the_step_and_without_secrets(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(state: FlowState) -> FlowState:
        call(READS, job(state))
        return {}

    install(rig, monkeypatch, "tool_reads", look=look)
    run_id = rig.begin("tool_reads")
    rig.finish(run_id)
    [row] = calls(rig, run_id)
    assert (row.tool, row.version, row.node, row.status, row.attempts) == ("look", "2.1", "look", "ok", 1)
    assert "Tr0ub4dor" not in row.inputs
    assert "⟦secret:" in row.inputs


def test_a_tool_is_called_with_what_was_approved_and_the_receipt_says_what_it_returned(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(rig, monkeypatch, "tool_acts", ask=gate_of(WRITES), act=act_with(WRITES))
    run_id, request = rig.begin_approved("tool_acts")
    rig.advance(run_id)
    context = CONTEXTS[-1]
    assert (context.run_id, context.node, context.on_behalf_of) == (run_id, "act", rig.starter.id)
    rig.finish(run_id)
    receipt = rig.view(request).receipt
    assert receipt is not None
    assert (receipt.status, receipt.detail) == ("applied", {"done": True})
    [row] = calls(rig, run_id)
    assert row.request_id == request.id


def test_an_async_step_calls_the_tool_without_blocking_the_worker(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(state: FlowState) -> FlowState:
        await aapply(WRITES, state["outcome"])
        return {}

    async def wrongly(state: FlowState) -> FlowState:
        apply(WRITES, state["outcome"])
        return {}

    install(rig, monkeypatch, "tool_async", ask=gate_of(WRITES), act=act)
    run_id, _ = rig.begin_approved("tool_async")
    rig.advance(run_id)
    rig.finish(run_id)
    install(rig, monkeypatch, "tool_wrongly", ask=gate_of(WRITES), act=wrongly)
    run_id, _ = rig.begin_approved("tool_wrongly")
    rig.advance(run_id)
    assert "must call `aapply`" in str(rig.only(run_id).payload)
    assert not rig.effects(run_id)


class _Killed(Exception):
    """Stands for the end of the worker: nothing of it is written."""


@pytest.mark.parametrize(("tool", "times"), [(WRITES, 1), (REPEATABLE, 2)], ids=["once", "repeatable"])
def test_a_worker_that_dies_between_the_act_and_its_receipt(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tool: Tool, times: int
) -> None:
    """What may be repeated is repeated; what may not is not, and the run says that it does not know."""
    install(rig, monkeypatch, "tool_dies", ask=gate_of(tool), act=act_with(tool))
    run_id, request = rig.begin_approved("tool_dies")
    store = rig.advancer._store

    async def dies(*arguments: Any) -> None:
        if rig.effects(run_id):
            raise _Killed
        await note(*arguments)

    note = store.note
    with monkeypatch.context() as broken:
        broken.setattr(store, "note", dies)
        for name in ("complete", "fail", "suspend"):
            broken.setattr(store, name, dies)
        with pytest.raises(_Killed):
            rig.advance(run_id)
    assert rig.effects(run_id)["called act"] == 1
    rig.advance(run_id)
    assert rig.effects(run_id)["called act"] == times
    if times == 1:
        assert "Whether it was carried out is not known" in str(rig.only(run_id).payload)
        receipt = rig.view(request).receipt
        assert receipt is None or receipt.status == "delivered"
    else:
        rig.finish(run_id)


def test_a_call_does_not_begin_when_another_worker_has_taken_over(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def act(state: FlowState) -> FlowState:
        reached.set()
        assert go_on.wait(30)
        apply(WRITES, state["outcome"])
        return {}

    install(rig, monkeypatch, "tool_lost", ask=gate_of(WRITES), act=act)
    run_id, _ = rig.begin_approved("tool_lost")

    async def taken_over() -> None:
        import asyncio

        advance = asyncio.create_task(rig.advancer.advance(run_id))
        await until(reached.is_set)
        await asyncio.to_thread(rig.sql, "update runs set attempt = attempt + 1 where id = :run", run=run_id)
        go_on.set()
        assert await advance is False

    rig.do(taken_over())
    assert not rig.effects(run_id)
    assert not rig.sql("select 1 from begun_calls where run_id = :run", run=run_id)


def test_another_version_than_the_approved_one_is_not_called(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = tool(name="send_newsletter", version="2.0", effect="write", description="Sends it to more.")(counted)
    install(rig, monkeypatch, "tool_newer", ask=gate_of(WRITES), act=act_with(newer))
    run_id, request = rig.begin_approved("tool_newer")
    rig.advance(run_id)
    assert not rig.effects(run_id)
    assert "approved for version 1.0 of send_newsletter, not for 2.0" in str(rig.only(run_id).payload)
    receipt = rig.view(request).receipt
    assert receipt is not None
    assert receipt.status == "not_applied"
