"""Standing grants: proposed from like approvals, given by a second person, used once each, ended at once."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
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
from app.domain.policy.terms import ChangeWindow, Stage, Terms, default_terms
from app.domain.policy.verdicts import Ruling
from app.domain.run_protocol import Journal
from app.services.approvals.intake.automatic_answers import AutomaticAnswers
from app.services.approvals.manager import CheckpointManager
from app.services.grants.lifecycle import GrantDraft, Grants
from app.services.grants.precedents import GrantScope
from app.store.people import Person
from app.store.policies import Grant, GrantUse
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import RiskLevel, Verdict
from tests.services.desk import Desk, asked, assess_words, make_desk

AtOnce = Callable[[list[Callable[[], Any]]], list[Any]]


@pytest.fixture(scope="module")
def wide_desk(module_database_url: str) -> Iterator[Desk]:
    """A desk with a connection for each of ten threads, and more."""
    desk = make_desk(module_database_url, pool_size=15)
    yield desk
    desk.engine.dispose()


def mail(to: str = "ops", limit: int = 10, **more: Any) -> dict[str, Any]:
    """A tool call; its words make it of medium risk."""
    return {
        "kind": "tool_call", "title": f"Mail to {to}", "summary": "", "agent": "", "environment": "production",
        "labels": {}, "risk_floor": "safe", "expires_in_seconds": None, "tool": "send_mail",
        "args": {"to": to, "limit": limit}, "args_schema": None,
    } | more  # fmt: skip


class Office:
    """A workflow of its own, two people, and the grants over a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.checkpoints = desk.checkpoints
        self.grants = Grants(desk.sessions, desk.clock)
        self.workflow = f"flow_{secrets.token_hex(4)}"
        self.first, self.second = desk.person("The first"), desk.person("The second")

    @property
    def scope(self) -> GrantScope:
        return GrantScope(self.workflow, "ask", "tool_call", "production")

    def ask(
        self, document: dict[str, Any], requester: Actor | None = None, run: Run | None = None, **values: Any
    ) -> ApprovalRequest:
        """A run asks this; the request as it stands then."""
        run = run or self.desk.run(requester, workflow=self.workflow)
        what = asked(document, **values)
        assert self.checkpoints.suspend(run.id, run.attempt, [what], Journal(run.id))
        with self.desk.sessions() as session:
            return session.scalars(
                select(ApprovalRequest).where(ApprovalRequest.interrupt_id == what.interrupt_id)
            ).one()

    def approved(self, *documents: dict[str, Any]) -> list[ApprovalRequest]:
        """Requests that somebody approved as they were."""
        done = [self.ask(document) for document in documents]
        for approved in done:
            self.desk.decide(approved, self.second)
        return done

    def draft(self, approvals: list[ApprovalRequest], uses: int = 5, days: int = 7, **values: Any) -> GrantDraft:
        pattern = values.get("pattern") or suggest([approval.payload for approval in approvals])
        assert pattern is not None
        fields: dict[str, Any] = {
            "scope": self.scope, "pattern": pattern, "limits": Limits(RiskLevel.MEDIUM, uses, days),
            "title": "Mails to operations", "evidence": [approval.id for approval in approvals],
        }  # fmt: skip
        return GrantDraft(**fields | values)

    def proposed(self, uses: int = 5, days: int = 7) -> Grant:
        evidence = self.approved(*(mail(limit=limit) for limit in (10, 20, 30)))
        return self.grants.propose(self.first, self.draft(evidence, uses, days), "Always the same.")

    def active(self, uses: int = 5, days: int = 7) -> Grant:
        return self.grants.approve(self.second, self.proposed(uses, days).id)

    def fresh(self, grant: Grant) -> Grant:
        with self.desk.sessions() as session:
            return session.get_one(Grant, grant.id)

    def used_for(self, grant: Grant) -> set[str]:
        with self.desk.sessions() as session:
            return set(session.scalars(select(GrantUse.request_id).where(GrantUse.grant_id == grant.id)))

    def record(self, grant: Grant) -> list[AuditEntry]:
        with self.desk.sessions() as session:
            query = select(AuditEntry).where(AuditEntry.action.startswith("grant.")).order_by(AuditEntry.seq)
            return [entry for entry in session.scalars(query) if entry.detail.get("grant") == grant.id]


@pytest.fixture
def office(desk: Desk) -> Office:
    return Office(desk)


def actions(desk: Desk, request: ApprovalRequest) -> list[str]:
    return [entry.action for entry in desk.audit(request)]


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


# Using


