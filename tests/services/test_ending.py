"""How a request ends without a vote: expiry, cancellation, supersession; and how it is escalated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.errors import AlreadyDecidedError, ExpiredError, ForbiddenError, IllegalTransitionError
from app.domain.people import Role
from app.domain.ranking import MAX_PRIORITY, attention_at
from app.domain.run_protocol import Journal, LostRunError
from assent.contracts import NextAction, Outcome, RiskLevel, Urgency, Verdict
from tests.factories import question, script
from tests.services.desk import Desk, asked


def test_silence_rejects_and_says_so(desk: Desk) -> None:
    request = desk.open()
    assert request.id not in desk.checkpoints.due() and not desk.keep(request), "not before its time"
    assert desk.fresh(request).state == "pending"
    desk.clock.ahead = timedelta(hours=24, seconds=1)
    assert request.id in desk.checkpoints.due()
    assert desk.keep(request) == 2, "people are warned, and then it ends"
    assert not desk.keep(request), "once"
    now = desk.fresh(request)
    assert now.state == "expired" and "it is rejected" in now.note
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert (outcome.verdict, outcome.next_action) == (Verdict.REJECT, NextAction.ABORT)
    assert "Expired without a decision" in outcome.comment
    assert desk.run_state(request.run_id) == "queued" and desk.jobs(request.run_id) == 1
    assert [entry.action for entry in desk.audit(request)][-1] == "request.expired"


def test_the_proposals_own_deadline_is_used(desk: Desk) -> None:
    request = desk.open(script("select 1") | {"expires_in_seconds": 60})
    assert request.expires_at - request.opened_at == timedelta(seconds=60)


def test_escalation_ranks_it_higher_by_four_hours_each_and_has_an_end(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    for priority in range(1, MAX_PRIORITY + 1):
        now = desk.checkpoints.escalate(request.id, reviewer, "The release waits for it.")
        assert now.priority == priority
        assert now.attention_at == attention_at(request.expires_at, RiskLevel(request.risk), priority, Urgency.NORMAL)
        assert now.attention_at == request.attention_at - timedelta(hours=4) * priority
    with pytest.raises(IllegalTransitionError):
        desk.checkpoints.escalate(request.id, reviewer, "Once more.")
    assert [entry.action for entry in desk.audit(request)].count("request.escalated") == MAX_PRIORITY
    assert desk.decide(desk.fresh(request), reviewer).resolved


def test_escalating_needs_the_right_and_an_open_request(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    with pytest.raises(ForbiddenError):
        desk.checkpoints.escalate(request.id, desk.person("Onlooker", [Role.VIEWER]), "Soon.")
    desk.decide(request, reviewer)
    with pytest.raises(AlreadyDecidedError):
        desk.checkpoints.escalate(request.id, reviewer, "Soon.")


def test_the_one_who_started_the_run_may_withdraw_and_the_run_is_told(desk: Desk) -> None:
    starter = desk.person("Release engineer", [Role.VIEWER])
    request = desk.open(requester=starter)
    with pytest.raises(ForbiddenError):
        desk.checkpoints.cancel(request.id, desk.person("Onlooker", [Role.VIEWER]), "No.")
    assert desk.checkpoints.cancel(request.id, starter, "Not needed any more.").state == "cancelled"
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert outcome.verdict is Verdict.REJECT and "Not needed any more." in outcome.comment
    assert desk.jobs(request.run_id) == 1
    with pytest.raises(AlreadyDecidedError):
        desk.checkpoints.cancel(request.id, desk.person(), "Again.")


def test_nothing_is_withdrawn_after_the_deadline(desk: Desk) -> None:
    request = desk.open()
    desk.clock.ahead = timedelta(days=2)
    with pytest.raises(ExpiredError):
        desk.checkpoints.cancel(request.id, desk.person(), "Too late.")


def test_what_a_run_no_longer_asks_is_superseded_and_linked(desk: Desk) -> None:
    run = desk.run()
    first, kept = asked(script("select 1")), asked(question(), node="other")
    old, stays = desk.suspend(run, first, kept)
    changed = asked(script("select 2"), interrupt_id=first.interrupt_id)
    new = desk.suspend(run, changed, kept)
    assert [request.id for request in new if request.node == "other"] == [stays.id], (
        "what is still asked stays as it is"
    )
    revision = next(request for request in new if request.node == "ask")
    assert (revision.previous_id, revision.revision, revision.state) == (old.id, 2, "pending")
    assert desk.fresh(old).state == "superseded" and "something else" in desk.fresh(old).note
    with pytest.raises(AlreadyDecidedError):
        desk.decide(old, desk.person())


def test_suspending_again_with_the_same_opens_nothing_new(desk: Desk) -> None:
    run, what = desk.run(), asked(script("select 1"))
    first = desk.suspend(run, what)
    before = desk.counts()
    assert [request.id for request in desk.suspend(run, what)] == [first[0].id]
    after = desk.counts()
    assert (after["audit_entries"], after["procrastinate_jobs"]) == (
        before["audit_entries"],
        before["procrastinate_jobs"],
    )


def test_the_next_proposal_after_a_request_for_changes_is_its_revision(desk: Desk) -> None:
    run = desk.run()
    [old] = desk.suspend(run, asked(script("delete from t")))
    desk.decide(old, desk.person(), Verdict.REQUEST_CHANGES, comment="Only the paid ones.")
    [new] = desk.suspend(run, asked(script("delete from t where paid")))
    assert (new.previous_id, new.revision) == (old.id, 2)
    desk.decide(new, desk.person(), Verdict.REQUEST_CHANGES, comment="And only old ones.")
    [third] = desk.suspend(run, asked(script("delete from t where paid and old")))
    assert (third.previous_id, third.revision) == (new.id, 3)


def test_a_worker_that_lost_the_run_opens_nothing(desk: Desk) -> None:
    run = desk.run()
    before = desk.counts()
    with pytest.raises(LostRunError):
        desk.checkpoints.suspend(run.id, 2, [asked(script("select 1"))], Journal(run.id))
    assert desk.counts() == before


def test_cancelling_the_run_cancels_what_it_waits_for(desk: Desk) -> None:
    run, person = desk.run(), desk.person()
    requests = desk.suspend(run, asked(script("select 1")), asked(question(), node="other"))
    desk.runs.cancel(person, run.id, "The window has closed.")
    assert [desk.fresh(request).state for request in requests] == ["cancelled", "cancelled"]
    assert {desk.fresh(request).note for request in requests} == {"The window has closed."}
    with pytest.raises(AlreadyDecidedError):
        desk.decide(requests[0], person)


def test_a_decision_on_a_paused_run_waits_for_it(desk: Desk) -> None:
    request, person = desk.open(), desk.person()
    desk.runs.pause(person, request.run_id or "")
    assert desk.decide(request, person).resolved
    assert desk.run_state(request.run_id) == "paused"
    assert desk.progress.begin(request.run_id or "") is None
    desk.runs.resume(person, request.run_id or "")
    taken = desk.progress.begin(request.run_id or "")
    assert taken is not None and [delivery.request_id for delivery in taken.deliveries] == [request.id]
