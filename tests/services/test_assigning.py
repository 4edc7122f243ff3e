"""Assignments: who may assign whom, and that an absence begins or ends while somebody decides."""

from __future__ import annotations

import pytest

from app.domain.errors import (
    ConflictError,
    DuplicateDecisionError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    OwnRequestError,
)
from app.domain.people import Role, Via
from app.domain.policy.terms import Stage
from app.services.people.absences import Absences
from app.store.requests import ApprovalRequest
from tests.factories import make_person, script
from tests.services.desk import AtOnce, Desk
from tests.services.held import HOUR, asking, away, lines
from tests.services.ruled import member


def test_an_assignment_names_who_decides_and_is_on_the_record(desk: Desk) -> None:
    request, me, other = desk.open(), desk.person("First"), desk.person("Other")
    assigned = desk.checkpoints.assign(request.id, me, other.id)
    assert (assigned.assigned_to_id, assigned.assigned_to_name, assigned.state) == (other.id, "Other", "pending")
    assert desk.checkpoints.assign(request.id, me, None, "back to all").assigned_to_id is None
    assert lines(desk, request) == [
        ("request.assigned", {"from": "", "from_id": None, "to": "Other", "to_id": other.id, "reason": ""}),
        ("request.unassigned",
         {"from": "Other", "from_id": other.id, "to": "", "to_id": None, "reason": "back to all"}),
    ]  # fmt: skip
    assert desk.decide(request, me).resolved  # an assignment keeps nobody from deciding


def test_who_hands_on_what_is_assigned_to_them_says_why(desk: Desk) -> None:
    request, me, other = desk.open(), desk.person("First"), desk.person("Other")
    desk.checkpoints.assign(request.id, other, me.id)
    with pytest.raises(InvalidInputError) as refused:
        desk.checkpoints.assign(request.id, me, other.id, "  ")
    assert set(refused.value.extra["fields"]) == {"reason"}
    desk.checkpoints.assign(request.id, me, other.id, "I leave at noon; password=hunter2hunter2hunter2")
    _, detail = lines(desk, request)[-1]
    assert (detail["from"], detail["to"]) == ("First", "Other") and "noon" in detail["reason"]
    assert "hunter2" not in detail["reason"]
    desk.checkpoints.assign(request.id, me, me.id)  # what is not one's own is taken without a reason


def test_assigning_to_whom_it_is_assigned_already_is_refused(desk: Desk) -> None:
    request, me = desk.open(), desk.person("First")
    with pytest.raises(IllegalTransitionError, match="nobody"):
        desk.checkpoints.assign(request.id, me, None)
    desk.checkpoints.assign(request.id, me, me.id)
    with pytest.raises(IllegalTransitionError, match="First"):
        desk.checkpoints.assign(request.id, me, me.id, "again")
    assert len(lines(desk, request)) == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_decides_nothing_assigns_nothing(desk: Desk, role: Role) -> None:
    request, other = desk.open(), desk.person("Other")
    with pytest.raises(ForbiddenError):
        desk.checkpoints.assign(request.id, desk.person(roles=[role]), other.id)


def test_the_one_who_started_it_may_assign_it_but_not_to_themselves(desk: Desk) -> None:
    starter, other = desk.person("Starter"), desk.person("Other")
    request = desk.open(requester=starter)
    with pytest.raises(InvalidInputError, match="Starter started this run"):
        desk.checkpoints.assign(request.id, starter, starter.id)
    assert desk.checkpoints.assign(request.id, starter, other.id).assigned_to_id == other.id


