"""A run that a person wants to ask before its next step does so, once, at a step's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from app.domain.errors import ConflictError, IllegalTransitionError, OwnRequestError
from app.domain.run_protocol import StepKind
from app.runtime.driver import Driver
from assent.contracts import Verdict
from tests.runtime.rig import Rig, until
from tests.runtime.test_breakpoints import ENDS

WHY = (
    "Release engineer wanted the run to ask before its next step. "
    "Approved, it goes on with this step; rejected, it ends."
)


def slow_run(rig: Rig, meanwhile: Callable[[str], object]) -> str:
    """Start a run, and do something while its first step is under way."""
    run = rig.begin("test_slow", advance=False)

    async def ask() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        await until(lambda: "slow began" in rig.effects(run))
        await asyncio.to_thread(meanwhile, run)
        rig.advancer.steer(run)  # what the worker does when the notification comes
        rig.release(run)
        await work

    rig.do(ask())
    return run


def ask_next(rig: Rig, run: str) -> None:
    rig.runs.ask_before_next_step(rig.starter, run)


def test_a_running_run_asks_before_its_next_step(rig: Rig) -> None:
    run = slow_run(rig, lambda run: ask_next(rig, run))
    assert rig.state(run) == "queued", "the step under way has ended"
    rig.advance(run)
    request = rig.only(run)
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}
    assert (rig.state(run), request.title) == ("suspended", "Go on with “After”?")
    assert WHY in str(request.payload)
    with pytest.raises(ConflictError, match="already asked"):
        ask_next(rig, run)
    with pytest.raises(OwnRequestError):
        rig.decide(request, by=rig.starter)
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1, "after": 1}
    assert rig.run(run).ask_next == "" and len(rig.requests(run)) == 1
    with pytest.raises(IllegalTransitionError):
        ask_next(rig, run)


def test_the_starter_may_stop_it_there(rig: Rig) -> None:
    run = slow_run(rig, lambda run: ask_next(rig, run))
    rig.advance(run)
    rig.runs.cancel(rig.starter, run, "Not today.")
    assert (rig.state(run), [request.state for request in rig.requests(run)]) == ("cancelled", ["cancelled"])
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}


def test_rejected_the_run_ends_and_a_retry_asks_again(rig: Rig) -> None:
    run = slow_run(rig, lambda run: ask_next(rig, run))
    rig.advance(run)
    rig.decide(rig.only(run), Verdict.REJECT, comment="Not before the backup.")
    rig.advance(run)
    assert rig.state(run) == "failed" and "Not before the backup." in rig.run(run).error["message"]
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    # What people rejected is rejected again until a person reopens it.
    assert [request.state for request in rig.requests(run)] == ["rejected"] * 2
    rig.advance(run)
    assert rig.state(run) == "failed"
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1}


def test_a_run_that_has_not_begun_asks_before_its_first_step(rig: Rig) -> None:
    run = rig.begin("test_slow", advance=False)
    ask_next(rig, run)
    rig.advance(run)
    assert (rig.only(run).title, rig.effects(run)) == ("Go on with “Slow”?", {})
    rig.release(run)
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1, "after": 1}


def test_a_run_that_waits_for_an_approval_asks_after_that_step(rig: Rig) -> None:
    run = rig.begin("test_gate")
    first = rig.only(run)
    ask_next(rig, run)
    assert [request.id for request in rig.pending(run)] == [first.id], "the open request stays as it is"
    rig.decide(first)
    rig.advance(run)
    assert (rig.state(run), rig.effects(run)) == ("queued", {})
    rig.advance(run)
    assert rig.only(run).title == "Go on with “Apply”?"
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)


def test_a_paused_run_asks_when_it_is_resumed(rig: Rig) -> None:
    run = slow_run(rig, lambda run: rig.runs.pause(rig.starter, run))
    ask_next(rig, run)
    assert rig.state(run) == "paused"
    rig.advance(run)
    assert not rig.pending(run)
    rig.runs.resume(rig.starter, run)
    rig.advance(run)
    assert rig.only(run).title == "Go on with “After”?"


SHAPES = {"before": 3, "loop": 4, "several": 2, "sends": 2, "inside": 3, "called": 3, "after_last": 3}
"""How often each flow stops: where it does so by itself, that is the stop that was asked for."""


@pytest.mark.parametrize("name", SHAPES)
def test_asked_during_every_step_each_shape_of_graph_ends_as_it_would_have(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = rig.begin(f"break_{name}", advance=False)
    step, heard = Driver._step, set()

    def ask_meanwhile(self: Driver, kind: StepKind, namespace: Any, data: Any, *more: Any, **about: Any) -> None:
        step(self, kind, namespace, data, *more, **about)
        # Once during each: an answer may be sent to a step several times.
        if kind is StepKind.STARTED and data["id"] not in heard and not rig.run(run).ask_next:
            heard.add(data["id"])
            ask_next(rig, run)
            rig.advancer.steer(run)

    monkeypatch.setattr(Driver, "_step", ask_meanwhile)
    ask_next(rig, run)
    titles: list[str] = []
    while not rig.run(run).finished_at:
        rig.advance(run)
        for request in rig.pending(run):
            titles.append(request.title)
            rig.decide(request)
        assert len(titles) < 20
    assert (rig.state(run), dict(rig.effects(run))) == ("completed", ENDS[name][1])
    assert len(titles) == SHAPES[name], titles


def test_a_worker_that_dies_once_people_agreed_does_not_ask_twice(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run = slow_run(rig, lambda run: ask_next(rig, run))
    rig.advance(run)
    rig.decide(rig.only(run))

    async def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Driver, "run", dies)
        with pytest.raises(asyncio.CancelledError):
            rig.advance(run)
    assert rig.run(run).ask_next == ""
    rig.do(rig.died())
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"slow began": 1, "slow ended": 1, "after": 1}
    assert len(rig.requests(run)) == 1
