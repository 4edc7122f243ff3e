"""What the deadline means: rejection, approval, or the next people; and more time by hand."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from app.domain.errors import (
    AlreadyDecidedError,
    ExpiredError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    OwnRequestError,
)
from app.domain.people import Actor, Role, Via
from app.domain.policy.terms import OnExpiry, Stage, WorkingTime
from app.domain.ranking import attention_at
from app.services.approvals.deadlines.extension import MAX_EXTENSIONS
from app.services.people.absences import Absences
from app.services.reading.pages import Views
from assent.contracts import NextAction, RiskLevel, Urgency, Verdict
from tests.factories import make_person, question
from tests.services.desk import Desk
from tests.services.timed import ESCALATED, EXPIRED, HEADS, HOUR, LEADS, WARNED, changed, opened, outcome, terms, timely


def test_silence_rejects(desk: Desk) -> None:
    request = opened(desk, terms())
    desk.clock.ahead = 9 * HOUR
    desk.keep(request)
    told = outcome(desk, request)
    assert (told.verdict, told.next_action) == (Verdict.REJECT, NextAction.ABORT)
    assert told.remarks[-1].comment == desk.fresh(request).note and "it is rejected" in told.comment


def test_silence_approves_where_the_rule_says_so_and_says_that_it_did(desk: Desk) -> None:
    request = opened(desk, terms(on_expiry=OnExpiry.APPROVE))
    desk.clock.ahead = 9 * HOUR
    desk.keep(request)
    now, told = desk.fresh(request), outcome(desk, request)
    assert now.state == "expired" and "approves it" in now.note, "nobody approved it"
    assert (told.verdict, told.next_action, told.digest) == (Verdict.APPROVE, NextAction.CONTINUE, request.digest)
    assert told.payload == request.payload and "approves it" in told.comment
    assert desk.audit(request)[-1].detail["verdict"] == "approve"


def test_silence_never_approves_a_risk_or_what_somebody_rejected(desk: Desk) -> None:
    risky = opened(desk, terms(on_expiry=OnExpiry.APPROVE), RiskLevel.MEDIUM)
    asks = opened(desk, terms(on_expiry=OnExpiry.APPROVE), payload=question())
    doubted = opened(desk, terms(on_expiry=OnExpiry.APPROVE, deny_threshold=2))
    assert not desk.decide(doubted, desk.person(), Verdict.REJECT, comment="Not this.").resolved
    desk.clock.ahead = 9 * HOUR
    for request in (risky, asks, doubted):
        desk.keep(request)
        assert outcome(desk, request).verdict is Verdict.REJECT
    assert outcome(desk, doubted).remarks[0].comment == "Not this."


def test_silence_asks_the_next_people_and_gives_them_the_whole_time(desk: Desk) -> None:
    request = opened(desk, terms(on_expiry=OnExpiry.ESCALATE, escalation=(HEADS,), deadline_seconds=7200))
    request = changed(desk, request, terms=terms(
        on_expiry=OnExpiry.ESCALATE, escalation=(HEADS,), deadline_seconds=7200, stages=(Stage(teams=("dba",)),),
    ).to_json())  # fmt: skip
    desk.clock.ahead = 3 * HOUR
    assert desk.keep(request) == 2
    now = desk.fresh(request)
    assert (now.state, now.escalation, now.warned) == ("pending", 1, False)
    assert now.addressed_to == ["team:dba", "person:head@example.org"] == ["team:dba", *now.escalated_to]
    assert timedelta(0) <= now.expires_at - (request.opened_at + 5 * HOUR) < timedelta(minutes=1)
    assert now.attention_at == attention_at(now.expires_at, RiskLevel.LOW, 1, Urgency.NORMAL)
    assert "was escalated and has a new deadline" in desk.audit(request)[-1].detail["reason"]
    desk.clock.ahead = 6 * HOUR
    assert desk.keep(request) == 2, "warned again, and then nobody is left to ask"
    assert outcome(desk, request).verdict is Verdict.REJECT
    assert timely(desk, request) == [WARNED, ESCALATED, WARNED, EXPIRED]


def test_a_deadline_that_begins_again_is_in_working_hours_where_the_rule_says_so(desk: Desk) -> None:
    day = (desk.clock() + timedelta(days=2)).date()
    again = WorkingTime(seconds=7200, timezone="UTC", week=(((9 * 60, 17 * 60),),) * 7, holidays=(day.isoformat(),))
    given = terms(on_expiry=OnExpiry.ESCALATE, escalation=(HEADS,), deadline_seconds=7200, deadline_again=again)
    request = opened(desk, given)
    evening = datetime.combine(day - timedelta(days=1), time(18), UTC)
    desk.clock.ahead = evening - desk.clock() + desk.clock.ahead
    desk.keep(request)
    assert desk.fresh(request).expires_at == datetime.combine(day + timedelta(days=1), time(11), UTC)


def test_a_step_that_is_due_with_the_deadline_is_what_the_deadline_means(desk: Desk) -> None:
    same = LEADS.model_copy(update={"after_seconds": 8 * 3600, "words": "8 hours"})
    request = opened(desk, terms(escalation=(same,), on_expiry=OnExpiry.ESCALATE, stages=(Stage(teams=("dba",)),)))
    foretold = Views(desk.sessions, desk.clock).request(request.id, desk.person()).situation.ahead[-1]
    assert (foretold.words, foretold.why) == ("escalates to leads", "with a new deadline")
    desk.clock.ahead = 8 * HOUR + timedelta(seconds=1)
    assert desk.keep(request) == 2
    now = desk.fresh(request)
    assert (now.state, now.escalated_to) == ("pending", ["team:leads"]) and now.expires_at > desk.clock() + 7 * HOUR
    assert timely(desk, request) == [WARNED, ESCALATED]


def test_more_time_is_given_on_the_record_and_people_are_warned_again(desk: Desk) -> None:
    request, reviewer = opened(desk, terms()), desk.person()
    desk.clock.ahead = 7.5 * HOUR
    assert desk.keep(request) == 1 and desk.fresh(request).warned
    until = request.expires_at + 3 * HOUR
    now = desk.checkpoints.extend(request.id, reviewer, until, "The backup is not done yet.")
    assert (now.expires_at, now.warned, now.extended, now.due_at) == (until, False, 1, until - HOUR)
    assert now.attention_at == attention_at(until, RiskLevel.LOW, 0, Urgency.NORMAL)
    entry = desk.audit(request)[-1]
    assert (entry.action, entry.actor_id) == ("request.extended", reviewer.id)
    assert entry.detail["from"] == request.expires_at.isoformat() and entry.detail["to"] == until.isoformat()
    desk.clock.ahead = 9 * HOUR
    assert not desk.keep(request) and desk.decide(desk.fresh(request), reviewer).resolved


def test_more_time_is_bounded(desk: Desk) -> None:
    request, reviewer = opened(desk, terms()), desk.person()
    for until in (
        request.expires_at, request.opened_at - HOUR, request.opened_at + timedelta(days=30, seconds=1),
        (request.expires_at + HOUR).replace(tzinfo=None),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as refused:
            desk.checkpoints.extend(request.id, reviewer, until, "Later.")
        assert "until" in refused.value.extra["fields"]
    with pytest.raises(InvalidInputError) as refused:
        desk.checkpoints.extend(request.id, reviewer, request.expires_at + HOUR, "  ")
    assert "reason" in refused.value.extra["fields"]
    for times in range(1, MAX_EXTENSIONS + 1):
        desk.checkpoints.extend(request.id, reviewer, request.expires_at + times * HOUR, "Later.")
    with pytest.raises(IllegalTransitionError):
        desk.checkpoints.extend(request.id, reviewer, request.expires_at + 9 * HOUR, "Later.")


def test_a_rule_with_a_long_deadline_can_be_extended_by_as_much_again(desk: Desk) -> None:
    request, reviewer = opened(desk, terms(deadline_seconds=60 * 86400)), desk.person()
    until = request.opened_at + timedelta(days=119)
    assert desk.checkpoints.extend(request.id, reviewer, until, "Audit season.").expires_at == until


def test_only_those_who_are_asked_may_give_more_time(desk: Desk) -> None:
    starter = make_person(desk.sessions, "Release engineer", [Role.REVIEWER], ["dba"])
    request = opened(desk, terms(stages=(Stage(teams=("dba",)),)), requester_id=starter.id, addressed_to=["team:dba"])
    until = request.expires_at + HOUR
    asked = make_person(desk.sessions, "DBA on call", [Role.REVIEWER], ["dba"]).as_actor(Via.PAGE)
    agent = Actor(kind="agent", id=asked.id, name="Agent", roles=asked.roles, teams=asked.teams)
    for actor, refusal in [
        (starter.as_actor(Via.PAGE), OwnRequestError),
        (desk.person("Onlooker", [Role.VIEWER]), ForbiddenError),
        (desk.person("Somebody else"), NotAskedError),
        (agent, ForbiddenError),
    ]:
        with pytest.raises(refusal):
            desk.checkpoints.extend(request.id, actor, until, "Later.")
    assert desk.fresh(request).extended == 0
    assert desk.checkpoints.extend(request.id, asked, until, "Later.").extended == 1
    admin = desk.person("Admin", [Role.ADMIN])
    assert desk.checkpoints.extend(request.id, admin, until + HOUR, "Later.").extended == 2
    delegate = desk.person("Deputy")
    absences = Absences(desk.sessions, desk.clock)
    absences.add(asked, asked.id, delegate.id, desk.clock(), desk.clock() + 24 * HOUR, "Away.")
    assert desk.checkpoints.extend(request.id, delegate, until + 2 * HOUR, "Later.").extended == 3


def test_what_has_ended_gets_no_more_time(desk: Desk) -> None:
    request, reviewer = opened(desk, terms()), desk.person()
    desk.clock.ahead = 9 * HOUR
    for _ in range(2):
        with pytest.raises((ExpiredError, AlreadyDecidedError)):
            desk.checkpoints.extend(request.id, reviewer, request.expires_at + 9 * HOUR, "Later.")
        desk.keep(request)
