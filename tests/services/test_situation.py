"""How a request stands, in words: stages, who is asked and agreed, what time will do, and the lines of the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.people import Actor, Role
from app.domain.policy.terms import ChangeWindow, EscalationStep, OnExpiry, Terms
from app.services.reading.pages import RequestView, Views
from app.services.reading.queue_filter import QueueFilter
from app.store.people import Team
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.services.desk import Desk
from tests.services.ruled import ANYONE, DBA, SECURITY, away, member, ruled, terms

HOUR = 3600
CHAIN = (
    EscalationStep(after_seconds=HOUR, words="1 hour", teams=("leads",)),
    EscalationStep(after_seconds=3 * HOUR, words="3 hours", people=("Head@Example.org",)),
)
NEVER_NOW = ChangeWindow(timezone="Europe/Berlin", days=(), start="22:00", end="04:00")


@pytest.fixture
def desk(own_desk: Desk) -> Desk:
    """A desk of this test alone: its clock is moved, and its lists are looked at whole."""
    return own_desk


@pytest.fixture
def named(desk: Desk) -> Desk:
    """A desk whose teams have names of their own."""
    with desk.sessions.begin() as session:
        session.add_all([Team(slug="dba", name="DBA on call"), Team(slug="leads", name="DBA leads")])
    return desk


def view_of(desk: Desk, request: ApprovalRequest, viewer: Actor) -> RequestView:
    return Views(desk.sessions, desk.clock).request(request.id, viewer)


def ahead(view: RequestView) -> list[tuple[str, int]]:
    """What time will do, each with its hours from the opening."""
    opened = view.request.opened_at
    return [(step.words, round((step.at - opened) / timedelta(hours=1))) for step in view.situation.ahead]


def test_stages_say_who_is_asked_who_agreed_and_what_comes(named: Desk) -> None:
    desk = ruled(named, terms(DBA, SECURITY.model_copy(update={"quorum": 2})))
    dba, security = member(desk, "First DBA", "dba"), member(desk, "First officer", "security")
    request = desk.open()
    assert [stage.words for stage in view_of(desk, request, dba).situation.stages] == [
        "DBA 0 of 1, now", "Security 0 of 2, later",
    ]  # fmt: skip
    assert view_of(desk, request, dba).situation.asked == ("DBA on call",)
    desk.decide(request, dba)
    stands = view_of(desk, request, security).situation
    assert [stage.words for stage in stands.stages] == ["DBA 1 of 1 ✓", "Security 0 of 2, now"]
    assert stands.stages[0].agreed == ("First DBA",)
    desk.checkpoints.withdraw(request.id, dba)
    stands = view_of(desk, request, dba).situation
    assert stands.stages[0].words == "DBA 0 of 1, now"
    assert stands.stages[0].agreed == ()


def test_a_delegate_and_whom_they_decide_for_are_both_named(desk: Desk) -> None:
    asking = ruled(desk, terms(DBA.model_copy(update={"quorum": 2})))
    absent, delegate = member(desk, "Absent DBA", "dba"), member(desk, "Stand-in")
    away(desk, absent, delegate)
    request = asking.open()
    assert view_of(asking, request, delegate).on_behalf_of == "Absent DBA"
    asking.decide(request, delegate)
    assert view_of(asking, request, delegate).situation.stages[0].agreed == ("Stand-in (for Absent DBA)",)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [("is rejected", 4)]),
        ({"warn_seconds": HOUR}, [("approvers are warned", 3), ("is rejected", 4)]),
        (
            {"escalation": CHAIN},
            [("escalates to DBA leads", 1), ("escalates to head@example.org", 3), ("is rejected", 4)],
        ),
        (
            {"escalation": CHAIN[:1], "on_expiry": OnExpiry.ESCALATE},
            [("escalates to DBA leads", 1), ("is rejected", 4)],
        ),
        (
            {"escalation": (CHAIN[0], CHAIN[1].model_copy(update={"after_seconds": 9 * HOUR})),
             "on_expiry": OnExpiry.ESCALATE},
            [("escalates to DBA leads", 1), ("escalates to head@example.org", 4)],
        ),
        ({"on_expiry": OnExpiry.APPROVE}, [("is rejected", 4)]),
    ],
    ids=["plain", "warned", "chain", "chain used up", "escalates", "too risky for silence"],
)  # fmt: skip
def test_what_time_will_do_is_said_beforehand_and_comes_true(
    named: Desk, rule: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    desk = ruled(named, terms(DBA, deadline_seconds=4 * HOUR, **rule))
    request = desk.open()
    assert ahead(view_of(desk, request, member(desk, "Viewer", roles=[Role.VIEWER]))) == expected
    row = desk.queue.row(request.id)
    assert row is not None and row.consequence == expected[-1][0]
    # Moved to each instant in turn, the clock brings about exactly that.
    for words, hours in expected:
        named.clock.ahead = timedelta(hours=hours, seconds=1)
        assert desk.checkpoints.keep(request.id)
        after = desk.fresh(request)
        if words == "is rejected":
            assert (after.state, desk.outcome(after).verdict) == ("expired", Verdict.REJECT.value)
        elif words == "approvers are warned":
            assert after.warned
        else:
            assert after.escalated_to[-1] == ("team:leads" if "leads" in words else "person:head@example.org")


def test_a_rejection_that_stands_ends_the_approval_by_silence(desk: Desk) -> None:
    rule = terms(ANYONE, deadline_seconds=HOUR, on_expiry=OnExpiry.APPROVE, deny_threshold=2)
    asking = ruled(desk, rule)
    request = asking.open()
    with desk.sessions.begin() as session:
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id == request.id).values(risk="low"))
    reviewer = member(desk, "Reviewer")
    last = view_of(asking, request, reviewer).situation.ahead[-1]
    assert (last.words, last.why) == ("is approved", "its rule approves low risk on expiry")
    row = desk.queue.row(request.id)
    assert row is not None and row.consequence == "is approved"
    asking.decide(desk.fresh(request), reviewer, Verdict.REJECT, comment="No.")
    assert view_of(asking, request, reviewer).situation.ahead[-1].words == "is rejected"
    row = desk.queue.row(request.id)
    assert row is not None and row.consequence == "is rejected"


def test_a_line_of_the_queue_says_who_is_asked_and_who_agreed(named: Desk) -> None:
    desk = ruled(named, terms(DBA.model_copy(update={"quorum": 2}), SECURITY))
    first, second = member(desk, "First DBA", "dba"), member(desk, "Second DBA", "dba")
    request = desk.open()
    desk.decide(request, first)
    desk.checkpoints.claim(request.id, second)
    desk.checkpoints.assign(request.id, first, second.id)
    row = desk.queue.row(request.id)
    assert row is not None
    assert (row.asked, row.agreed, row.progress) == (("DBA on call",), ("First DBA",), "1 of 3")
    assert (row.stage_name, row.stages, row.rule) == ("DBA", 2, "test rule")
    assert (row.claimed_by_name, row.assigned_to_name) == ("Second DBA", "Second DBA")


def test_mine_is_what_is_assigned_to_me_claimed_by_me_or_asks_me(desk: Desk) -> None:
    me = member(desk, "Me", "dba")
    named_one = DBA.model_copy(update={"teams": (), "people": (me.email,)})
    by_team = ruled(desk, terms(DBA)).open()
    by_name = ruled(desk, terms(named_one)).open()
    anybody = ruled(desk, terms(ANYONE))
    claimed, assigned, neither = anybody.open(), anybody.open(), anybody.open()
    others = ruled(desk, terms(SECURITY)).open()
    anybody.checkpoints.claim(claimed.id, me)
    anybody.checkpoints.assign(assigned.id, member(desk, "Lead"), me.id)

    def ids(**wanted: Any) -> set[str]:
        return {row.id for row in desk.queue.page(QueueFilter(**wanted)).rows}

    assert ids(mine=me.member) == {by_team.id, by_name.id, claimed.id, assigned.id}
    assert ids(team="dba") == {by_team.id}
    assert ids(team="security") == {others.id}
    assert ids(team="nothing") == set()
    assert ids(unassigned=True) == {by_team.id, by_name.id, others.id, neither.id}
    assert ids(mine=me.member, unassigned=True) == {by_team.id, by_name.id}


def test_mine_is_also_what_asks_somebody_for_whom_i_stand_in(own_desk: Desk) -> None:
    desk = own_desk
    me, colleague = member(desk, "Me"), member(desk, "Colleague", "dba")
    by_team = ruled(desk, terms(DBA)).open()
    ruled(desk, terms(SECURITY)).open()
    ruled(desk, terms(DBA)).open(requester=colleague)

    def mine() -> list[str]:
        return [row.id for row in desk.queue.page(QueueFilter(mine=me.member), limit=1).rows]

    assert mine() == []
    away(desk, colleague, me)
    assert mine() == [by_team.id], "and not what the colleague started"
    assert desk.queue.page(QueueFilter(mine=me.member)).total == 1
    desk.clock.ahead = timedelta(hours=9)
    assert mine() == []


def test_a_window_that_is_closed_says_when_it_opens(desk: Desk) -> None:
    now = desk.clock()
    # Three days from now for an hour, so it is closed whenever this runs.
    day = (now + timedelta(days=3)).weekday()
    window = NEVER_NOW.model_copy(update={"days": (day,), "start": "10:00", "end": "11:00", "timezone": "UTC"})
    asking = ruled(desk, terms(ANYONE, windows=(window,)))
    request, reviewer = asking.open(), member(desk, "Reviewer")
    stands = view_of(asking, request, reviewer).situation
    assert stands.opens_at is not None and stands.opens_at.weekday() == day
    assert "10:00" in stands.opening
    asking.decide(request, reviewer)
    held = view_of(asking, request, reviewer)
    assert held.request.held_until == stands.opens_at
    assert [step.words for step in held.situation.ahead] == ["its change window opens"]


def test_acts_are_those_that_are_possible(named: Desk) -> None:
    desk = ruled(named, terms(DBA, SECURITY, escalation=CHAIN))
    starter, dba = member(desk, "Starter", "dba"), member(desk, "DBA", "dba")
    outsider, admin = member(desk, "Outsider", "sre"), member(desk, "Admin", roles=[Role.ADMIN])
    viewer = member(desk, "Viewer", roles=[Role.VIEWER])
    request = desk.open(requester=starter)

    def acts(who: Actor) -> set[str]:
        return set(view_of(desk, request, who).acts.names)

    common = {"assign", "escalate", "cancel", "comment", "snooze"}
    assert acts(dba) == common | {"claim", "extend"}
    assert acts(outsider) == {"comment", "snooze"}
    assert acts(starter) == common
    assert acts(admin) == common | {"extend"}
    assert acts(viewer) == {"snooze"}, "for themselves"
    desk.checkpoints.claim(request.id, dba)
    assert acts(admin) == common | {"extend", "release"}
    desk.decide(request, dba)
    assert "withdraw" in acts(dba) and "withdraw" not in acts(outsider)
    officer = member(desk, "Officer", "security")
    desk.decide(desk.fresh(request), officer, Verdict.REJECT, comment="No.")
    assert acts(dba) == {"comment", "reopen"}
    assert acts(starter) == {"comment"}


def test_whom_it_can_be_assigned_to(desk: Desk) -> None:
    asking = ruled(desk, terms(DBA.model_copy(update={"quorum": 2})))
    starter, first, second = (member(desk, name, "dba") for name in ("A starter", "B first", "C second"))
    absent = member(desk, "D absent", "dba")
    member(desk, "E viewer", "dba", roles=[Role.VIEWER])
    member(desk, "F other", "sre")
    away(desk, absent, None)
    request = asking.open(requester=starter)
    views = Views(desk.sessions, desk.clock)
    assert [candidate.name for candidate in views.candidates(request.id, first)] == ["B first", "C second"]
    asking.decide(request, first)
    assert [candidate.name for candidate in views.candidates(request.id, second)] == ["C second"]
    for candidate in views.candidates(request.id, second):
        asking.checkpoints.assign(request.id, second, candidate.id)
    assert views.candidates(request.id, member(desk, "Viewer", roles=[Role.VIEWER])) == []


def test_terms_of_old_requests_are_still_read(desk: Desk) -> None:
    request = desk.open()
    old = {key: value for key, value in request.terms.items() if key in ("name", "deadline_seconds", "on_expiry")}
    assert Terms.from_json(old).stages
