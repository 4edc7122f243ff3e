"""What steps report of their progress: stored while they run, masked, and a place where a run can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.runtime import progress
from app.services.reading.step_progress import ProgressView
from app.store.runs import PROGRESS_CHANNEL
from assent.progress import MAX_NUMBER, Progress, storable_progress
from tests import flows
from tests.runtime.progress_flows import PIECES, SECRET
from tests.runtime.rig import Rig, until


def _reports(rig: Rig, run: str) -> list[ProgressView]:
    return rig.views.run(run, rig.reviewer).progress


def _steered(rig: Rig, run: str, act: str, meanwhile: Callable[[], object] = lambda: None, last: str = "") -> None:
    """Advance a run, and steer it while its step waits between two pieces.

    Args:
        last: the effect after which the other step may end as well.
    """

    async def steer() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        await until(lambda: "waits" in rig.effects(run) and _reports(rig, run))
        if act:
            await asyncio.to_thread(getattr(rig.runs, act), rig.starter, run)
            rig.advancer.steer(run, rig.run(run).control)  # what the worker does when the notification comes
        meanwhile()
        rig.release(run)
        if last:
            await until(lambda: last in rig.effects(run))
            flows.released(f"{rig.run(run).input['effects']} beside").set()
        await work

    rig.do(steer())


def test_reports_are_stored_while_the_step_runs_and_with_its_end(rig: Rig) -> None:
    run = rig.begin("test_lasting_pieces", advance=False)
    seen: list[ProgressView] = []
    _steered(rig, run, "", lambda: seen.extend(_reports(rig, run)))
    [during], [after] = seen, _reports(rig, run)
    assert during.done in (1, 2) and during.total == PIECES
    assert (after.node, after.done, after.total) == ("count", PIECES, PIECES), "the last report is stored with the step"
    assert list(after.counts) == ["rows", "share", "token"], "figures stay in the step's order"
    assert SECRET not in f"{after.words} {after.counts}" and after.words.startswith("Piece 3")
    assert "progress" not in str(rig.finish(run))
    phases = {node.id: node.phase for node in rig.views.run(run, rig.reviewer).nodes}
    assert phases == {"count": "Counting", "after": "Ending"}


def test_many_reports_are_few_writes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "WRITE_EVERY_SECONDS", 3600.0)
    run = rig.begin("test_lasting_pieces", advance=False)
    _steered(rig, run, "")
    [(writes,)] = rig.sql("select count(distinct updated_at) from step_progress where run_id = :run", run=run)
    assert writes == 1
    assert _reports(rig, run)[0].done == PIECES


@pytest.mark.parametrize(("act", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_step_that_allows_it_stops_at_its_next_report(rig: Rig, act: str, state: str) -> None:
    run = rig.begin("test_stopping_pieces", advance=False)
    _steered(rig, run, act)
    assert rig.state(run) == state
    assert rig.effects(run) == {"piece 0": 1, "piece 1": 1, "waits": 1, "piece 2": 1}
    assert [step.state for step in rig.views.run(run, rig.reviewer).steps] == ["interrupted"]
    if act == "pause":
        rig.runs.resume(rig.starter, run)
        rig.advance(run)
        rig.finish(run)
        assert rig.effects(run)["piece 2"] == 2, "the step begins again"
        assert rig.effects(run)["after"] == 1


def test_a_step_that_does_not_allow_it_ends_first(rig: Rig) -> None:
    run = rig.begin("test_lasting_pieces", advance=False)
    _steered(rig, run, "pause")
    assert rig.state(run) == "paused"
    assert rig.effects(run) == {f"piece {number}": 1 for number in range(PIECES)} | {"waits": 1}


def test_a_step_is_not_cut_short_by_a_wish_to_be_asked_before_the_next(rig: Rig) -> None:
    run = rig.begin("test_stopping_pieces", advance=False)
    _steered(rig, run, "ask_before_next_step")
    rig.advance(run)
    assert [request.node for request in rig.pending(run)] == ["after"]
    assert rig.effects(run)["piece 0"] == 1


def test_no_step_is_cut_short_while_another_one_is_running(rig: Rig) -> None:
    """It could not be stopped, and would run twice at once after the run is resumed."""
    run = rig.begin("test_parallel_pieces", advance=False)
    _steered(rig, run, "pause", last=f"piece {PIECES - 1}")
    assert rig.state(run) == "paused"
    rig.runs.resume(rig.starter, run)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run)["beside ended"] == 1


def test_web_processes_hear_of_a_report(rig: Rig) -> None:
    heard: list[str] = []

    async def listen() -> None:
        async with rig.pool.connection() as connection:
            await connection.execute(f"listen {PROGRESS_CHANNEL}")
            run = await asyncio.to_thread(rig.begin, "test_lasting_pieces", False)
            rig.release(run)
            await rig.advancer.advance(run)
            async for note in connection.notifies(timeout=10, stop_after=1):
                heard.append(note.payload)
            assert heard == [run]

    rig.do(listen())


def test_odd_reports_can_be_stored() -> None:
    odd = Progress(7, 3, "a\x00" + "b" * 999, {"n" * 99: float("nan"), "big": 10**400, "none": None})  # type: ignore[dict-item]
    kept = storable_progress(odd)
    assert (kept.done, kept.total) == (3, 3)
    assert "\x00" not in kept.words and len(kept.words) <= 200
    assert all(isinstance(value, str) for value in kept.counts.values())
    assert storable_progress(Progress(-1, 10**400)).total == MAX_NUMBER
    assert storable_progress(Progress("x", None)).done == 0  # type: ignore[arg-type]
