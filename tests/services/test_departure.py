"""Approvals of people who have left, or are not asked any more, stop counting; what they held is given up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import AssentError, DuplicateDecisionError, ForbiddenError, NotAskedError
from app.domain.people import SYSTEM, Actor, Role
from app.services.people.absences import Absences
from app.services.people.accounts import People
from app.store.policies import Absence
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.services.desk import AtOnce, Desk
from tests.services.ruled import DBA, SECURITY, away, happened, member, ruled, seen, terms

TWO = DBA.model_copy(update={"quorum": 2})
ADMIN = Actor(kind="person", id="", name="Admin", roles=frozenset({Role.ADMIN}))


def change(desk: Desk, person: Actor, roles: tuple[Role, ...], teams: tuple[str, ...], active: bool = True) -> None:
    """An admin changes what somebody may do."""
    People(desk.sessions, desk.clock).change(ADMIN, person.id, person.name, roles, teams, active)


DEPARTURES: dict[str, tuple[Callable[[Desk, Actor], None], str]] = {
    "deactivated": (
        lambda desk, who: change(desk, who, (Role.REVIEWER,), ("dba",), active=False),
        "Dan's account is no longer active.",
    ),
    "not a reviewer any more": (
        lambda desk, who: change(desk, who, (Role.VIEWER,), ("dba",)), "Dan may no longer decide.",
    ),
    "not in the team any more": (
        lambda desk, who: change(desk, who, (Role.REVIEWER,), ("sre",)), "Dan's approval is no longer required.",
    ),
}  # fmt: skip


@pytest.fixture
def teamed(desk: Desk) -> Desk:
    """Requests need two of the team dba; somebody administers the portal."""
    member(desk, "Admin", roles=[Role.ADMIN])
    return ruled(desk, terms(TWO))


def lines(desk: Desk, request: ApprovalRequest, action: str) -> list[tuple[str, dict[str, Any]]]:
    """Entries of the audit log about a request, as who and details."""
    return [(entry.actor_name, entry.detail) for entry in desk.audit(request) if entry.action == action]


@pytest.mark.parametrize("how", DEPARTURES)
def test_the_approval_of_somebody_who_leaves_stops_counting(teamed: Desk, how: str) -> None:
    leave, why = DEPARTURES[how]
    request, dan = teamed.open(), member(teamed, "Dan", "dba")
    teamed.decide(request, dan)
    assert teamed.fresh(request).approvals == 1
    leave(teamed, dan)
    now = teamed.fresh(request)
    assert (now.state, now.approvals, now.version) == ("pending", 0, request.version + 2)
    decision = teamed.decisions(request)[0]
    assert decision.withdrawn_at is not None and decision.lapsed_why == why
    ((who, detail),) = lines(teamed, request, "request.approval_lapsed")
    assert who == SYSTEM.name and detail["person"] == "Dan" and detail["reason"] == why
    assert happened(teamed, request)[-1]["what"] == "approvals lapsed"
    # The others are needed, both of them, and the page says why.
    first, second = member(teamed, "First", "dba"), member(teamed, "Second", "dba")
    told = [(line.who, line.what) for line in seen(teamed, request, first).timeline]
    assert ("Dan", f"approved, which no longer counts: {why.rstrip('.')}") in told
    assert not teamed.decide(now, first).resolved
    assert teamed.decide(teamed.fresh(request), second).resolved


def test_somebody_who_comes_back_decides_again(teamed: Desk) -> None:
    request, rory = teamed.open(), member(teamed, "Rory", "dba")
    teamed.decide(request, rory)
    change(teamed, rory, (Role.REVIEWER,), ("dba",), active=False)
    change(teamed, rory, (Role.REVIEWER,), ("dba",))
    assert teamed.fresh(request).approvals == 0
    teamed.decide(teamed.fresh(request), rory)
    assert teamed.fresh(request).approvals == 1


def test_another_team_or_name_changes_nothing(teamed: Desk) -> None:
    request, dan = teamed.open(), member(teamed, "Dan", "dba")
    teamed.decide(request, dan)
    before = teamed.fresh(request)
    change(teamed, dan, (Role.REVIEWER, Role.AUDITOR), ("dba", "sre"))
    assert (teamed.fresh(request).version, teamed.fresh(request).approvals) == (before.version, 1)


def test_an_earlier_stage_is_asked_again(desk: Desk) -> None:
    staged = ruled(desk, terms(DBA, SECURITY))
    member(staged, "Admin", roles=[Role.ADMIN])
    request, dan = staged.open(), member(staged, "Dan", "dba")
    staged.decide(request, dan)
    assert staged.fresh(request).stage == 1
    change(staged, dan, (Role.REVIEWER,), ())
    now = staged.fresh(request)
    assert (now.stage, now.addressed_to) == (0, ["team:dba"])
    with pytest.raises(NotAskedError):
        staged.decide(now, member(staged, "Sam", "security"))


def test_a_rejection_stands(desk: Desk) -> None:
    lenient = ruled(desk, terms(TWO, deny_threshold=2))
    member(lenient, "Admin", roles=[Role.ADMIN])
    request, dan = lenient.open(), member(lenient, "Dan", "dba")
    lenient.decide(request, dan, Verdict.REJECT, comment="No.")
    change(lenient, dan, (Role.REVIEWER,), ("dba",), active=False)
    last = member(lenient, "Last", "dba")
    assert lenient.decide(lenient.fresh(request), last, Verdict.REJECT, comment="No.").resolved


def test_what_is_resolved_stays(desk: Desk) -> None:
    single = ruled(desk, terms(DBA))
    member(single, "Admin", roles=[Role.ADMIN])
    request, dan = single.open(), member(single, "Dan", "dba")
    assert single.decide(request, dan).resolved
    before = single.fresh(request)
    change(single, dan, (Role.REVIEWER,), (), active=False)
    after = single.fresh(request)
    assert (after.state, after.version, single.decisions(request)[0].withdrawn_at) == ("approved", before.version, None)


@pytest.mark.parametrize("how", DEPARTURES)
def test_claims_and_assignments_end_at_once(teamed: Desk, how: str) -> None:
    leave, _why = DEPARTURES[how]
    claimed, assigned = teamed.open(), teamed.open()
    dan, colleague = member(teamed, "Dan", "dba"), member(teamed, "Colleague", "dba")
    teamed.checkpoints.claim(claimed.id, dan)
    teamed.checkpoints.assign(assigned.id, colleague, dan.id)
    leave(teamed, dan)
    now = teamed.fresh(claimed)
    assert (now.claimed_by_id, now.claimed_until, now.due_at) == (None, None, claimed.due_at)
    assert teamed.fresh(assigned).assigned_to_id is None
    assert lines(teamed, claimed, "request.claim_released") == [(SYSTEM.name, {"claimed_by": "Dan"})]
    ((who, detail),) = lines(teamed, assigned, "request.unassigned")
    assert (who, detail["from"]) == (SYSTEM.name, "Dan")
    for request in (claimed, assigned):
        assert happened(teamed, request)[-1]["what"] == "unassigned"


# Delegates


@pytest.fixture
def stood_in(teamed: Desk) -> tuple[ApprovalRequest, Actor, Actor]:
    """A request that a delegate has approved for somebody who is away, and those two."""
    dan, delegate = member(teamed, "Dan", "dba"), member(teamed, "Delegate")
    away(teamed, dan, delegate)
    request = teamed.open()
    teamed.decide(request, delegate)
    assert teamed.fresh(request).approvals == 1
    return request, dan, delegate


def absence_of(desk: Desk, person: Actor) -> str:
    """The id of somebody's absence."""
    with desk.sessions() as session:
        return session.scalars(select(Absence.id).where(Absence.person_id == person.id)).one()


