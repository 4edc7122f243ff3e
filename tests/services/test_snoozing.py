"""Snoozing: for oneself or for everyone, until a time or an event; nobody's silence approves what was snoozed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.errors import (
    ExpiredError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    OwnRequestError,
)
from app.domain.people import Actor, Role
from app.domain.policy.terms import EscalationStep, OnExpiry, Stage, Terms
from app.domain.snoozing import WakesOn, latest_for_all
from app.services.reading.personal_queue import PersonalQueue
from app.services.reading.queue_filter import QueueFilter
from app.store.requests import ApprovalRequest
from app.store.snoozes import Snooze
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_person, make_request, make_run
from tests.services.desk import Desk
from tests.services.ruled import happened

HOUR = timedelta(hours=1)
QUIET = Terms(name="Quiet", deadline_seconds=4 * 3600, warn_seconds=1800, on_expiry=OnExpiry.APPROVE)


def opened(desk: Desk, terms: Terms = QUIET, **values: Any) -> ApprovalRequest:
    """A request of low risk under these terms."""
    due_at = desk.clock() + timedelta(hours=3, minutes=30)
    run = make_run(desk.sessions)
    return make_request(desk.sessions, run, risk=RiskLevel.LOW, terms=terms, **{"due_at": due_at} | values)


def shown(desk: Desk, actor: Actor, *, snoozed: bool = False) -> list[str]:
    """The ids in a person's queue, or of what is snoozed there."""
    return [row.id for row in desk.queue.page(QueueFilter(snoozer=actor.id, snoozed=snoozed)).rows]


def actions(desk: Desk, request: ApprovalRequest) -> list[tuple[str, str]]:
    """The audit entries about snoozing, with their scope."""
    return [(entry.action, entry.detail["scope"]) for entry in desk.audit(request) if "snooze" in entry.action]


def test_what_one_person_snoozes_others_still_see(own_desk: Desk) -> None:
    desk, request = own_desk, opened(own_desk)
    me, other = desk.person(), desk.person()
    desk.checkpoints.snooze(request.id, me, desk.clock() + HOUR)
    assert shown(desk, me) == [] and shown(desk, me, snoozed=True) == [request.id]
    assert shown(desk, other) == [request.id] and shown(desk, other, snoozed=True) == []
    assert desk.queue.pending_count(me.id) == (0, False) and desk.queue.pending_count(other.id) == (1, False)
    assert not PersonalQueue(desk.sessions, desk.clock).of(me, 5)[0]
    assert desk.queue.own(me).returns_at is not None
    assert actions(desk, request) == [("request.snoozed", "person")]
    with desk.engine.begin() as connection:
        connection.execute(text("update snoozes set until = now() - interval '1 second'"))
    assert shown(desk, me) == [request.id], "its time is over"


@pytest.mark.parametrize("event", WakesOn)
def test_an_event_brings_back_what_waits_for_it_and_nothing_else(own_desk: Desk, event: WakesOn) -> None:
    desk = own_desk
    chain = (EscalationStep(after_seconds=7200, words="2 hours", teams=("dba",)),)
    terms = QUIET.model_copy(update={"escalation": chain, "stages": (Stage(quorum=2),), "on_expiry": OnExpiry.REJECT})
    request, me, other = opened(desk, terms), desk.person(), desk.person()
    happen = {
        WakesOn.COMMENT: lambda: desk.checkpoints.comment(request.id, other, "Look."),
        WakesOn.CHANGE: lambda: desk.decide(desk.fresh(request), other),
        WakesOn.ESCALATION: lambda: desk.checkpoints.escalate(request.id, other, "Now."),
    }
    for for_all in (False, True):
        desk.checkpoints.snooze(request.id, me, None, [event], for_all=for_all, reason="Later.")
        assert shown(desk, me) == []
    for name, happens in happen.items():
        if name not in (event, WakesOn.ESCALATION):
            happens()
            assert shown(desk, me) == [], name
    happen[event]()
    assert shown(desk, me) == [request.id]
    assert actions(desk, request)[-1] == ("request.unsnoozed", "all")
    assert happened(desk, request)[-1]["what"] == "returned" or event is WakesOn.CHANGE
    assert [change["what"] for change in happened(desk, request)].count("returned") == 1
    assert desk.fresh(request).snoozed_until is None