def test_only_who_could_decide_it_now_is_assigned(desk: Desk) -> None:
    request = asking(desk, Stage(name="DBA", teams=("dba",), quorum=2), Stage(name="Security", teams=("sec",)))
    me, outside = member(desk, "Inside", "dba"), member(desk, "Outside", "sec")
    viewer = member(desk, "Viewer", "dba", roles=(Role.VIEWER,))
    gone = make_person(desk.sessions, "Gone", teams=("dba",), active=False)
    done = member(desk, "Done", "dba")
    desk.decide(request, done)
    for person_id, words in (
        (outside.id, "Outside is not an approver: DBA"), (viewer.id, "Viewer may not decide"),
        (done.id, "Done has already decided"), (gone.id, "Gone has no active account"),
        ("nobody", "no such person"), ("\x00", "no such person"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError, match=words) as refused:
            desk.checkpoints.assign(request.id, me, person_id)
        assert set(refused.value.extra["fields"]) == {"person_id"}
    assert desk.checkpoints.assign(request.id, outside, me.id).assigned_to_id == me.id


def test_nobody_who_is_away_is_assigned_but_who_stands_in_is(desk: Desk) -> None:
    request, me = asking(desk, Stage(teams=("dba",))), member(desk, "First", "dba")
    dba, other, delegate = member(desk, "DBA", "dba"), member(desk, "Other", "dba"), member(desk, "Delegate")
    with pytest.raises(InvalidInputError, match="Delegate is not an approver"):
        desk.checkpoints.assign(request.id, me, delegate.id)
    absence = away(desk, dba, delegate)
    away(desk, other, None)
    with pytest.raises(InvalidInputError, match=r"DBA is absent. Delegate is their delegate.") as refused:
        desk.checkpoints.assign(request.id, me, dba.id)
    assert refused.value.extra["delegate_id"] == delegate.id
    assert refused.value.extra["delegate_name"] == "Delegate"
    assert refused.value.extra["absent_until"] == absence.ends_at.isoformat()
    with pytest.raises(InvalidInputError, match=r"Other is absent. They have no delegate.") as refused:
        desk.checkpoints.assign(request.id, me, other.id)
    assert refused.value.extra["delegate_id"] is None
    assert desk.checkpoints.assign(request.id, me, delegate.id).assigned_to_id == delegate.id
    desk.clock.ahead = HOUR
    assert desk.checkpoints.assign(request.id, me, dba.id).assigned_to_id == dba.id


def test_of_ten_assignments_at_once_one_counts_and_the_others_are_told_of_it(desk: Desk, at_once: AtOnce) -> None:
    request, me = desk.open(), desk.person("First")
    people = [desk.person(f"Person {number}") for number in range(10)]
    results = at_once([lambda person=person: desk.checkpoints.assign(request.id, me, person.id) for person in people])
    given = [result for result in results if isinstance(result, ApprovalRequest)]
    assert all(isinstance(result, ApprovalRequest | ConflictError) for result in results), results
    chain = [(detail["from"], detail["to"]) for _, detail in lines(desk, request)]
    # Each that counted began where the one before it ended: none was lost from sight.
    assert len(chain) == len(given) and [old for old, _ in chain] == ["", *(new for _, new in chain[:-1])]
    assert desk.fresh(request).assigned_to_name == chain[-1][1]


def test_claiming_assigning_and_deciding_at_once_all_count(desk: Desk, at_once: AtOnce) -> None:
    me, other, decider = desk.person("First"), desk.person("Other"), desk.person("Decider")
    for _ in range(3):
        request = desk.open(script("drop table t"))
        results = at_once([
            lambda r=request: desk.checkpoints.claim(r.id, me),
            lambda r=request: desk.checkpoints.assign(r.id, me, other.id),
            lambda r=request: desk.decide(r, decider),
            lambda r=request: desk.checkpoints.claim(r.id, me, 60),
        ])  # fmt: skip
        assert not [result for result in results if isinstance(result, Exception)], results
        after = desk.fresh(request)
        assert (after.claimed_by_id, after.assigned_to_id, after.approvals) == (me.id, other.id, 1)
        assert after.due_at == after.claimed_until


def test_a_delegates_decision_counts_while_the_absence_lasts(desk: Desk) -> None:
    request = asking(desk, Stage(teams=("dba",)))
    dba, delegate, further = member(desk, "DBA", "dba"), member(desk, "Delegate"), member(desk, "Further")
    with pytest.raises(NotAskedError):
        desk.decide(request, delegate)
    away(desk, dba, delegate)
    away(desk, delegate, further)
    with pytest.raises(NotAskedError):
        desk.decide(request, further)
    assert desk.decide(request, delegate).resolved
    [decision] = desk.decisions(request)
    assert (decision.person_id, decision.on_behalf_of_id) == (delegate.id, dba.id)


@pytest.mark.parametrize("how", ["over", "ended early"])
def test_an_absence_that_ends_before_the_decision_ends_the_delegates_part(desk: Desk, how: str) -> None:
    request = asking(desk, Stage(teams=("dba",)))
    dba, delegate = member(desk, "DBA", "dba"), member(desk, "Delegate")
    absence = away(desk, dba, delegate)
    desk.checkpoints.claim(request.id, delegate)  # the page is open, and it may be decided
    if how == "over":
        desk.clock.ahead = HOUR
    else:
        Absences(desk.sessions, desk.clock).end(dba, absence.id)
    with pytest.raises(NotAskedError):
        desk.decide(request, delegate)
    assert desk.decisions(request) == []
    assert desk.decide(request, dba).resolved


def test_an_absence_that_begins_before_the_decision_keeps_nobody_from_deciding_themselves(desk: Desk) -> None:
    request = asking(desk, Stage(teams=("dba",), quorum=2))
    dba, delegate = member(desk, "DBA", "dba"), member(desk, "Delegate")
    away(desk, dba, delegate)
    desk.decide(request, dba)
    [decision] = desk.decisions(request)
    assert (decision.person_id, decision.on_behalf_of_id) == (dba.id, None)
    with pytest.raises(DuplicateDecisionError):
        desk.decide(request, delegate)


def test_nobody_decides_for_the_requester(desk: Desk) -> None:
    starter = make_person(desk.sessions, "Starter", teams=("dba",))
    request = asking(desk, Stage(teams=("dba",)), requester=starter)
    delegate = member(desk, "Delegate")
    away(desk, starter.as_actor(Via.PAGE), delegate)
    with pytest.raises(OwnRequestError):
        desk.decide(request, delegate)
    with pytest.raises(InvalidInputError, match="is the delegate of"):
        desk.checkpoints.assign(request.id, member(desk, "DBA", "dba"), delegate.id)