def test_what_fits_is_approved_at_once_and_every_use_is_on_the_record(office: Office) -> None:
    grant = office.active()
    request = office.ask(mail(limit=25))
    assert (request.state, request.answered_by, request.due_at) == ("approved", f"grant:{grant.id}", None)
    words = "Standing grant “Mails to operations”, approved by The first and The second."
    assert request.note == f"Approved by the s{words[1:]}"
    outcome = office.desk.outcome(request)
    assert outcome is not None and (outcome.verdict, outcome.next_action) == ("approve", "continue")
    assert outcome.body["payload"] == request.payload and outcome.body["digest"] == request.digest
    assert [remark["comment"] for remark in outcome.body["remarks"]] == [words]
    assert actions(office.desk, request) == ["request.opened", "grant.used", "request.resolved"]
    assert office.desk.events(request) == ["request.opened", "request.resolved"]
    assert office.desk.run_state(request.run_id) == "queued"
    assert office.desk.jobs(request.run_id) == 1
    assert office.desk.decisions(request) == []
    assert office.used_for(grant) == {request.id}
    assert office.fresh(grant).uses == 1
    assert [entry.request_id for entry in office.record(grant) if entry.action == "grant.used"] == [request.id]
    [used] = office.grants.view(grant.id, office.first).uses
    assert used.id == request.id


@pytest.mark.parametrize(
    ("document", "values"),
    [
        (mail(limit=31), {}), (mail(limit=9), {}), (mail("ops2"), {}), (mail(tool="other"), {}),
        (mail(environment="test"), {}), (mail(labels={"a": "b"}), {}), (mail(args={"to": "ops"}), {}),
        (mail(), {"node": "elsewhere"}), (mail(summary="delete"), {}),
        (mail(), {"response_schema": {"type": "string"}}), (mail(summary="⟦secret:password:1⟧"), {}),
    ],
)  # fmt: skip
def test_what_does_not_fit_goes_to_people(office: Office, document: dict[str, Any], values: dict[str, Any]) -> None:
    grant = office.active()
    request = office.ask(document, **values)
    assert (request.state, request.answered_by) == ("pending", "")
    assert office.fresh(grant).uses == 0


def test_a_grant_that_cannot_be_read_keeps_no_run_from_asking(own_desk: Desk) -> None:
    office = Office(own_desk)
    grant = office.active()
    with office.desk.sessions.begin() as session:
        session.execute(update(Grant).where(Grant.id == grant.id).values(pattern={"of": "another version"}))
    assert office.ask(mail()).state == "pending"


def test_questions_and_failed_steps_go_to_people(office: Office) -> None:
    grant = office.active()
    with office.desk.sessions.begin() as session:
        session.execute(update(Grant).where(Grant.id == grant.id).values(kind="error"))
    failed = mail(kind="error")
    assert office.ask(failed, dialect="error").state == "pending"


def test_neither_of_its_people_is_let_through_by_it(office: Office) -> None:
    grant = office.active()
    assert office.ask(mail(), office.first).state == "pending"
    assert office.ask(mail(), office.second).state == "pending"
    assert office.ask(mail(), office.desk.person("Third")).state == "approved"
    assert office.fresh(grant).uses == 1


def test_it_stands_on_two_people_who_may_still_decide(office: Office) -> None:
    office.active()
    with office.desk.sessions.begin() as session:
        session.execute(update(Person).where(Person.id == office.second.id).values(active=False))
    assert office.ask(mail()).state == "pending"
    with office.desk.sessions.begin() as session:
        session.execute(update(Person).where(Person.id == office.second.id).values(active=True, roles=["viewer"]))
    assert office.ask(mail()).state == "pending"
    with office.desk.sessions.begin() as session:
        session.execute(update(Person).where(Person.id == office.second.id).values(roles=["reviewer"]))
    assert office.ask(mail()).state == "approved"


class Rule:
    """A policy with the one rule that the test says."""

    version = None

    def __init__(self, **terms: Any) -> None:
        self._terms = terms

    def terms(self, facts: Any, opened_at: Any) -> Terms:
        return default_terms(facts.assessment.level).model_copy(update=self._terms)

    def ruling(self, facts: Any, opened_at: Any) -> Ruling:
        return Ruling(self.terms(facts, opened_at))


def under(office: Office, **terms: Any) -> None:
    """From now on this rule holds."""
    desk = office.desk
    office.checkpoints = CheckpointManager(desk.sessions, desk.clock, assess_words, lambda: Rule(**terms))


@pytest.mark.parametrize(
    ("terms", "state"),
    [
        ({"grants_allowed": False}, "pending"),
        ({"stages": (Stage(quorum=2),)}, "approved"),
        ({"stages": (Stage(quorum=3),)}, "pending"),
        ({"stages": (Stage(teams=("dba",)),)}, "pending"),
    ],
)
def test_a_grant_gives_no_more_than_the_rule_lets_its_people_give(
    office: Office, terms: dict[str, Any], state: str
) -> None:
    office.active()
    under(office, **terms)
    assert office.ask(mail()).state == state


