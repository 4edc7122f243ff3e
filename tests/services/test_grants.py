"""Standing grants: proposed from like approvals, given by a second person, used once each, ended at once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.grants import Limits
from app.domain.patterns import Pattern, Range, suggest
from app.domain.people import SYSTEM, Actor, Role
from app.services.grants.precedents import GrantScope
from app.store.policies import Grant
from assent.contracts import RiskLevel, Verdict
from tests.services.desk import AtOnce, Desk
from tests.services.office import Office, mail

# Suggestions


def test_three_like_approvals_give_a_suggestion_with_its_bounds(office: Office) -> None:
    office.approved(mail(limit=10), mail(limit=20))
    assert mine(office) == []
    evidence = office.approved(mail(limit=15))
    [found] = mine(office)
    assert found.scope == office.scope
    assert (found.max_risk, len(found.evidence)) == (RiskLevel.MEDIUM, 3)
    assert evidence[0].id == found.evidence[0].id
    assert {request.who for request in found.evidence} == {"The second"}
    assert found.words[0] == "args.limit is a whole number from 10 to 20"


def mine(office: Office) -> list[Any]:
    return [
        suggestion
        for suggestion in office.grants.suggestions(office.first)
        if suggestion.scope.workflow == office.workflow
    ]


def test_what_does_not_speak_for_a_rule(office: Office) -> None:
    office.approved(mail(limit=10), mail(limit=20))
    # Changed, risky, answered, of another environment, tool or node.
    changed = office.ask(mail(limit=12))
    office.desk.decide(changed, office.second, Verdict.MODIFY, change={"args": {"to": "ops", "limit": 11}})
    risky = office.ask(mail("delete", limit=12))
    office.desk.decide(risky, office.second)
    office.desk.decide(office.ask(mail(limit=12, environment="test")), office.second)
    office.desk.decide(office.ask(mail(limit=12, tool="other")), office.second)
    office.desk.decide(office.ask(mail(limit=12), node="elsewhere"), office.second)
    assert mine(office) == []
    office.approved(mail(limit=12))
    assert len(mine(office)) == 1


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.REQUEST_CHANGES])
def test_a_refusal_meanwhile_ends_what_earlier_approvals_spoke_for(office: Office, verdict: Verdict) -> None:
    office.approved(mail(limit=10), mail(limit=20), mail(limit=30))
    office.desk.decide(office.ask(mail(limit=25)), office.second, verdict, comment="Not this one.")
    assert mine(office) == []
    office.approved(mail(limit=12), mail(limit=13))
    assert mine(office) == []
    office.approved(mail(limit=14))
    [found] = mine(office)
    assert len(found.evidence) == 3


def test_old_approvals_speak_for_nothing(office: Office) -> None:
    office.approved(mail(limit=10), mail(limit=20), mail(limit=30))
    office.desk.clock.ahead += timedelta(days=31)
    assert mine(office) == []


def test_what_is_proposed_active_or_was_declined_is_not_suggested_again(office: Office) -> None:
    grant = office.proposed()
    assert mine(office) == []
    office.grants.decline(office.second, grant.id, "Too wide.")
    assert mine(office) == []
    office.approved(mail(limit=11), mail(limit=12), mail(limit=13))
    [found] = mine(office)
    assert len(found.evidence) == 3, "only what was approved since"


# Proposing and giving


def test_a_grant_takes_two_people(office: Office) -> None:
    grant = office.proposed()
    assert (grant.state, grant.uses, grant.approved_by_id) == ("proposed", 0, None)
    assert office.ask(mail()).answered_by == "", "nothing is let through yet"
    with pytest.raises(OwnRequestError):
        office.grants.approve(office.first, grant.id)
    for refused in (office.desk.person("Viewer", [Role.VIEWER]), SYSTEM, agent()):
        with pytest.raises(ForbiddenError):
            office.grants.approve(refused, grant.id)
    given = office.grants.approve(office.second, grant.id)
    assert (given.state, given.approved_by_id, given.approved_by_name) == ("active", office.second.id, "The second")
    with pytest.raises(IllegalTransitionError, match="active"):
        office.grants.approve(office.desk.person(), grant.id)
    assert [(entry.action, entry.actor_name) for entry in office.record(grant)] == [
        ("grant.proposed", "The first"), ("grant.approved", "The second"),
    ]  # fmt: skip


def agent() -> Actor:
    return Actor(kind="agent", id="x", name="Agent", roles=frozenset(Role))


def test_the_database_refuses_one_person_for_both(office: Office) -> None:
    grant = office.proposed()
    change = update(Grant).where(Grant.id == grant.id)
    with pytest.raises(IntegrityError, match="second_person"), office.desk.sessions.begin() as session:
        session.execute(change.values(state="active", approved_by_id=office.first.id))
    with pytest.raises(IntegrityError, match="two_people"), office.desk.sessions.begin() as session:
        session.execute(change.values(state="active"))
    for wide in ({"max_uses": 1001}, {"max_risk": "high"}):
        with pytest.raises(IntegrityError, match="bounds"), office.desk.sessions.begin() as session:
            session.execute(change.values(**wide))
    with pytest.raises(IntegrityError, match="uses"), office.desk.sessions.begin() as session:
        session.execute(change.values(uses=grant.max_uses + 1))


def test_two_who_give_it_at_once_are_one(wide_desk: Desk, at_once: AtOnce) -> None:
    office = Office(wide_desk)
    grant = office.proposed()
    people = [wide_desk.person(f"Person {number}") for number in range(8)]
    results = at_once([lambda who=who: office.grants.approve(who, grant.id) for who in people])
    assert Counter(type(result) for result in results) == {Grant: 1, IllegalTransitionError: 7}
    assert [entry.action for entry in office.record(grant)].count("grant.approved") == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"limits": Limits(RiskLevel.HIGH, 5, 7)}, InvalidInputError),
        ({"limits": Limits(RiskLevel.MEDIUM, 1001, 7)}, InvalidInputError),
        ({"limits": Limits(RiskLevel.MEDIUM, 5, 91)}, InvalidInputError),
        ({"limits": Limits(RiskLevel.LOW, 5, 7)}, ConflictError),
        ({"evidence": []}, InvalidInputError),
        ({"evidence": ["a", "b", "c"]}, ConflictError),
        ({"evidence": ["\x00", "b", "c"]}, InvalidInputError),
        ({"scope": GrantScope("another", "ask", "tool_call", "production")}, ConflictError),
    ],
)
def test_a_rule_out_of_bounds_or_without_approvals_is_refused(
    office: Office, change: dict[str, Any], error: type[Exception]
) -> None:
    draft = office.draft(office.approved(mail(limit=10), mail(limit=20), mail(limit=30)), **change)
    with pytest.raises(error):
        office.grants.propose(office.first, draft, "Always the same.")
    assert all(listed.grant.workflow != office.workflow for listed in office.grants.list(office.first))


def test_a_rule_needs_a_reason_a_person_and_approvals_that_fit_it(office: Office) -> None:
    evidence = office.approved(mail(limit=10), mail(limit=20), mail(limit=30))
    with pytest.raises(InvalidInputError):
        office.grants.propose(office.first, office.draft(evidence), " ")
    for refused in (office.desk.person("Viewer", [Role.VIEWER]), office.desk.person("Auditor", [Role.AUDITOR]), SYSTEM):
        with pytest.raises(ForbiddenError):
            office.grants.propose(refused, office.draft(evidence), "Always.")
    narrow = suggest([mail(limit=10)])
    with pytest.raises(ConflictError):
        office.grants.propose(office.first, office.draft(evidence, pattern=narrow), "Always.")
    rejected = office.ask(mail(limit=40))
    office.desk.decide(rejected, office.second, Verdict.REJECT, comment="No.")
    with pytest.raises(ConflictError):
        office.grants.propose(office.first, office.draft([*evidence[:2], rejected]), "Always.")
    with pytest.raises(NotFoundError):
        office.grants.approve(office.second, "nothing")


def test_the_rehearsal_shows_what_people_refused(office: Office) -> None:
    evidence = office.approved(mail(limit=10), mail(limit=30), mail(limit=20))
    rejected, changed = office.ask(mail(limit=25)), office.ask(mail(limit=26))
    office.desk.decide(rejected, office.second, Verdict.REJECT, comment="No.")
    office.desk.decide(changed, office.second, Verdict.MODIFY, change={"args": {"to": "ops", "limit": 1}})
    office.approved(mail(limit=99))
    pattern = office.draft(evidence).pattern
    found = office.grants.rehearse(office.first, office.scope, pattern, RiskLevel.MEDIUM)
    assert (found.considered, found.complete, len(found.through)) == (6, True, 5)
    assert {past.id for past in found.refused} == {rejected.id, changed.id}
    assert not office.grants.rehearse(office.first, office.scope, pattern, RiskLevel.LOW).through
    grant = office.grants.propose(office.first, office.draft(evidence), "Always.")
    detail = office.grants.view(grant.id, office.second)
    assert detail.rehearsal is not None
    assert {past.id for past in detail.rehearsal.refused} == {rejected.id, changed.id}
    assert {request.id for request in detail.evidence} == {request.id for request in evidence}


def test_declining_and_revoking(office: Office) -> None:
    grant = office.proposed()
    with pytest.raises(InvalidInputError):
        office.grants.decline(office.second, grant.id, "")
    office.grants.decline(office.first, grant.id, "I was wrong.")
    with pytest.raises(IllegalTransitionError, match="declined"):
        office.grants.revoke(office.second, grant.id, "No.")
    grant = Office(office.desk).active()
    with pytest.raises(ForbiddenError):
        office.grants.revoke(office.desk.person("Auditor", [Role.AUDITOR]), grant.id, "No.")
    with pytest.raises(IllegalTransitionError):
        office.grants.decline(office.second, grant.id, "No.")
    revoked = office.grants.revoke(office.desk.person("Third"), grant.id, "It changed.")
    assert (revoked.state, revoked.ended_by_name, revoked.end_reason) == ("revoked", "Third", "It changed.")
    assert office.record(grant)[-1].detail == {"grant": grant.id, "uses": 0, "reason": "It changed."}


def test_a_stored_pattern_reads_as_it_was_proposed(office: Office) -> None:
    grant = office.proposed()
    pattern = Pattern.from_json(office.fresh(grant).pattern)
    [limit] = [leave.must for leave in pattern.leaves if leave.place == "args.limit"]
    assert limit == Range(low=10, high=30)
    secret = suggest([mail("ghp_" + "a1B2c3D4e5" * 4)])
    with pytest.raises(InvalidInputError, match="secret"):
        office.grants.propose(office.first, office.draft([], pattern=secret, evidence=["a", "b", "c"]), "Always.")
