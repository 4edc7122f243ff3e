"""Runs that are paused, resumed, and canceled, that change hands, or that wait for a change window."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.errors import ConflictError, IllegalTransitionError
from app.runtime.driver import Driver
from app.runtime.saver import MOVED_ON
from app.store.requests import ApprovalRequest
from assent.digests import canonical
from tests.runtime.rig import Rig, until


def test_a_queued_run_can_be_paused_resumed_and_cancelled(rig: Rig) -> None:
    run = rig.begin("test_gate", advance=False)
    rig.runs.pause(rig.starter, run)
    rig.advance(run)
    assert rig.state(run) == "paused" and not rig.requests(run)
    with pytest.raises(ConflictError):
        rig.runs.pause(rig.starter, run)
    rig.runs.resume(rig.starter, run)
    rig.advance(run)
    rig.runs.cancel(rig.starter, run)
    rig.advance(run)
    assert rig.state(run) == "cancelled"
    assert [request.state for request in rig.requests(run)] == ["cancelled"]
    for act in (rig.runs.pause, rig.runs.resume, rig.runs.retry, rig.runs.cancel):
        with pytest.raises(IllegalTransitionError):
            act(rig.starter, run)


@pytest.mark.parametrize(("act", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_running_run_stops_before_its_next_step(rig: Rig, act: str, state: str) -> None:
    run = rig.begin("test_slow", advance=False)

    async def steer() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        await until(lambda: "slow began" in rig.effects(run))
        await asyncio.to_thread(getattr(rig.runs, act), rig.starter, run)
        rig.advancer.steer(run)  # what the worker does when the notification comes
        rig.release(run)
        await work

    rig.do(steer())
    assert rig.state(run) == state
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}, "the step under way ends, the next does not begin"
    if act == "pause":
        rig.runs.resume(rig.starter, run)
        rig.advance(run)
        rig.finish(run)
        assert rig.effects(run) == {"slow began": 1, "slow ended": 1, "after": 1}


def test_a_thread_that_somebody_else_has_gone_on_with_stops_the_run(rig: Rig) -> None:
    """As a worker would that was cut off and does not know it; what it stores must not stand beside what is there."""
    run = rig.begin("test_slow", advance=False)
    graph, config = rig.library.graph("test_slow"), {"configurable": {"thread_id": run}}

    async def overtake() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        await until(lambda: "slow began" in rig.effects(run))
        await graph.aupdate_state(config, {"answers": ["meanwhile"]}, as_node="slow")
        rig.release(run)
        await work

    rig.do(overtake())
    stopped = rig.run(run)
    assert (stopped.state, stopped.error) == ("failed", {"message": MOVED_ON})
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["meanwhile"]
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1, "after": 1}


@pytest.mark.parametrize("decided", [False, True])
def test_a_worker_that_ends_before_the_first_step_loses_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, decided: bool
) -> None:
    run = rig.begin("test_gate", advance=decided)
    if decided:
        rig.decide(rig.only(run))
    drive = Driver.run

    async def ended_at_once(self: Driver, *arguments: Any) -> Any:
        rig.advancer.drain()
        return await drive(self, *arguments)

    monkeypatch.setattr(Driver, "run", ended_at_once)
    rig.advance(run)
    monkeypatch.undo()
    assert rig.state(run) == "queued" and not rig.effects(run)
    assert rig.sql("select count(*) > 0 from procrastinate_jobs where lock = :lock", lock=f"run:{run}") == [(True,)]
    rig.advance(run)
    if not decided:
        rig.decide(rig.only(run))
        rig.advance(run)
    rig.finish(run)
    assert len(rig.requests(run)) == 1, "nobody is asked twice"


@pytest.mark.parametrize(("act", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_what_was_asked_of_a_run_whose_worker_died_is_done_by_the_next(rig: Rig, act: str, state: str) -> None:
    run = rig.begin("test_slow", advance=False)

    async def die() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        await until(lambda: "slow began" in rig.effects(run))
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await rig.died()

    rig.do(die())
    rig.release(run)
    getattr(rig.runs, act)(rig.starter, run)
    assert rig.state(run) == "running"
    rig.advance(run)
    assert rig.state(run) == state and "after" not in rig.effects(run)


def test_a_decision_made_while_paused_is_delivered_on_resuming(rig: Rig) -> None:
    run = rig.begin("test_gate")
    request = rig.only(run)
    rig.runs.pause(rig.starter, run)
    rig.decide(request)
    rig.advance(run)
    assert rig.state(run) == "paused" and not rig.effects(run)
    rig.runs.resume(rig.starter, run)
    rig.advance(run)
    rig.finish(run)
    assert len(rig.effects(run)) == 3


@pytest.mark.parametrize("paused", [True, False])
def test_what_was_approved_in_its_window_is_not_carried_out_once_that_has_closed(rig: Rig, paused: bool) -> None:
    run = rig.begin("test_gate")
    request = rig.only(run)
    if paused:
        rig.runs.pause(rig.starter, run)
    rig.decide(request)
    now = datetime.now(UTC)
    start, end = now + timedelta(hours=4), now + timedelta(hours=6)
    window = {"timezone": "UTC", "days": list(range(7)), "start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
    by_then(rig, request, windows=[window])
    if paused:
        rig.runs.resume(rig.starter, run)
    rig.advance(run)
    held = rig.request(request)
    assert held.held_until == held.due_at == start.replace(second=0, microsecond=0)
    assert (rig.state(run), held.state, rig.pending(run)) == ("suspended", "approved", [])
    assert not rig.effects(run) and rig.view(request).receipt is None
    told = rig.sql("select payload from events where request_id = :id order by id desc limit 1", id=request.id)
    assert json.loads(told[0][0]) == {"state": "approved", "what": "held"}
    assert len(rig.requests(run)) == 1, "the same is not asked again"
    rig.advance(run)
    assert not rig.effects(run)
    by_then(rig, request, windows=[])
    rig.sql("update approval_requests set due_at = now() where id = :id", id=request.id)
    rig.sql("update approval_requests set held_until = due_at where id = :id", id=request.id)
    assert rig.checkpoints.keep(request.id)
    rig.advance(run)
    rig.finish(run)
    assert len(rig.effects(run)) == 3


def test_beside_what_waits_for_its_window_the_run_goes_on(rig: Rig) -> None:
    run = rig.begin("guard_gates")
    asked = {request.node: request for request in rig.pending(run)}
    first, second = asked["a"], asked["b"]
    for request in (first, second):
        rig.decide(request)
    now = datetime.now(UTC)
    start, end = now + timedelta(hours=4), now + timedelta(hours=6)
    window = {"timezone": "UTC", "days": list(range(7)), "start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
    by_then(rig, first, windows=[window])
    rig.advance(run)
    assert rig.request(first).held_until and not rig.request(second).held_until
    assert rig.effects(run) == {"b approve": 1} and rig.view(first).receipt is None
    assert rig.state(run) == "suspended" and len(rig.requests(run)) == 2


def by_then(rig: Rig, request: ApprovalRequest, **terms: Any) -> None:
    """Give the request other terms, behind everybody's back."""
    changed = canonical(rig.request(request).terms | terms)
    rig.sql("update approval_requests set terms = :terms where id = :id", id=request.id, terms=changed)


def test_cancelling_after_an_approval_that_was_not_delivered_says_so(rig: Rig) -> None:
    run, request = rig.begin_approved("test_gate")
    rig.runs.cancel(rig.starter, run)
    rig.advance(run)
    assert rig.state(run) == "cancelled" and not rig.effects(run)
    receipt = rig.view(request).receipt
    assert receipt is None or receipt.status in ("failed", "not_applied"), "never applied"
