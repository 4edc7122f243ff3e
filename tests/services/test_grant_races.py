"""Standing grants that are used, used up, and revoked at the same moment, and crashes in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.policy.terms import Stage
from app.services.approvals.intake.automatic_answers import AutomaticAnswers
from app.store.policies import Grant
from app.store.requests import ApprovalRequest
from tests.services.desk import AtOnce, Desk
from tests.services.office import Office, actions, mail, under


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
