"""Standing grants in use: what they approve, what they leave to people, and how they end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.errors import (
    IllegalTransitionError,
)
from app.domain.policy.terms import ChangeWindow, Stage
from app.store.people import Person
from app.store.policies import Grant
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import Verdict
from tests.services.desk import Desk
from tests.services.office import Office, actions, mail, under


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
