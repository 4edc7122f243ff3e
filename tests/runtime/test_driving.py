"""Runs from start to end: questions, decisions, revisions, and receipts; no guard has anything to refuse here."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from app.domain.errors import InvalidInputError
from assent.contracts import Verdict
from tests.runtime.rig import Rig, until


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
