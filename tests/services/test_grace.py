"""A grace period: what settles a request takes effect a little later, once, and can be taken back until then."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from app.domain.errors import AlreadyDecidedError, ExpiredError, IllegalTransitionError
from app.domain.people import Actor, Role
from app.domain.policy.terms import OnExpiry, Stage, Terms
from app.services.approvals.deadlines.steps import PUT_OFF
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.approvals.manager import CheckpointManager
from app.services.people.accounts import People
from app.services.reading.personal_queue import PersonalQueue
from app.store.requests import ApprovalRequest
from assent.contracts import Outcome, Verdict
from tests.factories import question
from tests.services.desk import AtOnce, Desk, assess_words, make_desk
from tests.services.ruled import Ruled, happened, member, seen, terms

GRACE = timedelta(seconds=20)
AFTER = GRACE + timedelta(seconds=1)


def graceful(desk: Desk, rule: Terms | None = None, grace: timedelta = GRACE) -> Desk:
    """The desk of a portal on which decisions can be undone."""
    policy = Ruled(lambda facts: rule or terms())
    manager = CheckpointManager(
        desk.sessions, desk.clock, assess_words, lambda: policy, lambda version: policy, grace=grace
    )
    return dataclasses.replace(desk, checkpoints=manager)


def resolved(desk: Desk, request: ApprovalRequest) -> ApprovalRequest:
    """The request once its grace period is over."""
    desk.clock.ahead += AFTER
    assert desk.keep(request) == 1
    return desk.fresh(request)


def test_an_approval_takes_effect_after_the_grace_period_and_once(desk: Desk) -> None:
    desk = graceful(desk)
    request, one = desk.open(), member(desk, "One")
    result = desk.decide(request, one, comment="Fine.")
    waiting = desk.fresh(request)
    assert (result.resolved, result.request.resolves_at) == (False, waiting.resolves_at)
    assert result.words == "Approved. This takes effect in 20 s; you can undo it until then."
    assert (waiting.state, waiting.approvals, waiting.due_at) == ("pending", 1, waiting.resolves_at)
    assert desk.outcome(request) is None and desk.run_state(request.run_id) == "suspended"
    assert desk.keep(request) == 0, "nothing is due yet"
    assert happened(desk, request)[-1]["what"] == "decided"
    view = seen(desk, request, one)
    assert view.withdrawable and view.acts.withdraw
    assert [(step.step.value, step.words) for step in view.situation.ahead] == [("resolve", "is approved")]
    now = resolved(desk, request)
    assert (now.state, now.resolves_at, now.due_at) == ("approved", None, None)
    assert desk.run_state(request.run_id) == "queued" and desk.jobs(request.run_id) == 1
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert (outcome.verdict, [remark.comment for remark in outcome.remarks]) == (Verdict.APPROVE, ["Fine."])
    assert [entry.action for entry in desk.audit(request)][-2:] == ["request.decided", "request.resolved"]
    assert desk.audit(request)[-2].detail["takes_effect_at"] == waiting.resolves_at.isoformat()
    assert desk.events(request)[-1] == "request.resolved"
    assert desk.keep(request) == 0
    with pytest.raises(AlreadyDecidedError):
        desk.checkpoints.withdraw(request.id, one)


def test_what_is_taken_back_never_takes_effect(desk: Desk) -> None:
    desk = graceful(desk)
    request, one = desk.open(), member(desk, "One")
    deadline = request.due_at
    desk.decide(request, one)
    assert desk.checkpoints.withdraw(request.id, one).words == (
        "Your decision was withdrawn: 0 of 1. You can decide again."
    )
    now = desk.fresh(request)
    assert (now.state, now.approvals, now.resolves_at, now.due_at) == ("pending", 0, None, deadline)
    desk.clock.ahead = AFTER
    assert desk.keep(request) == 0 and desk.outcome(request) is None
    desk.clock.ahead = timedelta(0)
    desk.decide(request, one, Verdict.REJECT, comment="No.")
    assert resolved(desk, request).state == "rejected"
    assert desk.outcome(request).verdict == "reject"


@pytest.mark.parametrize("silence", [OnExpiry.REJECT, OnExpiry.APPROVE])
def test_a_deadline_meanwhile_undoes_nothing(desk: Desk, silence: OnExpiry) -> None:
    desk = graceful(desk, terms(deadline_seconds=60, on_expiry=silence, warn_seconds=10))
    kept, undone, one = desk.open(), desk.open(), member(desk, "One")
    desk.clock.ahead = timedelta(seconds=45)
    for request in (kept, undone):
        desk.decide(request, one, Verdict.REJECT, comment="No.")
    desk.clock.ahead = timedelta(seconds=62)
    assert desk.keep(kept) == 0, "neither the warning nor the deadline counts any more"
    with pytest.raises(ExpiredError):
        desk.decide(kept, member(desk, "Late"))
    result = desk.checkpoints.withdraw(undone.id, one)
    assert result.words.endswith("The deadline has passed, so the request expires now.")
    desk.clock.ahead = timedelta(seconds=67)
    desk.keep(kept)
    assert (desk.fresh(kept).state, desk.fresh(kept).note) == ("rejected", "")
    desk.keep(undone)
    assert desk.fresh(undone).state == "expired"


def test_every_kind_of_decision_takes_effect_as_it_would_at_once(desk: Desk) -> None:
    desk = graceful(desk)
    one = member(desk, "One")
    changed = desk.open()
    desk.decide(changed, one, Verdict.MODIFY, change={"content": "select 2"})
    now = resolved(desk, changed)
    assert (now.state, now.payload["content"]) == ("modified", "select 2")
    assert desk.outcome(changed).body["payload"]["content"] == "select 2"
    returned = desk.open()
    desk.decide(returned, one, Verdict.REQUEST_CHANGES, comment="Add a limit.")
    assert [step.words for step in seen(desk, returned, one).situation.ahead] == [
        "is returned with the changes that were requested"
    ]
    assert resolved(desk, returned).state == "changes_requested"
    asked = desk.open(question())
    desk.decide(asked, one, Verdict.ANSWER, answer="x")
    desk.decide(asked, one, Verdict.ANSWER, answer="y")
    assert resolved(desk, asked).state == "answered"
    assert desk.outcome(asked).body["answer"] == "y"


def test_others_can_still_object(desk: Desk) -> None:
    desk = graceful(desk, terms(Stage(quorum=2), deny_threshold=1))
    request, one, two, three = (desk.open(), *(member(desk, name) for name in ("One", "Two", "Three")))
    desk.decide(request, one)
    assert desk.fresh(request).resolves_at is None, "it settles nothing yet"
    desk.decide(request, two)
    due = desk.fresh(request).resolves_at
    desk.clock.ahead = timedelta(seconds=5)
    desk.decide(request, three)
    assert desk.fresh(request).resolves_at == due, "one more approval puts nothing off"
    desk.checkpoints.withdraw(request.id, three)
    assert desk.fresh(request).resolves_at == due, "nor does one fewer that is not needed"
    desk.decide(request, three, Verdict.REJECT, comment="No.")
    assert desk.fresh(request).resolves_at > due
    desk.checkpoints.withdraw(request.id, three)
    assert desk.fresh(request).resolves_at is not None, "the two approvals still settle it"
    changed = desk.decide(request, three, Verdict.MODIFY, change={"content": "select 2"})
    assert (changed.resolved, desk.fresh(request).resolves_at) == (False, None), "approvals of the older proposal"


def test_people_who_leave_meanwhile_no_longer_count(desk: Desk) -> None:
    desk = graceful(desk)
    request, one = desk.open(), member(desk, "One")
    desk.decide(request, one)
    member(desk, "Admin", roles=[Role.ADMIN])
    admin = Actor(kind="person", id="", name="Admin", roles=frozenset({Role.ADMIN}))
    People(desk.sessions, desk.clock).change(admin, one.id, "One", (Role.REVIEWER,), (), False)
    now = desk.fresh(request)
    assert (now.approvals, now.resolves_at) == (0, None) and now.due_at is not None
    desk.clock.ahead = AFTER
    assert desk.keep(request) == 0 and desk.outcome(request) is None


def test_a_request_that_ends_otherwise_is_due_no_more(desk: Desk) -> None:
    desk = graceful(desk)
    requester = member(desk, "Requester")
    request, one = desk.open(requester=requester), member(desk, "One")
    desk.decide(request, one)
    desk.checkpoints.cancel(request.id, requester, "Not needed.")
    now = desk.fresh(request)
    assert (now.state, now.resolves_at, now.due_at) == ("cancelled", None, None)
    other = desk.open(requester=requester)
    desk.decide(other, one)
    desk.runs.cancel(requester, other.run_id, "Not needed.")
    assert (desk.fresh(other).resolves_at, desk.fresh(other).due_at) == (None, None)


@pytest.mark.parametrize(
    ("verdict", "state"), [(Verdict.REJECT, "rejected"), (Verdict.REQUEST_CHANGES, "changes_requested")]
)
def test_a_requester_cannot_cancel_a_refusal_away(desk: Desk, verdict: Verdict, state: str) -> None:
    desk = graceful(desk)
    requester, one = member(desk, "Requester"), member(desk, "One")
    request = desk.open(requester=requester)
    assert seen(desk, request, requester).acts.cancel
    desk.decide(request, one, verdict, comment="Never.")
    assert not seen(desk, request, requester).acts.cancel
    for who in (requester, member(desk, "Admin", roles=[Role.ADMIN])):
        with pytest.raises(IllegalTransitionError, match="it cannot be canceled"):
            desk.checkpoints.cancel(request.id, who, "Not needed.")
        with pytest.raises(IllegalTransitionError, match="it cannot be canceled"):
            desk.runs.cancel(who, request.run_id, "Not needed.")
    assert resolved(desk, request).state == state
    undone = desk.open(requester=requester)
    desk.decide(undone, one, verdict, comment="Never.")
    desk.checkpoints.withdraw(undone.id, one)
    desk.checkpoints.cancel(undone.id, requester, "Not needed.")
    assert desk.fresh(undone).state == "cancelled"


def test_the_rule_says_for_how_long(desk: Desk) -> None:
    one = member(desk, "One")
    for rule, grace, lasts in ((0, GRACE, 0), (40, GRACE, 40), (40, timedelta(0), 40), (None, timedelta(0), 0)):
        ruled = graceful(desk, terms(grace_seconds=rule), grace)
        request = ruled.open()
        result = ruled.decide(request, one)
        assert result.resolved == (lasts == 0)
        if lasts:
            left = ruled.fresh(request).resolves_at - ruled.clock()
            assert timedelta(seconds=lasts - 15) < left <= timedelta(seconds=lasts)


def test_two_workers_and_a_withdrawal_at_the_same_moment(
    wide_desk: Desk, module_database_url: str, at_once: AtOnce
) -> None:
    desk = graceful(wide_desk)
    one = member(desk, "One")
    other = graceful(make_desk(module_database_url))  # another process's use cases
    other.clock.ahead = AFTER
    taken_back = 0
    for _ in range(8):
        request = desk.open()
        desk.decide(request, one)
        later: list[Any] = [
            lambda request=request: desk.checkpoints.withdraw(request.id, one),
            *(lambda request=request: other.checkpoints.keep(request.id) for _ in range(2)),
        ]
        undone, *kept = at_once(later)
        assert sum(result is True for result in kept) == (0 if not isinstance(undone, Exception) else 1)
        withdrawn = desk.decisions(request)[0].withdrawn_at is not None
        taken_back += withdrawn
        now = desk.fresh(request)
        assert (now.state, now.resolves_at) == ("pending" if withdrawn else "approved", None)
        assert (desk.outcome(request) is None) == withdrawn
        assert desk.jobs(request.run_id) == (0 if withdrawn else 1)
        actions = [entry.action for entry in desk.audit(request)]
        assert actions.count("request.resolved") == (0 if withdrawn else 1)
    other.engine.dispose()


def test_after_the_deadline_the_page_says_that_it_is_decided(desk: Desk) -> None:
    desk = graceful(desk, terms(deadline_seconds=60))
    decided, open_one, one, other = desk.open(), desk.open(), member(desk, "One"), member(desk, "Other")
    desk.clock.ahead = timedelta(seconds=50)
    desk.decide(decided, one)
    assert seen(desk, decided, one).why_not == "You have decided; the decision takes effect soon unless it is undone."
    desk.clock.ahead = timedelta(seconds=62)
    for viewer in (one, other):
        words = seen(desk, decided, viewer).why_not
        assert words.startswith("This request is decided.") and "not counted" not in words
        assert seen(desk, open_one, viewer).why_not == "The deadline has passed."
    with pytest.raises(ExpiredError, match="This request is decided"):
        desk.decide(decided, other)


@pytest.mark.parametrize("late", [False, True])
def test_a_comment_that_is_open_then_holds_an_approval_back(desk: Desk, late: bool) -> None:
    desk = graceful(desk, terms(comments_resolved=True, deadline_seconds=60 if late else 86_400))
    request, one, two = desk.open(), member(desk, "One"), member(desk, "Two")
    if late:
        desk.clock.ahead = timedelta(seconds=50)
    desk.decide(request, one)
    comment = desk.checkpoints.comment(request.id, two, "Wait.", place=CommentPlace(line=1))
    desk.clock.ahead += AFTER
    assert desk.keep(request) >= 1
    now = desk.fresh(request)
    if late:
        assert (now.state, now.approvals) == ("expired", 1)
        assert desk.outcome(request).verdict == "reject"
        return
    assert (now.state, now.approvals) == ("pending", 1) and now.resolves_at == now.due_at > desk.clock()
    assert desk.outcome(request) is None
    assert seen(desk, request, one).withdrawable
    desk.checkpoints.settle_comment(request.id, comment.id, two, resolve=True)
    desk.clock.ahead += PUT_OFF
    assert desk.keep(request) == 1
    assert (desk.fresh(request).state, desk.outcome(request).verdict) == ("approved", "approve")


def test_a_rejection_takes_effect_whatever_comments_are_open(desk: Desk) -> None:
    desk = graceful(desk, terms(comments_resolved=True))
    request, one = desk.open(), member(desk, "One")
    desk.checkpoints.comment(request.id, one, "Wait.", place=CommentPlace(line=1))
    desk.decide(request, one, Verdict.REJECT, comment="No.")
    assert resolved(desk, request).state == "rejected"


def test_what_only_waits_for_its_grace_is_nobodys_work(own_desk: Desk) -> None:
    desk = graceful(own_desk, terms(Stage(teams=("dba",))))
    one, two = member(desk, "One", "dba"), member(desk, "Two", "dba")
    request, other = desk.open(), desk.open()
    assert desk.queue.own(two).count.number == 2
    desk.decide(request, one)
    assert desk.queue.own(two).count.number == 1
    assert [found.id for found in PersonalQueue(desk.sessions, desk.clock).of(two, 5)[0]] == [other.id]
    desk.checkpoints.withdraw(request.id, one)
    assert desk.queue.own(two).count.number == 2
