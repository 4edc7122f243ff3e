"""What people rejected in a run is not asked again until one of them reopens it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.people import Role
from app.domain.run_protocol import Journal
from app.services.approvals.intake import rejection_memory
from app.services.approvals.intake.automatic_answers import AutomaticAnswers
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import Verdict
from tests.factories import question, script
from tests.services.desk import Desk, asked


def ask(desk: Desk, run: Run, document: dict[str, Any] | None = None, **values: Any) -> ApprovalRequest:
    """The run asks this, and the request that was opened for it, whatever has become of it."""
    what = asked(script("select 1") if document is None else document, **values)
    taken = desk.progress.begin(run.id) if desk.run_state(run.id) == "queued" else None
    delivered = [delivery.request_id for delivery in taken.deliveries] if taken else []
    journal = Journal(run.id, delivered=delivered)
    assert desk.checkpoints.suspend(run.id, taken.attempt if taken else 1, [what], journal)
    with desk.sessions() as session:
        return session.query(ApprovalRequest).filter_by(interrupt_id=what.interrupt_id).one()


def rejected(desk: Desk, run: Run, **values: Any) -> ApprovalRequest:
    request = ask(desk, run, **values)
    desk.decide(request, desk.person("The DBA"), Verdict.REJECT, comment="Not on a Friday.")
    return desk.fresh(request)


def actions(desk: Desk, request: ApprovalRequest) -> list[str]:
    return [entry.action for entry in desk.audit(request)]


def test_the_same_again_is_answered_from_the_earlier_rejection(desk: Desk) -> None:
    run = desk.run()
    first = rejected(desk, run)
    again = ask(desk, run)
    assert (again.state, again.answered_by) == ("rejected", f"rejection:{first.id}")
    assert again.due_at is None and again.resolved_at is not None
    words = "Rejected before by The DBA: Not on a Friday; ask an approver to reopen it if it should be reviewed again."
    assert again.note == words
    outcome = desk.outcome(again)
    assert outcome is not None
    assert (outcome.verdict, outcome.next_action) == ("reject", "abort")
    [remark] = outcome.body["remarks"]
    assert (remark["who"], remark["comment"]) == ("Assent", words)
    assert desk.decisions(again) == []
    assert actions(desk, again) == ["request.opened", "request.remembered", "request.resolved"]
    assert desk.audit(again)[1].detail["rejection"] == first.id
    assert desk.events(again) == ["request.opened", "request.resolved"]
    assert desk.run_state(run.id) == "queued"
    assert desk.jobs(run.id) >= 1


def test_a_third_time_names_the_rejection_by_people_not_its_copy(desk: Desk) -> None:
    run = desk.run()
    first = rejected(desk, run)
    assert [ask(desk, run).answered_by for _ in range(3)] == [f"rejection:{first.id}"] * 3


@pytest.mark.parametrize("other", [script("select 2"), script("select 1", "Another title")])
def test_another_proposal_goes_to_people(desk: Desk, other: dict[str, Any]) -> None:
    run = desk.run()
    rejected(desk, run)
    again = ask(desk, run, other)
    assert (again.state, again.answered_by) == ("pending", "")


def test_another_run_asks_people(desk: Desk) -> None:
    rejected(desk, desk.run())
    assert ask(desk, desk.run()).state == "pending"


def test_questions_are_remembered_and_failed_steps_are_not(desk: Desk) -> None:
    run = desk.run()
    rejected(desk, run, document=question())
    assert ask(desk, run, question()).state == "rejected"
    failed = {"kind": "error", "title": "It failed", "error": "boom"}
    run = desk.run()
    rejected(desk, run, document=failed, dialect="error")
    assert ask(desk, run, failed, dialect="error").state == "pending"


def test_what_expired_or_was_withdrawn_is_asked_again(desk: Desk) -> None:
    run = desk.run()
    expired = ask(desk, run)
    desk.clock.ahead += timedelta(days=4)
    while desk.checkpoints.keep(expired.id):
        pass
    assert desk.fresh(expired).state == "expired"
    second = ask(desk, run)
    assert second.state == "pending"
    desk.checkpoints.cancel(second.id, desk.person(), "No longer needed.")
    assert ask(desk, run).state == "pending"


def test_what_a_reviewer_made_of_it_is_remembered_with_it(desk: Desk) -> None:
    run = desk.run()
    request = ask(desk, run, script("delete from a; drop table a"))
    change = {"content": "delete from a; drop table b"}
    desk.decide(request, desk.person(), Verdict.MODIFY, change=change)
    desk.decide(desk.fresh(request), desk.person(), Verdict.REJECT, comment="Neither.")
    assert ask(desk, run, script("delete from a; drop table a")).state == "rejected"
    assert ask(desk, run, script(change["content"])).state == "rejected"


def test_reopened_the_next_one_goes_to_people_and_their_word_counts_again(desk: Desk) -> None:
    run = desk.run()
    first = rejected(desk, run)
    someone = desk.person("Somebody")
    reopened = desk.checkpoints.reopen(first.id, someone, "Monday is here.")
    assert (reopened.state, reopened.reopened_at is not None) == ("rejected", True)
    entry = desk.audit(first)[-1]
    assert (entry.action, entry.actor_id, entry.detail["reason"]) == (
        "request.reopened", someone.id, "Monday is here.",
    )  # fmt: skip
    assert desk.events(first)[-1] == "request.changed"
    second = ask(desk, run)
    assert (second.state, second.answered_by) == ("pending", "")
    desk.decide(second, someone)
    assert ask(desk, run).state == "pending", "a reopened rejection stays reopened"
    # Rejected again by people, it is remembered again, under the new rejection.
    run = desk.run()
    desk.checkpoints.reopen(rejected(desk, run).id, someone, "Again.")
    newer = rejected(desk, run)
    assert ask(desk, run).answered_by == f"rejection:{newer.id}"


def test_reopening_a_copy_reopens_the_rejection_itself(desk: Desk) -> None:
    run = desk.run()
    first = rejected(desk, run)
    copy = ask(desk, run)
    desk.checkpoints.reopen(copy.id, desk.person(), "Look again.")
    assert desk.fresh(first).reopened_at is not None
    assert "request.reopened" in actions(desk, first) and "request.reopened" in actions(desk, copy)
    assert ask(desk, run).state == "pending"


def test_who_may_reopen_and_what(desk: Desk) -> None:
    starter = desk.person("Starter")
    run = desk.run(starter)
    first = rejected(desk, run)
    with pytest.raises(OwnRequestError):
        desk.checkpoints.reopen(first.id, starter, "Please.")
    with pytest.raises(ForbiddenError):
        desk.checkpoints.reopen(first.id, desk.person("Viewer", [Role.VIEWER]), "Please.")
    with pytest.raises(InvalidInputError):
        desk.checkpoints.reopen(first.id, desk.person(), "  ")
    with pytest.raises(NotFoundError):
        desk.checkpoints.reopen("nothing", desk.person(), "Please.")
    with pytest.raises(IllegalTransitionError):
        desk.checkpoints.reopen(desk.open().id, desk.person(), "Please.")
    desk.checkpoints.reopen(first.id, desk.person(), "Please.")
    with pytest.raises(ConflictError):
        desk.checkpoints.reopen(first.id, desk.person(), "Please.")
    ended = rejected(desk, desk.run())
    taken = desk.progress.begin(ended.run_id)
    desk.progress.complete(taken.attempt, Journal(ended.run_id), {})
    with pytest.raises(IllegalTransitionError, match="ended"):
        desk.checkpoints.reopen(ended.id, desk.person(), "Please.")


def test_a_crash_before_the_answer_is_made_up_for_by_the_due_step(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run = desk.run()
    first = rejected(desk, run)
    monkeypatch.setattr(AutomaticAnswers, "answer_soon", lambda *_: None)
    again = ask(desk, run)
    assert (again.state, again.answered_by) == ("pending", f"rejection:{first.id}")
    assert again.id in desk.checkpoints.due()
    assert desk.checkpoints.keep(again.id)
    assert not desk.checkpoints.keep(again.id)
    assert desk.fresh(again).state == "rejected"
    assert Counter(actions(desk, again)) == {"request.opened": 1, "request.remembered": 1, "request.resolved": 1}


def test_reopened_between_opening_and_answer_people_decide(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run = desk.run()
    first = rejected(desk, run)
    monkeypatch.setattr(AutomaticAnswers, "answer_soon", lambda *_: None)
    again = ask(desk, run)
    desk.checkpoints.reopen(first.id, desk.person(), "Look again.")
    assert desk.checkpoints.keep(again.id)
    left = desk.fresh(again)
    assert (left.state, left.answered_by) == ("pending", "")
    assert left.due_at is not None and left.due_at > left.opened_at
    assert actions(desk, again)[-1] == "request.left_to_people"
    assert desk.outcome(again) is None
    desk.decide(left, desk.person())
    assert desk.fresh(again).state == "approved"


def test_what_people_decided_before_it_was_answered_is_theirs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run = desk.run()
    first = rejected(desk, run)
    with monkeypatch.context() as patch:
        patch.setattr(AutomaticAnswers, "answer_soon", lambda *_: None)
        again = ask(desk, run)
    desk.decide(again, desk.person("The DBA"), Verdict.REJECT, comment="Not on a Monday either.")
    second = desk.fresh(again)
    assert (second.state, second.answered_by) == ("rejected", "")
    desk.checkpoints.reopen(first.id, desk.person(), "Mondays are fine now.")
    assert ask(desk, run).answered_by == f"rejection:{second.id}", "the later rejection was not reopened"


def test_an_answer_that_fails_does_not_keep_the_run_from_resting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run = desk.run()
    rejected(desk, run)

    def broken(*_: Any) -> bool:
        raise RuntimeError("the connection is gone")

    with monkeypatch.context() as patch:
        patch.setattr(AutomaticAnswers, "answer", broken)
        again = ask(desk, run)
    assert again.state == "pending"
    assert desk.checkpoints.keep(again.id)
    assert desk.fresh(again).state == "rejected"


def test_a_run_that_takes_no_for_no_answer_is_shown_to_people_in_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejection_memory, "MAX_REPEATS", 3)
    run = desk.run()
    rejected(desk, run)
    assert [ask(desk, run).state for _ in range(4)] == ["rejected"] * 3 + ["pending"]
