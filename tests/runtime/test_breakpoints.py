"""A graph that was compiled to stop before or after a node asks people whether it may go on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from app.runtime.saver import Saver
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.runtime import breakpoint_flows
from tests.runtime.rig import Rig

APPLIED = {"applied": 1, "last": 1}
GO_ON = "Go on with “Apply”?"
ENDS: dict[str, tuple[list[str], dict[str, int]]] = {
    "before": ([GO_ON], APPLIED),
    "after": ([GO_ON], APPLIED),
    "before_and_after": ([GO_ON, "Go on with “Last”?"], APPLIED),
    "both_sides": ([GO_ON], APPLIED),
    "everywhere": (["Go on with “Prepare”?", GO_ON, "Go on with “Last”?"], APPLIED),
    "after_last": ([], APPLIED),
    "loop": ([GO_ON] * 3, {"applied": 3, "last": 1}),
    "several": (["Go on with 2 steps: “Apply”, “Other”?"], {"applied": 2, "last": 1}),
    "sends": (["Go on with 2 steps: “Apply”, “Apply”?"], {"applied": 2, "last": 1}),
    "inside": ([GO_ON], APPLIED),
    "inside_after": (["Go on with “Child”?"], APPLIED),
    "inside_both": (["Go on with “Child”?", GO_ON], APPLIED),
    "called": (["Go on with “Child”?"], APPLIED),
}
"""What each flow asks, and what it has done in the end."""


def approve_all(rig: Rig, run: str) -> list[str]:
    """Approve what the run asks until it asks nothing more; gives the titles."""
    titles = []
    while pending := rig.pending(run):
        [request] = pending
        before = rig.effects(run)
        titles.append(request.title)
        rig.decide(request)
        assert rig.effects(run) == before
        rig.advance(run)
    return titles


def named(rig: Rig, run: str, title: str) -> ApprovalRequest:
    """The one request of that title for which the run waits."""
    [request] = [request for request in rig.pending(run) if request.title == title]
    return request


@pytest.mark.parametrize("name", ENDS)
def test_a_breakpoint_is_a_gate(rig: Rig, name: str) -> None:
    run = rig.begin(f"break_{name}")
    titles, effects = ENDS[name]
    assert rig.state(run) == ("suspended" if titles else "completed")
    assert approve_all(rig, run) == titles
    rig.finish(run)
    assert rig.effects(run) == effects
    assert [request.state for request in rig.requests(run)] == ["approved"] * len(titles)
    assert all(rig.view(request).receipt.status == "applied" for request in rig.requests(run))


@pytest.mark.parametrize("name", ["before", "after", "several", "sends", "inside", "inside_after", "called"])
def test_a_rejected_breakpoint_ends_the_run(rig: Rig, name: str) -> None:
    run = rig.begin(f"break_{name}")
    before = rig.effects(run)
    request = rig.only(run)
    rig.decide(request, Verdict.REJECT, comment="not today")
    rig.advance(run)
    found = rig.run(run)
    assert found.state == "failed" and "was rejected: DBA on call: not today" in found.error["message"]
    assert rig.effects(run) == before
    assert rig.view(request).receipt.status == "not_applied"
    rig.runs.retry(rig.reviewer, run)
    rig.advance(run)
    assert rig.effects(run) == before, "a retry does not go past it either"


def test_one_of_several_steps_cannot_be_left_out(rig: Rig) -> None:
    run = rig.begin("break_several")
    request = rig.only(run)
    rig.decide(
        request, Verdict.MODIFY, change={"calls": [{"id": "2", "decision": "reject", "message": "no"}]}, comment="x"
    )
    rig.advance(run)
    found = rig.run(run)
    assert found.state == "failed" and "can only continue with all steps" in found.error["message"]
    assert not rig.effects(run)


def test_the_request_says_what_the_next_step_would_get(rig: Rig) -> None:
    run = rig.begin("break_before")
    request = rig.only(run)
    payload = request.payload
    assert (request.kind, payload["tool"], payload["decisions"]) == ("tool_call", "run_sql", ["approve", "reject"])
    assert request.agent == "DBA agent" and request.node == "apply"
    assert "`interrupt_before`" in payload["summary"]
    proposal = payload["args"]["proposal"]
    assert proposal["statement"] == "select 1"
    assert breakpoint_flows.TOKEN not in json.dumps(payload) and "⟦secret:" in proposal["token"]
    assert len(proposal["long"]) < 21_000 and "10,000 more characters" in proposal["long"]


def test_steps_that_were_sent_are_shown_with_what_they_were_sent(rig: Rig) -> None:
    run = rig.begin("break_sends")
    assert [call["args"]["table"] for call in rig.only(run).payload["calls"]] == ["orders", "items"]


@pytest.mark.parametrize("first", ["breakpoint", "gate"])
@pytest.mark.parametrize("flow", ["beside_gate", "beside_question"])
def test_a_breakpoint_beside_a_gate_waits_for_its_own_decision(rig: Rig, flow: str, first: str) -> None:
    run = rig.begin(f"break_{flow}")
    other = "Run it" if flow == "beside_gate" else "What is a?"

    def decide(what: str) -> None:
        request = named(rig, run, GO_ON if what == "breakpoint" else other)
        rig.answer(request, "1") if request.kind == "value" else rig.decide(request)
        rig.advance(run)

    decide(first)
    assert rig.state(run) == "suspended"
    assert rig.effects(run)["applied"] == (first == "breakpoint"), "LangGraph would have gone past it"
    decide("gate" if first == "breakpoint" else "breakpoint")
    rig.finish(run)
    assert rig.effects(run)["applied"] == rig.effects(run)["last"] == 1


def test_a_breakpoint_beside_a_failed_step_waits_for_its_own_decision(rig: Rig) -> None:
    run = rig.begin("break_beside_failing")
    [failed] = [request for request in rig.pending(run) if request.kind == "error"]
    rig.aside(run, "mended").touch()
    rig.answer(failed, {"action": "retry"})
    rig.advance(run)
    assert rig.effects(run)["applied"] == 0, "a retry of the other step goes past no breakpoint"
    rig.runs.pause(rig.starter, run)
    rig.advance(run)
    rig.runs.resume(rig.starter, run)
    rig.advance(run)
    assert [request.title for request in rig.pending(run)] == [GO_ON]
    rig.decide(named(rig, run, GO_ON))
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"tried": 2, "applied": 1, "last": 1}


@pytest.mark.parametrize("name", ["skipped", "skipped_after"])
def test_a_step_that_is_skipped_takes_the_run_past_no_breakpoint(rig: Rig, name: str) -> None:
    run = rig.begin(f"break_{name}")
    rig.answer(rig.only(run), {"action": "skip"})
    rig.advance(run)
    assert rig.effects(run) == {"tried": 1}
    assert approve_all(rig, run) == [GO_ON]
    rig.finish(run)
    assert rig.effects(run) == {"tried": 1, "applied": 1, "last": 1}


def test_a_breakpoint_before_a_gate_asks_before_the_gate_does(rig: Rig) -> None:
    run = rig.begin("break_at_gate")
    assert approve_all(rig, run) == ["Go on with “Gate”?", "Run it"]
    rig.finish(run)
    assert rig.effects(run) == {"ran approve": 1, "last": 1}


def test_a_retry_of_a_step_that_was_let_go_on_does_not_ask_again(rig: Rig) -> None:
    run = rig.begin("break_fails")
    rig.decide(rig.only(run))
    rig.advance(run)
    failed = rig.only(run)
    assert failed.kind == "error"
    rig.aside(run, "mended").touch()
    rig.answer(failed, {"action": "retry"})
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"tried": 2, "last": 1}


def test_a_paused_breakpoint_asks_once(rig: Rig) -> None:
    run = rig.begin("break_before")
    request = rig.only(run)
    rig.runs.pause(rig.starter, run)
    rig.advance(run)
    rig.runs.resume(rig.starter, run)
    rig.advance(run)
    assert [found.id for found in rig.requests(run)] == [request.id]
    assert approve_all(rig, run) == [GO_ON]
    rig.finish(run)


@pytest.mark.parametrize("kept", range(1, 10))
@pytest.mark.parametrize("name", ["both_sides", "inside", "loop"])
def test_a_thread_that_is_cut_off_anywhere_goes_past_no_breakpoint(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, kept: int
) -> None:
    """Once for each thing that is stored on the way, cut off before the first approval and after it."""
    titles, effects = ENDS[name]
    for decided in (False, True):
        run = rig.begin(f"break_{name}", advance=decided)
        if decided:
            rig.decide(rig.only(run))
        cut_off(rig, monkeypatch, run, kept)
        applied = rig.effects(run)["applied"]
        assert applied <= decided, "nobody has approved more"
        rig.advance(run)
        more: list[Any] = approve_all(rig, run)
        assert len(more) + decided >= len(titles)
        rig.finish(run)
        assert rig.effects(run)["last"] >= 1
        assert Counter(request.state for request in rig.requests(run))["approved"] == len(titles), "each is asked once"
        assert effects["applied"] <= rig.effects(run)["applied"] <= effects["applied"] + 1


def cut_off(rig: Rig, monkeypatch: pytest.MonkeyPatch, run: str, kept: int) -> None:
    """Advance the run until its thread has stored so much, and no further: what a kill leaves behind."""
    stored = []
    stuck, dead = asyncio.Event(), asyncio.Event()

    def some(put: Any) -> Any:
        async def put_some(self: Saver, *arguments: Any, **more: Any) -> Any:
            result = await put(self, *arguments, **more) if len(stored) < kept else None
            stored.append(None)
            if len(stored) >= kept:
                stuck.set()
                await dead.wait()
                raise ConnectionAbortedError
            return result

        return put_some

    async def advance() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        watch = asyncio.ensure_future(stuck.wait())
        await asyncio.wait([work, watch], return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        if not work.done():
            work.cancel()
            dead.set()
            await asyncio.gather(work, return_exceptions=True)
            await rig.died()

    with monkeypatch.context() as patched:
        for method in ("aput", "aput_writes"):
            patched.setattr(Saver, method, some(getattr(Saver, method)))
        rig.do(advance())
