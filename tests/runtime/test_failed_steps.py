"""Steps that fail: retried, skipped, or aborted, beside other questions and after them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest

from app.domain.errors import InvalidInputError
from app.runtime.driver import Driver
from app.runtime.saver import Saver
from assent.contracts import Verdict
from tests.runtime.rig import Rig


def test_a_failed_step_is_retried_until_it_works(rig: Rig) -> None:
    run = rig.begin("test_flaky", fail_times=2)
    for attempt in (1, 2):
        request = rig.only(run)
        assert request.kind == "error" and f"attempt {attempt} failed" in request.title
        assert request.payload["choices"] == ["retry", "skip", "abort"]
        rig.answer(request, {"action": "retry"})
        rig.advance(run)
    assert rig.finish(run)["answers"] == ["worked"]
    assert rig.effects(run) == {"tried": 3, "after": 1}


def test_a_step_that_fails_in_the_same_way_again_asks_again(rig: Rig) -> None:
    run = rig.begin("guard_fails")
    seen = []
    for _ in range(3):
        request = rig.only(run)
        seen.append(request.id)
        rig.answer(request, {"action": "retry"})
        rig.advance(run)
    assert len(set(seen)) == 3 and rig.effects(run) == {"failed": 4}
    rig.aside(run, "mended").touch()
    rig.answer(rig.only(run), {"action": "retry"})
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["mended"]


def test_a_failed_step_is_skipped_where_the_workflow_allows_it(rig: Rig) -> None:
    run = rig.begin("test_flaky", fail_times=9)
    rig.answer(rig.only(run), {"action": "skip"})
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"tried": 1, "after": 1}
    other = rig.begin("guard_fails")
    assert rig.only(other).payload["choices"] == ["retry", "abort"]
    with pytest.raises(InvalidInputError):
        rig.answer(rig.only(other), {"action": "skip"})


def test_an_aborted_run_says_why_and_can_be_retried(rig: Rig) -> None:
    run = rig.begin("guard_fails")
    rig.decide(rig.only(run), Verdict.ANSWER, answer={"action": "abort"}, comment="The server is gone.")
    rig.advance(run)
    assert rig.state(run) == "failed"
    assert rig.run(run).error["message"] == "Aborted after the step failed: DBA on call: The server is gone."
    rig.aside(run, "mended").touch()
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["mended"]


def test_secrets_of_a_failure_are_masked(rig: Rig) -> None:
    run = rig.begin("guard_fails")
    shown = json.dumps(rig.only(run).payload) + rig.only(run).title
    assert "hunter2" not in shown and "password=" in shown
    steps = rig.views.run(run, rig.reviewer).steps
    assert "password=" in steps[0].error and "hunter2" not in steps[0].error
    assert "guard_flows.py" in rig.only(run).payload["trace"], "the trace says where"


@pytest.mark.parametrize("late", [False, True], ids=["has its answer", "has yet to take it"])
def test_a_failure_beside_a_question_loses_neither(rig: Rig, late: bool) -> None:
    """One of two parallel steps fails while the other has been sent its answer; nobody is asked that again."""
    run = rig.begin("guard_fails_beside")
    by_node = {request.node: request for request in rig.pending(run)}
    rig.answer(by_node["quick"], "this one")
    rig.answer(by_node["beside"], "yes")
    if late:
        rig.aside(run, "late").touch()
    rig.advance(run)
    assert rig.state(run) == "suspended"
    if late:
        assert rig.view(by_node["quick"]).receipt is None, "it was still busy when the other one failed"
    rig.aside(run, "late").unlink(missing_ok=True)
    rig.aside(run, "mended").touch()
    failed = rig.only(run)
    rig.answer(failed, {"action": "retry"})
    rig.advance(run)
    assert sorted(rig.finish(run)["answers"]) == ["beside yes", "this one"]
    assert rig.effects(run)["last"] == 1 and len(rig.requests(run)) == 3


def test_an_answer_given_while_another_is_on_its_way_is_delivered_next(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = rig.begin("guard_beside")
    asked = {request.node: request for request in rig.pending(run)}
    rig.answer(asked["a"], "1")
    drive = Driver.run

    async def meanwhile(self: Driver, *arguments: Any) -> Any:
        await asyncio.to_thread(rig.answer, asked["b"], "2")
        return await drive(self, *arguments)

    monkeypatch.setattr(Driver, "run", meanwhile)
    rig.advance(run)
    monkeypatch.undo()
    assert rig.state(run) == "suspended" and [request.node for request in rig.pending(run)] == ["c"]
    rig.advance(run)  # the job that the second answer has queued
    assert rig.view(asked["b"]).receipt is not None
    rig.answer(asked["c"], "3")
    rig.advance(run)
    assert sorted(rig.finish(run)["answers"]) == ["a=1", "b=2", "c=3"]
    assert len(rig.requests(run)) == 3


@pytest.mark.parametrize("workflow", ["guard_fails_then_asks", "guard_parent_fails"])
def test_a_step_that_failed_and_then_asks_gets_its_answers(rig: Rig, workflow: str) -> None:
    """What LangGraph has stored of the failure stays in the thread while the step waits for people."""
    run = rig.begin(workflow)
    failed = rig.only(run)
    rig.aside(run, "mended").touch()
    rig.answer(failed, {"action": "retry"})
    rig.advance(run)
    for question, answer in (("First?", "one"), ("Second?", "two")):
        request = rig.only(run)
        assert request.title == question
        rig.answer(request, answer)
        rig.advance(run)
    assert rig.finish(run)["answers"] == ["one", "two"]
    assert len(rig.requests(run)) == 3


def test_a_step_that_failed_is_not_tried_again_because_something_else_was_answered(rig: Rig) -> None:
    run = rig.begin("guard_waits_beside")
    by_node = {request.node: request for request in rig.pending(run)}
    rig.answer(by_node["fails"], True)
    rig.advance(run)
    assert rig.effects(run)["failed"] == 1
    failed = next(request for request in rig.pending(run) if request.kind == "error")
    for request in rig.pending(run):
        if request.node == "a":
            rig.answer(request, "first")
    rig.advance(run)
    assert rig.effects(run)["failed"] == 1, "only a person says that it is tried again"
    assert [request.id for request in rig.pending(run) if request.kind == "error"] == [failed.id]
    rig.aside(run, "mended").touch()
    rig.answer(failed, {"action": "retry"})
    rig.advance(run)
    for request in rig.pending(run):
        rig.answer(request, "first")
        rig.advance(run)
    assert sorted(rig.finish(run)["answers"]) == ["a=first", "ready"]


def test_a_database_out_of_reach_for_a_moment_fails_no_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rig.begin("test_gate")
    rig.decide(rig.only(run))

    async def out_of_reach(self: Saver, *arguments: Any) -> Any:
        raise psycopg.OperationalError("the connection is closed")

    monkeypatch.setattr(Saver, "aput", out_of_reach)
    with pytest.raises(psycopg.OperationalError):
        rig.advance(run)  # the worker tries the job again
    monkeypatch.undo()
    assert rig.state(run) == "running"
    rig.advance(run)
    rig.finish(run)
    assert len(rig.effects(run)) == 3 and len(rig.requests(run)) == 1


def test_an_unknown_workflow_fails_the_run_with_clear_words(rig: Rig) -> None:
    run = rig.begin("test_gate", advance=False)
    rig.sql("update runs set workflow = 'gone' where id = :id", id=run)
    rig.advance(run)
    assert rig.run(run).error == {"message": "The workflow 'gone' is not installed on this worker."}
    rig.sql("update runs set workflow = 'test_gate' where id = :id", id=run)
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    assert len(rig.pending(run)) == 1, "once it is installed, a retry carries on"


def test_input_that_no_longer_fits_fails_the_run_with_clear_words(rig: Rig) -> None:
    run = rig.begin("test_gate", advance=False)
    rig.sql("update runs set input = '{\"fail_times\":-1}' where id = :id", id=run)
    rig.advance(run)
    assert rig.state(run) == "failed" and "fail_times" in rig.run(run).error["message"]