def test_a_delegates_approval_lapses_with_the_absence(
    teamed: Desk, stood_in: tuple[ApprovalRequest, Actor, Actor]
) -> None:
    request, dan, _delegate = stood_in
    Absences(teamed.sessions, teamed.clock).end(ADMIN, absence_of(teamed, dan))
    assert teamed.fresh(request).approvals == 0
    assert teamed.decisions(request)[0].lapsed_why == "Delegate is no longer the delegate of Dan."
    teamed.decide(teamed.fresh(request), dan)
    assert teamed.fresh(request).approvals == 1


def test_an_absence_that_ends_by_itself_is_noticed(
    teamed: Desk, stood_in: tuple[ApprovalRequest, Actor, Actor]
) -> None:
    request, _dan, delegate = stood_in
    held = teamed.open()
    teamed.checkpoints.claim(held.id, delegate, 480)
    before = teamed.clock()
    with teamed.sessions.begin() as session:
        for name in (request.id, held.id):
            session.get_one(ApprovalRequest, name).expires_at = before + timedelta(days=2)
    teamed.clock.ahead = timedelta(hours=8, minutes=1)
    teamed.checkpoints.settle_absences(before, teamed.clock())
    assert teamed.fresh(request).approvals == 0
    assert teamed.fresh(held).claimed_by_id is None