def test_a_change_window_holds_what_a_grant_lets_through(office: Office) -> None:
    office.active()
    now = office.desk.clock()
    tomorrow = ChangeWindow(timezone="UTC", days=((now.weekday() + 2) % 7,), start="10:00", end="11:00")
    under(office, windows=(tomorrow,))
    request = office.ask(mail())
    assert request.state == "approved"
    assert request.held_until is not None and request.held_until > now
    assert request.due_at == request.held_until
    outcome = office.desk.outcome(request)
    assert outcome is not None and outcome.held_until == request.held_until
    assert office.desk.run_state(request.run_id) == "suspended"
    assert office.desk.jobs(request.run_id) == 0
    office.desk.clock.ahead += request.held_until - now + timedelta(seconds=1)
    assert office.desk.checkpoints.keep(request.id)
    assert office.desk.run_state(request.run_id) == "queued"


def test_a_revision_that_was_asked_for_goes_to_people(office: Office) -> None:
    office.active()
    run = office.desk.run(workflow=office.workflow)
    sent_back = office.ask(mail(limit=99), run=run)
    office.desk.decide(sent_back, office.second, Verdict.REQUEST_CHANGES, comment="Fewer.")
    revision = office.ask(mail(limit=20), run=resumed(office, sent_back))
    assert (revision.previous_id, revision.state, revision.answered_by) == (sent_back.id, "pending", "")


def resumed(office: Office, request: ApprovalRequest) -> Run:
    assert request.run_id is not None
    taken = office.desk.progress.begin(request.run_id)
    assert taken is not None
    with office.desk.sessions() as session:
        return session.get_one(Run, request.run_id)


def test_what_people_rejected_and_reopened_goes_to_people(office: Office) -> None:
    run = office.desk.run(workflow=office.workflow)
    rejected = office.ask(mail(limit=20), run=run)
    office.desk.decide(rejected, office.second, Verdict.REJECT, comment="Not now.")
    office.active()
    memory = office.ask(mail(limit=20), run=resumed(office, rejected))
    assert (memory.state, memory.answered_by) == ("rejected", f"rejection:{rejected.id}")
    office.desk.checkpoints.reopen(rejected.id, office.second, "Now.")
    again = office.ask(mail(limit=20), run=resumed(office, memory))
    assert (again.state, again.answered_by) == ("pending", "")


def test_used_up_it_ends_by_itself(office: Office) -> None:
    grant = office.active(uses=2)
    assert [office.ask(mail()).state for _ in range(3)] == ["approved", "approved", "pending"]
    ended = office.fresh(grant)
    assert (ended.state, ended.uses) == ("used_up", 2)
    assert ended.ended_at is not None and ended.end_reason
    [entry] = [entry for entry in office.record(grant) if entry.action == "grant.ended"]
    assert entry.detail == {"grant": grant.id, "state": "used_up", "uses": 2}


def test_its_time_over_it_lets_nothing_through_and_that_is_noted(office: Office) -> None:
    grant, waiting = office.active(days=1), Office(office.desk).proposed(days=1)
    office.desk.clock.ahead += timedelta(days=1, seconds=1)
    assert office.ask(mail()).state == "pending"
    by_id = {listed.grant.id: listed for listed in office.grants.list(office.first)}
    assert by_id[grant.id].state == "expired" and by_id[grant.id].uses_left == 0
    with pytest.raises(IllegalTransitionError, match="lapsed"):
        office.grants.approve(office.second, waiting.id)
    assert office.grants.lapse() >= 2
    assert office.grants.lapse() == 0
    assert (office.fresh(grant).state, office.fresh(waiting).state) == ("expired", "expired")
    assert [entry.action for entry in office.record(grant)][-1] == "grant.ended"


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


# At once, and crashes


def test_of_ten_at_once_with_one_use_left_one_is_let_through(wide_desk: Desk, at_once: AtOnce) -> None:
    office = Office(wide_desk)
    grant = office.active(uses=1)
    runs = [wide_desk.run(workflow=office.workflow) for _ in range(10)]
    results = at_once([lambda run=run: office.ask(mail(), run=run) for run in runs])
    assert Counter(result.state for result in results) == {"approved": 1, "pending": 9}
    let_through = next(result for result in results if result.state == "approved")
    assert office.used_for(grant) == {let_through.id}
    assert (office.fresh(grant).state, office.fresh(grant).uses) == ("used_up", 1)
    for result in results:
        wanted = ["request.opened", "grant.used", "request.resolved", "grant.ended"]
        if result.state == "pending":
            assert result.answered_by == "" and office.desk.outcome(result) is None
            assert result.due_at is not None and result.due_at > result.opened_at
            assert actions(wide_desk, result) in (["request.opened"], ["request.opened", "request.left_to_people"])
        else:
            assert sorted(actions(wide_desk, result)) == sorted(wanted)
    decided = wide_desk.decide(next(result for result in results if result.state == "pending"), office.second)
    assert decided.resolved