def test_for_everyone_only_those_whose_approval_is_required_with_a_reason(own_desk: Desk) -> None:
    desk = own_desk
    member = make_person(desk.sessions, "DBA", teams=["dba"])
    requester = make_person(desk.sessions, "Requester", teams=["dba"])
    via = desk.person().via
    terms = QUIET.model_copy(update={"stages": (Stage(teams=("dba",)),)})
    run = make_run(desk.sessions, requester)
    request = make_request(desk.sessions, run, risk=RiskLevel.LOW, terms=terms)
    until = desk.clock() + HOUR

    def everyone(actor: Actor, **values: Any) -> ApprovalRequest:
        return desk.checkpoints.snooze(
            request.id, actor, **{"until": until, "for_all": True, "reason": "Later."} | values
        )

    with pytest.raises(NotAskedError):
        everyone(desk.person())
    with pytest.raises(OwnRequestError):
        everyone(requester.as_actor(via))
    with pytest.raises(ForbiddenError):
        everyone(make_person(desk.sessions, "Viewer", [Role.VIEWER]).as_actor(via))
    dba = member.as_actor(via)
    for values, field in (({"reason": " "}, "reason"), ({"until": None}, "until"), ({"until": desk.clock()}, "until")):
        with pytest.raises(InvalidInputError) as refused:
            everyone(dba, **values)
        assert field in refused.value.extra["fields"]
    warned = latest_for_all(request.opened_at, request.expires_at, terms)
    assert warned == request.expires_at - timedelta(minutes=30)
    with pytest.raises(InvalidInputError):
        everyone(dba, until=warned + timedelta(minutes=5))
    snoozed = everyone(dba, until=warned)
    assert snoozed.snoozed_until == warned == snoozed.due_at and snoozed.snoozed_by_name == "DBA"
    assert shown(desk, desk.person()) == [] and shown(desk, desk.person(), snoozed=True) == [request.id]
    assert actions(desk, request) == [("request.snoozed", "all")]
    desk.checkpoints.end_snooze(request.id, dba, for_all=True)
    assert shown(desk, desk.person()) == [request.id]
    for for_all in (False, True):
        with pytest.raises(IllegalTransitionError):
            desk.checkpoints.end_snooze(request.id, dba, for_all=for_all)


def test_it_returns_at_its_time_and_is_then_warned_of_as_ever(own_desk: Desk) -> None:
    desk, request = own_desk, opened(own_desk)
    desk.checkpoints.snooze(request.id, desk.person(), None, [WakesOn.COMMENT], for_all=True, reason="Later.")
    desk.clock.ahead = timedelta(hours=3, minutes=29)
    assert desk.keep(request) == 0
    desk.clock.ahead = timedelta(hours=3, minutes=31)
    assert desk.keep(request) == 2, "it returns, and its approvers are warned"
    assert [entry.action for entry in desk.audit(request)][-2:] == ["request.unsnoozed", "request.expiry_warned"]
    assert desk.fresh(request).snoozed_until is None
    with pytest.raises(InvalidInputError, match="too late"):
        desk.checkpoints.snooze(request.id, desk.person(), None, [WakesOn.COMMENT], for_all=True, reason="Again.")
    desk.clock.ahead = timedelta(hours=5)
    with pytest.raises(ExpiredError):
        desk.checkpoints.snooze(request.id, desk.person(), None, [WakesOn.COMMENT])


@pytest.mark.parametrize("for_all", [False, True])
def test_silence_approves_nothing_that_was_snoozed_for_everyone(own_desk: Desk, for_all: bool) -> None:
    desk, request, me = own_desk, opened(own_desk), own_desk.person()
    row = desk.queue.row(request.id)
    assert row is not None and row.consequence == "is approved"
    desk.checkpoints.snooze(request.id, me, desk.clock() + HOUR, for_all=for_all, reason="Later.")
    desk.checkpoints.end_snooze(request.id, me, for_all=for_all)
    row = desk.queue.row(request.id)
    assert row is not None and row.consequence == ("is rejected" if for_all else "is approved")
    desk.clock.ahead = timedelta(hours=5)
    desk.keep(request)
    outcome = desk.outcome(request)
    assert outcome is not None
    assert outcome.verdict == (Verdict.REJECT.value if for_all else Verdict.APPROVE.value)


def test_an_escalation_of_the_chain_ends_it_at_its_time(own_desk: Desk) -> None:
    desk = own_desk
    chain = (EscalationStep(after_seconds=3600, words="1 hour", teams=("dba",)),)
    request = opened(desk, QUIET.model_copy(update={"escalation": chain}))
    desk.checkpoints.snooze(request.id, desk.person(), desk.clock() + 3 * HOUR, for_all=True, reason="Later.")
    desk.clock.ahead = timedelta(hours=1, minutes=1)
    assert desk.keep(request) == 1
    assert desk.fresh(request).escalation == 1 and desk.fresh(request).snoozed_until is None
    assert actions(desk, request)[-1] == ("request.unsnoozed", "all")
    assert "returned" in [change["what"] for change in happened(desk, request)]


def test_another_deadline_ends_it_and_the_record_says_so(own_desk: Desk) -> None:
    desk = own_desk
    request, me = opened(desk), desk.person()
    desk.checkpoints.snooze(request.id, me, None, [WakesOn.CHANGE], for_all=True, reason="Later.")
    desk.checkpoints.extend(request.id, me, request.expires_at + HOUR, "More time.")
    assert desk.fresh(request).snoozed_until is None
    assert actions(desk, request) == [("request.snoozed", "all"), ("request.unsnoozed", "all")]
    assert "returned" in [change["what"] for change in happened(desk, request)]


def test_a_person_snoozes_a_bounded_number(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, me = own_desk, own_desk.person()
    first, second = opened(desk), opened(desk)
    desk.checkpoints.snooze(first.id, me, desk.clock() + HOUR)
    monkeypatch.setattr("app.services.approvals.deadlines.snoozing.MOST", 1)
    desk.checkpoints.snooze(first.id, me, desk.clock() + 2 * HOUR)
    with pytest.raises(InvalidInputError):
        desk.checkpoints.snooze(second.id, me, desk.clock() + HOUR)
    with desk.sessions() as session:
        assert session.query(Snooze).count() == 1, "snoozing again replaces it"