def test_a_decision_does_not_wait_for_that(teamed: Desk, stood_in: tuple[ApprovalRequest, Actor, Actor]) -> None:
    """Nobody has looked at the absence yet: the last approval is not the last one."""
    request, dan, _delegate = stood_in
    with teamed.sessions.begin() as session:
        session.get_one(ApprovalRequest, request.id).expires_at = teamed.clock() + timedelta(days=2)
    teamed.clock.ahead = timedelta(hours=8, minutes=1)
    assert not teamed.decide(teamed.fresh(request), member(teamed, "Colleague", "dba")).resolved
    assert teamed.fresh(request).approvals == 1
    assert teamed.decide(teamed.fresh(request), dan).resolved


def test_a_delegates_approval_lapses_when_whom_they_stood_in_for_leaves(
    teamed: Desk, stood_in: tuple[ApprovalRequest, Actor, Actor]
) -> None:
    request, dan, delegate = stood_in
    held = teamed.open()
    teamed.checkpoints.claim(held.id, delegate)
    change(teamed, dan, (Role.REVIEWER,), ("sre",))
    assert (teamed.fresh(request).approvals, teamed.fresh(held).claimed_by_id) == (0, None)


# At the same moment


def test_a_departure_and_the_last_approval_at_once(teamed: Desk, at_once: AtOnce) -> None:
    """One of them comes first: either it is approved by both, or the one who left does not count."""
    ends = set()
    for _ in range(6):
        request, dan, last = teamed.open(), member(teamed, "Dan", "dba"), member(teamed, "Last", "dba")
        teamed.decide(request, dan)
        seen_now = teamed.fresh(request)
        results = at_once([
            lambda r=seen_now, who=last: teamed.decide(r, who),
            lambda who=dan: change(teamed, who, (Role.REVIEWER,), ("dba",), active=False),
        ])  # fmt: skip
        assert not [result for result in results if isinstance(result, Exception)], results
        now, first = teamed.fresh(request), teamed.decisions(request)[0]
        ends.add(now.state)
        assert (now.state, first.withdrawn_at is None) in {("approved", True), ("pending", False)}
        assert now.approvals == (2 if now.state == "approved" else 1)
    assert ends


def test_somebody_deactivated_at_the_same_moment_approves_nothing_afterwards(teamed: Desk, at_once: AtOnce) -> None:
    for _ in range(6):
        request, dan, last = teamed.open(), member(teamed, "Dan", "dba"), member(teamed, "Last", "dba")
        teamed.decide(request, dan)
        seen_now = teamed.fresh(request)
        decided, changed = at_once([
            lambda r=seen_now, who=last: teamed.decide(r, who),
            lambda who=last: change(teamed, who, (Role.REVIEWER,), ("dba",), active=False),
        ])  # fmt: skip
        assert not isinstance(changed, Exception), changed
        now = teamed.fresh(request)
        if isinstance(decided, AssentError):
            assert isinstance(decided, ForbiddenError), decided
            assert (now.state, now.approvals) == ("pending", 1)
        else:
            assert decided.resolved and now.state == "approved"


def test_an_actor_who_was_active_a_moment_ago_is_refused(teamed: Desk) -> None:
    request, dan = teamed.open(), member(teamed, "Dan", "dba")
    change(teamed, dan, (Role.REVIEWER,), ("dba",), active=False)
    before = teamed.counts()
    with pytest.raises(ForbiddenError, match="no longer active"):
        teamed.decide(request, dan)
    assert teamed.counts() == before
    with pytest.raises(AssentError):
        teamed.checkpoints.claim(request.id, dan)
    assert teamed.fresh(request).claimed_by_id is None


def test_an_approval_that_counts_cannot_be_given_twice(teamed: Desk) -> None:
    request, dan = teamed.open(), member(teamed, "Dan", "dba")
    teamed.decide(request, dan)
    with pytest.raises(DuplicateDecisionError):
        teamed.decide(teamed.fresh(request), dan)
