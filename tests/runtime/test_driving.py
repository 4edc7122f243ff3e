"""Runs from start to end: failures, steering, secrets, receipts, revisions; no guard has anything to refuse here."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import JsonValue, TypeAdapter
from sqlalchemy import inspect

from app.domain.errors import ConflictError, IllegalTransitionError, InvalidInputError, TooLargeError
from app.runtime.driver import Driver
from app.runtime.saver import MOVED_ON, Saver
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from assent.digests import canonical, digest_of
from tests.runtime.rig import Rig, until

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


# Gates


def test_a_run_carries_out_exactly_what_was_approved(rig: Rig) -> None:
    run = rig.begin("test_gate")
    request = rig.only(run)
    change = {"items": [{"id": "a"}, {"id": "b", "statement": "create index concurrently b2 on t (b, c)"}]}
    rig.decide(request, Verdict.MODIFY, change=change)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {
        "applied create index concurrently a on t (a)": 1,
        "applied create index concurrently b2 on t (b, c)": 1,
    }
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.explicit, receipt.detail) == ("applied", True, {"items": 2})
    [listed] = rig.views.run(run, rig.reviewer).artifacts
    artifact = rig.views.artifact(run, listed.name, rig.reviewer)
    assert (artifact.name, artifact.media_type, artifact.content) == (
        "report.md", "text/markdown", "# Report\n\nAll well.",
    )  # fmt: skip


@pytest.mark.parametrize("way", ["reject", "cancel", "expire"])
def test_a_run_is_told_that_nothing_was_approved(rig: Rig, way: str) -> None:
    run = rig.begin("test_gate")
    request = rig.only(run)
    if way == "reject":
        rig.decide(request, Verdict.REJECT, comment="Not today.")
    elif way == "cancel":
        rig.checkpoints.cancel(request.id, rig.starter, "Not needed.")
    else:
        rig.sql("update approval_requests set expires_at = now(), due_at = now() where id = :id", id=request.id)
        while rig.checkpoints.keep(request.id):
            pass
    rig.advance(run)
    rig.finish(run)
    assert not rig.effects(run)
    assert rig.view(request).receipt.status == "not_applied"


def test_every_step_is_noted_with_who_what_and_how_long(rig: Rig) -> None:
    run = rig.begin("test_gate")
    rig.decide(rig.only(run))
    rig.advance(run)
    steps = rig.views.run(run, rig.reviewer).steps
    assert [(step.node, step.title, step.agent, step.tool, step.state) for step in steps] == [
        ("propose", "Propose", "optimizer agent", "propose", "done"),
        ("gate", "Ask", "optimizer agent", "", "done"),
        ("apply", "Apply", "optimizer agent", "create_index", "done"),
    ]
    assert all(step.duration_ms is not None and 0 <= step.duration_ms < 10_000 for step in steps)


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_parallel_questions_are_answered_in_any_order(rig: Rig, order: tuple[str, ...]) -> None:
    run = rig.begin("guard_beside")
    asked = {request.node: request for request in rig.pending(run)}
    assert sorted(asked) == ["a", "b", "c"]
    for number, node in enumerate(order):
        rig.answer(asked[node], f"{node}{number}")
        rig.advance(run)
        assert sorted(request.id for request in rig.pending(run)) == sorted(
            asked[node].id for node in order[number + 1 :]
        )
    expected = sorted(f"{node}={node}{number}" for number, node in enumerate(order))
    assert sorted(rig.finish(run)["answers"]) == expected
    assert rig.effects(run)["last"] == 1


def test_parallel_questions_answered_together(rig: Rig) -> None:
    run = rig.begin("guard_beside")
    for request in rig.pending(run):
        rig.answer(request, request.node * 2)
    rig.advance(run)
    assert sorted(rig.finish(run)["answers"]) == ["a=aa", "b=bb", "c=cc"]


def test_a_question_of_a_subgraph(rig: Rig) -> None:
    run = rig.begin("guard_parent")
    request = rig.only(run)
    assert request.title == "What is depth?"
    rig.answer(request, "7 m")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["depth=7 m"]
    assert "child/inner_ask" in [step.node for step in rig.views.run(run, rig.reviewer).steps]


def test_an_answer_is_checked_against_the_schema(rig: Rig) -> None:
    run = rig.begin("guard_age")
    request = rig.only(run)
    for wrong in ({"years": -1}, {"years": "x"}, {}, "seven", ["years"]):
        with pytest.raises(InvalidInputError):
            rig.answer(request, wrong)
    rig.answer(request, {"years": 7})
    rig.advance(run)
    assert rig.finish(run)["answers"] == [7]


def test_a_rejected_question_ends_the_run_and_is_asked_again_once_it_is_reopened(rig: Rig) -> None:
    run = rig.begin("guard_age")
    request = rig.only(run)
    rig.decide(request, Verdict.REJECT, comment="None of your business.")
    rig.advance(run)
    assert rig.state(run) == "failed"
    assert rig.run(run).error == {"message": "The run's request was rejected: DBA on call: None of your business."}
    assert rig.view(request).receipt.status == "not_applied"
    # A retry alone is no way round a rejection: who started the run could try until somebody gives in.
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    rig.advance(run)
    assert rig.state(run) == "failed" and rig.pending(run) == []
    rig.checkpoints.reopen(request.id, rig.reviewer, "It is my business after all.")
    rig.runs.retry(rig.starter, run)
    rig.advance(run)
    again = rig.only(run)
    assert again.id != request.id
    rig.answer(again, {"years": 7})
    rig.advance(run)
    assert rig.finish(run)["answers"] == [7]


def test_changes_asked_for_lead_to_a_revision(rig: Rig) -> None:
    run = rig.begin("test_revise", text="delete from orders")
    first = rig.only(run)
    rig.decide(first, Verdict.REQUEST_CHANGES, comment="Only the paid ones.")
    rig.advance(run)
    second = rig.only(run)
    assert (second.previous_id, second.revision) == (first.id, 2)
    assert second.payload["content"] == "delete from orders -- DBA on call: Only the paid ones."
    assert rig.view(first).next_id == second.id and rig.view(second).previous.id == first.id
    assert rig.view(first).receipt.status == "not_applied"
    rig.decide(second)
    rig.advance(run)
    rig.finish(run)
    assert rig.effects(run) == {"ran delete from orders -- DBA on call: Only the paid ones.": 1}


# Hazard 11


def test_a_decision_before_the_opening_job_has_ended_just_works(rig: Rig) -> None:
    """Decided in the very moment in which the request is stored, while its advance is still under way."""
    run = rig.begin("test_gate", advance=False)

    async def both() -> None:
        work = asyncio.ensure_future(rig.advancer.advance(run))
        pending = await until(lambda: rig.pending(run))
        await asyncio.to_thread(rig.decide, pending[0])
        await work

    rig.do(both())
    rig.advance(run)  # the job that the decision has queued
    rig.finish(run)
    assert len(rig.effects(run)) == 3


# Failures


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


# Steering


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
        rig.aside(run, "go").touch()
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
        rig.aside(run, "go").touch()
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
    rig.aside(run, "go").touch()
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
    run = rig.begin("test_gate")
    request = rig.only(run)
    rig.decide(request)
    rig.runs.cancel(rig.starter, run)
    rig.advance(run)
    assert rig.state(run) == "cancelled" and not rig.effects(run)
    receipt = rig.view(request).receipt
    assert receipt is None or receipt.status in ("failed", "not_applied"), "never applied"


# Secrets


def stored(rig: Rig, word: str) -> list[str]:
    """Where the portal's own tables hold the word; LangGraph's tables hold the run's state, which is the agent's."""
    found = []
    for table in inspect(rig.services.engine).get_table_names():
        if table.startswith("checkpoint"):
            continue
        for column in inspect(rig.services.engine).get_columns(table):
            query = f'select count(*) from "{table}" where "{column["name"]}"::text like :pattern'
            if rig.sql(query, pattern=f"%{word}%") != [(0,)]:
                found.append(f"{table}.{column['name']}")
    return found


def test_the_run_receives_the_secret_that_nobody_saw(rig: Rig) -> None:
    run = rig.begin("guard_secret")
    request = rig.only(run)
    assert "⟦secret:github-token:1⟧" in request.payload["content"] and TOKEN not in request.title
    content = request.payload["content"] + " --force"
    rig.decide(request, Verdict.MODIFY, change={"content": content})
    rig.advance(run)
    rig.finish(run)
    assert rig.aside(run, "received").read_text() == f"git push https://bot:{TOKEN}@example.org/r.git --force"
    receipt = rig.view(request).receipt
    assert receipt.status == "applied" and "⟦secret:" in receipt.summary
    assert stored(rig, TOKEN) == []


def test_a_proposal_that_came_unmasked_is_masked_before_it_is_stored(rig: Rig) -> None:
    run = rig.begin("guard_raw")
    request = rig.only(run)
    assert stored(rig, TOKEN) == []
    rig.answer(request, "yes")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["yes"]
    assert stored(rig, TOKEN) == []


def test_odd_reports_do_not_keep_a_run_from_ending(rig: Rig) -> None:
    run = rig.begin("guard_odd")
    request = rig.only(run)
    rig.answer(request, "yes")
    rig.advance(run)
    rig.finish(run)
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.summary) == ("partly_applied", "Half\ufffdway")
    assert rig.effects(run) == {"last": 1}


def test_half_characters_of_a_proposal_are_replaced_before_anybody_sees_it(rig: Rig) -> None:
    run = rig.begin("guard_odd_proposal")
    request = rig.only(run)
    data = {"half": "a\ufffdb", "\ufffd": 1, "\ufffd\ufffd": 2, "all": "\U0001f600"}
    assert request.payload["data"] == data
    assert request.digest == digest_of(request.payload)
    rig.decide(request)
    rig.advance(run)
    assert rig.finish(run)["answers"] == [data], "what runs is what was approved"
    receipt = rig.view(request).receipt
    assert (receipt.status, receipt.summary, receipt.detail) == ("applied", "Done", {"half": "\ufffd"})
    assert [artifact.name for artifact in rig.views.run(run, rig.reviewer).artifacts] == ["half \ufffd"]


def test_a_value_that_others_cannot_read_is_asked_about_in_one_that_they_can(rig: Rig) -> None:
    run = rig.begin("guard_odd_value")
    request = rig.only(run)
    value = request.payload["value"]
    assert (request.title, value["half"], value["infinite"]) == ("?", "?", "inf")
    assert "nested too deeply to be shown; SHA-256 " in json.dumps(value["deep"])
    TypeAdapter(JsonValue).validate_python(request.payload)
    rig.answer(request, "go on")
    rig.advance(run)
    assert rig.finish(run)["answers"] == ["go on"]


def test_a_proposal_that_is_nested_too_deeply_fails_in_its_own_step(rig: Rig) -> None:
    run = rig.begin("guard_deep")
    assert rig.state(run) == "suspended" and rig.only(run).kind == "error"
    assert "nested more than 64 levels deep" in json.dumps(rig.only(run).payload)


@pytest.mark.parametrize(
    "forbidden",
    [lambda rig: rig.runs.start(rig.starter, "guard_text", {"fail_times": -1}),
     lambda rig: rig.runs.start(rig.starter, "guard_text", {"fail_times": "x" * 2_000_000}),
     lambda rig: rig.runs.start(rig.starter, "guard_text", [1])],
)  # fmt: skip
def test_input_that_does_not_fit_starts_nothing(rig: Rig, forbidden: Callable[[Rig], Any]) -> None:
    before = rig.sql("select count(*) from runs")
    with pytest.raises((InvalidInputError, TooLargeError)):
        forbidden(rig)
    assert rig.sql("select count(*) from runs") == before
