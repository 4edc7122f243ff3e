"""A step that asks and catches the exception of its own gate fails: nothing goes on as if people had agreed."""

from __future__ import annotations

import pytest

from assent.contracts import Verdict
from tests.runtime import swallowing_flows
from tests.runtime.rig import Rig

AT_ONCE = [*swallowing_flows.CAUGHT, "nested", "branch", "retrying", "handled", "first_of_two"]
"""Flows that catch what the first question raises."""


def failed(rig: Rig, run: str, node: str = "ask") -> None:
    """Make sure that the run has stopped, and says why."""
    found = rig.run(run)
    assert found.state == "failed", found.result
    assert f"The step “{node}” asked for approval and continued without an answer" in found.error["message"]
    assert not rig.pending(run)


@pytest.mark.parametrize("text", ["gate", "raw"])
@pytest.mark.parametrize("name", AT_ONCE)
def test_a_step_that_catches_its_own_question_stops_the_run(rig: Rig, name: str, text: str) -> None:
    run = rig.begin(f"swallow_{name}", text=text)
    failed(rig, run, "child/ask" if name == "nested" else "ask")
    assert rig.effects(run)["last"] == 0 and rig.effects(run)["handled"] == 0
    assert sum(rig.effects(run).values()) <= 1, "neither LangGraph's retries nor ours repeat what the step did"


def test_a_retry_runs_the_step_again_which_still_does_not_pass(rig: Rig) -> None:
    run = rig.begin("swallow_except")
    rig.runs.retry(rig.reviewer, run)
    rig.advance(run)
    failed(rig, run)
    assert rig.effects(run) == {"ran": 2}
    rig.aside(run, "mended").touch()
    rig.runs.retry(rig.reviewer, run)
    rig.advance(run)
    rig.decide(rig.only(run))
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"ran": 3, "last": 1}


@pytest.mark.parametrize("text", ["gate", "raw"])
def test_a_second_question_that_is_caught_stops_the_run(rig: Rig, text: str) -> None:
    run = rig.begin("swallow_second_of_two", text=text)
    request = rig.only(run)
    rig.decide(request) if text == "gate" else rig.answer(request, "yes")
    rig.advance(run)
    failed(rig, run)
    assert rig.effects(run) == {"ran": 1}
    receipt = rig.view(request).receipt
    assert receipt is None or receipt.status != "applied", "nobody knows that"


def test_a_gate_that_refuses_its_outcome_and_is_caught_stops_the_run(rig: Rig) -> None:
    run = rig.begin("swallow_refuses")
    rig.decide(rig.only(run))
    rig.advance(run)
    failed(rig, run)
    assert rig.effects(run)["last"] == 0


@pytest.mark.parametrize("text", ["gate", "raw"])
@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.REJECT])
def test_a_gate_that_is_tried_again_and_gets_out_in_the_end_is_an_ordinary_one(
    rig: Rig, text: str, verdict: Verdict
) -> None:
    run = rig.begin("swallow_tries_again", text=text)
    request = rig.only(run)
    if text == "gate":
        rig.decide(request, verdict, comment="because")
    else:
        rig.answer(request, "yes")
    rig.advance(run)
    rig.finish(run)


@pytest.mark.parametrize("text", ["gate", "raw"])
def test_a_condition_that_flips_when_the_run_resumes_passes_nothing_that_was_rejected(rig: Rig, text: str) -> None:
    run = rig.begin("swallow_flips", text=text)
    request = rig.only(run)
    rig.aside(run, "flipped").touch()
    rig.decide(request, Verdict.REJECT, comment="no") if text == "gate" else rig.answer(request, "no")
    rig.advance(run)
    found = rig.run(run)
    assert found.state == "failed" and "did not ask again" in found.error["message"]
    assert rig.effects(run)["last"] == 0


@pytest.mark.parametrize("text", ["gate", "raw"])
def test_a_step_that_passed_over_its_answer_asks_again_when_the_run_is_retried(rig: Rig, text: str) -> None:
    run = rig.begin("swallow_flips", text=text)
    request = rig.only(run)
    rig.aside(run, "flipped").touch()
    rig.decide(request, Verdict.REJECT, comment="no") if text == "gate" else rig.answer(request, "no")
    rig.advance(run)
    assert rig.state(run) == "failed"
    rig.aside(run, "flipped").unlink()
    rig.runs.retry(rig.reviewer, run)
    rig.advance(run)
    assert rig.effects(run)["last"] == 0
    again = rig.requests(run)[-1]
    assert again.id != request.id and again.title == request.title
    if text == "gate":
        assert again.answered_by == f"rejection:{request.id}", "the rejection still holds"
    else:
        rig.answer(rig.only(run), "no")
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run)["last"] == 1
    assert rig.view(request).receipt.status == "failed", "what was found out of the first answer stays"


def test_a_branch_beside_a_step_that_passed_over_its_answer_is_not_run_again(rig: Rig) -> None:
    run = rig.begin("swallow_flips_beside", text="raw")
    rig.aside(run, "flipped").touch()
    rig.answer(rig.only(run), "no")
    rig.advance(run)
    assert rig.state(run) == "failed" and rig.effects(run) == {"beside": 1, "ran": 1}
    rig.aside(run, "flipped").unlink()
    rig.runs.retry(rig.reviewer, run)
    rig.advance(run)
    rig.answer(rig.only(run), "no")
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"beside": 1, "ran": 2, "last": 1}


def test_a_rejected_step_that_reports_before_it_ends_is_not_taken_for_one_that_took_nothing(rig: Rig) -> None:
    run = rig.begin("swallow_reports")
    rig.decide(rig.only(run), Verdict.REJECT, comment="no")
    rig.advance(run)
    rig.finish(run)
    assert rig.run(run).attempt == 2, "it went on without stopping between its steps"


def test_an_approved_condition_that_flips_when_the_run_resumes_goes_on(rig: Rig) -> None:
    run = rig.begin("swallow_flips")
    request = rig.only(run)
    rig.aside(run, "flipped").touch()
    rig.decide(request)
    rig.advance(run)
    rig.finish(run)