def test_answers_of_the_same_request_at_once_use_the_grant_once(
    wide_desk: Desk, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(wide_desk)
    grant = office.active()
    monkeypatch.setattr(AutomaticAnswers, "answer_soon", lambda *_: None)
    request = office.ask(mail())
    results = at_once([lambda: wide_desk.checkpoints.keep(request.id) for _ in range(8)])
    assert Counter(results) == {True: 1, False: 7}
    assert office.fresh(grant).uses == 1
    assert actions(wide_desk, request) == ["request.opened", "grant.used", "request.resolved"]


def test_revoked_while_it_is_used_nothing_more_is_let_through_afterwards(wide_desk: Desk, at_once: AtOnce) -> None:
    for _ in range(5):
        office = Office(wide_desk)
        grant = office.active(uses=100)
        runs = [wide_desk.run(workflow=office.workflow) for _ in range(6)]
        calls: list[Callable[[], Any]] = [lambda run=run, office=office: office.ask(mail(), run=run) for run in runs]
        calls.insert(3, lambda office=office, grant=grant: office.grants.revoke(office.first, grant.id, "Stop."))
        *asked_before, revoked, a, b, c = at_once(calls)
        requests = [*asked_before, a, b, c]
        assert revoked.state == "revoked"
        uses = {request.id for request in requests if request.state == "approved"}
        assert office.used_for(grant) == uses and office.fresh(grant).uses == len(uses)
        used = [entry.request_id for entry in office.record(grant) if entry.action == "grant.used"]
        assert sorted(used) == sorted(uses)
        assert office.fresh(grant).state == "revoked"
        assert all(request.answered_by == "" for request in requests if request.state == "pending")
        assert office.ask(mail()).state == "pending"


def test_a_crash_between_opening_and_answer_is_made_up_for_by_the_due_step(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = office.active()
    monkeypatch.setattr(AutomaticAnswers, "answer_soon", lambda *_: None)
    request = office.ask(mail())
    assert (request.state, request.answered_by) == ("pending", f"grant:{grant.id}")
    assert request.id in office.desk.checkpoints.due()
    assert office.desk.checkpoints.keep(request.id) and not office.desk.checkpoints.keep(request.id)
    assert office.desk.fresh(request).state == "approved"
    assert office.fresh(grant).uses == 1


@pytest.mark.parametrize("what", ["revoked", "lapsed", "expired", "requester", "decided"])
def test_what_cannot_be_used_any_more_is_left_to_people(
    office: Office, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    grant = office.active(days=1)
    under(office, stages=(Stage(quorum=2),))
    monkeypatch.setattr(AutomaticAnswers, "answer_soon", lambda *_: None)
    request = office.ask(mail())
    assert request.answered_by == f"grant:{grant.id}"
    if what == "revoked":
        office.grants.revoke(office.first, grant.id, "Stop.")
    elif what == "lapsed":
        with office.desk.sessions.begin() as session:
            session.execute(update(Grant).where(Grant.id == grant.id).values(expires_at=office.desk.clock()))
    elif what == "expired":
        office.desk.clock.ahead += request.expires_at - office.desk.clock() + timedelta(seconds=1)
    elif what == "requester":
        with office.desk.sessions.begin() as session:
            change = update(ApprovalRequest).where(ApprovalRequest.id == request.id)
            session.execute(change.values(requester_id=office.first.id))
    else:
        office.desk.decide(request, office.desk.person("Third"))
    assert office.desk.checkpoints.keep(request.id)
    left = office.desk.fresh(request)
    assert (left.state, left.answered_by) == ("pending", "")
    assert left.due_at is not None and left.due_at > left.opened_at
    entry = [entry for entry in office.desk.audit(request) if entry.action == "request.left_to_people"]
    assert len(entry) == 1 and entry[0].detail["reason"]
    assert office.fresh(grant).uses == 0 and office.desk.outcome(request) is None
    if what == "expired":
        while office.desk.checkpoints.keep(request.id):
            pass
        assert office.desk.fresh(request).state == "expired"


def test_a_stored_pattern_reads_as_it_was_proposed(office: Office) -> None:
    grant = office.proposed()
    pattern = Pattern.from_json(office.fresh(grant).pattern)
    [limit] = [leave.must for leave in pattern.leaves if leave.place == "args.limit"]
    assert limit == Range(low=10, high=30)
    secret = suggest([mail("ghp_" + "a1B2c3D4e5" * 4)])
    with pytest.raises(InvalidInputError, match="secret"):
        office.grants.propose(office.first, office.draft([], pattern=secret, evidence=["a", "b", "c"]), "Always.")
