"""Runs whose advance is canceled, whose workflow changes, or that are paused in an awkward moment."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.run_protocol import Journal, RunBusyError
from app.services.runs.progress import RunProgress
from tests.runtime.rig import Rig, until
from tests.runtime.small_graphs import carry_out, gate, install


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
        rig.release(run)
        rig.do(rig.died())
    rig.do(until(lambda: rig.effects(run)["slow ended"]))
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}


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
