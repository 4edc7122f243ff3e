"""Absences: who may enter them, what may not be entered, and who is away when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.absences import Period, check_period, leads_back
from app.domain.errors import (
    AssentError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
)
from app.domain.people import SYSTEM, Actor, Role, Via
from app.services.people.absences import Absences, AbsenceState, AbsenceView
from app.services.requests.delegation import CurrentAbsence, current_absence, represented_by
from app.store.policies import Absence
from app.store.record import AuditEntry
from tests.factories import make_person
from tests.services.desk import Desk

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def absences(desk: Desk) -> Absences:
    return Absences(desk.sessions, desk.clock)


def away(
    desk: Desk, who: Actor, delegate: Actor | None = None, start: timedelta = timedelta(0), length: timedelta = DAY,
    by: Actor | None = None, note: str = "",
) -> AbsenceView:  # fmt: skip
    """An absence that begins `start` from now."""
    begins = desk.clock() + start
    absences = Absences(desk.sessions, desk.clock)
    return absences.add(by or who, who.id, delegate.id if delegate else None, begins, begins + length, note)


def standing_in(desk: Desk, delegate: Actor) -> list[str]:
    with desk.sessions.reads() as session:
        return [absence.id for absence in represented_by(session, delegate.id, desk.clock())]


def is_away(desk: Desk, who: Actor) -> CurrentAbsence | None:
    with desk.sessions.reads() as session:
        return current_absence(session, who.id, desk.clock())


def record_of(desk: Desk, absence: AbsenceView) -> list[AuditEntry]:
    with desk.sessions() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action.like("absence.%")).order_by(AuditEntry.seq)
        )
        return [entry for entry in entries if entry.detail["absence_id"] == absence.id]


# Entering and ending


def test_an_absence_is_entered_lasts_its_period_and_is_on_the_record(desk: Desk, absences: Absences) -> None:
    me, delegate = desk.person("Away"), desk.person("Delegate")
    entered = away(desk, me, delegate, start=HOUR, note="At the sea")
    assert entered.state is AbsenceState.UPCOMING and entered.delegate_name == "Delegate"
    assert is_away(desk, me) is None and standing_in(desk, delegate) == []

    desk.clock.ahead = HOUR
    assert is_away(desk, me).id == entered.id
    assert standing_in(desk, delegate) == [me.id]
    assert [absence.state for absence in absences.of(me.id)] == [AbsenceState.CURRENT]

    desk.clock.ahead = HOUR + DAY
    assert is_away(desk, me) is None and standing_in(desk, delegate) == []
    assert [absence.state for absence in absences.of(me.id)] == [AbsenceState.OVER]

    [added] = record_of(desk, entered)
    assert (added.action, added.actor_id) == ("absence.added", me.id)
    assert added.detail["person"] == "Away" and added.detail["delegate"] == "Delegate"
    assert datetime.fromisoformat(added.detail["starts_at"]) == entered.starts_at
    assert "At the sea" not in str(added.detail)


def test_it_is_ended_early_and_only_once(desk: Desk, absences: Absences) -> None:
    me, delegate = desk.person("Away"), desk.person("Delegate")
    entered = away(desk, me, delegate)
    assert standing_in(desk, delegate) == [me.id]
    ended = absences.end(me, entered.id)
    assert ended.state is AbsenceState.ENDED and not ended.may_end
    assert is_away(desk, me) is None and standing_in(desk, delegate) == []
    with pytest.raises(ConflictError, match="already over"):
        absences.end(me, entered.id)
    assert [entry.action for entry in record_of(desk, entered)] == ["absence.added", "absence.ended"]
    away(desk, me, delegate)  # its time is free again


def test_one_that_is_over_by_itself_is_not_ended(desk: Desk, absences: Absences) -> None:
    me = desk.person()
    entered = away(desk, me, length=HOUR)
    desk.clock.ahead = HOUR
    with pytest.raises(ConflictError):
        absences.end(me, entered.id)
    assert len(record_of(desk, entered)) == 1


def test_one_taken_back_before_it_began_never_begins(desk: Desk, absences: Absences) -> None:
    me, delegate = desk.person(), desk.person()
    entered = away(desk, me, delegate, start=HOUR)
    absences.end(me, entered.id)
    desk.clock.ahead = 2 * HOUR
    assert is_away(desk, me) is None and standing_in(desk, delegate) == []


def test_of_ends_at_the_same_moment_one_counts(
    desk: Desk, absences: Absences, at_once: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    me = desk.person()
    entered = away(desk, me)
    results = at_once([lambda: absences.end(me, entered.id)] * 4)
    assert sum(isinstance(result, AbsenceView) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 3
    assert [entry.action for entry in record_of(desk, entered)] == ["absence.added", "absence.ended"]


# Who may


@pytest.mark.parametrize(
    ("role", "own", "others"),
    [
        (Role.VIEWER, False, False),
        (Role.REVIEWER, True, False),
        (Role.AUDITOR, False, False),
        (Role.ADMIN, True, True),
    ],
)
def test_who_may_enter_and_end(desk: Desk, absences: Absences, role: Role, own: bool, others: bool) -> None:
    actor, colleague = desk.person(roles=[role]), desk.person("Colleague")
    for whose, allowed in ((actor, own), (colleague, others)):
        if allowed:
            entered = away(desk, whose, by=actor)
            assert absences.end(actor, entered.id).state is AbsenceState.ENDED
        else:
            with pytest.raises(ForbiddenError):
                away(desk, whose, by=actor)
    theirs = away(desk, colleague)
    if not others:
        with pytest.raises(ForbiddenError):
            absences.end(actor, theirs.id)
        with pytest.raises(ForbiddenError):
            absences.upcoming(actor)
        assert is_away(desk, colleague).id == theirs.id


def test_an_agents_token_enters_none_not_even_its_owners(desk: Desk) -> None:
    admin = desk.person(roles=[Role.ADMIN])
    agent = Actor(kind="agent", id=admin.id, name="Agent", roles=admin.roles, via=Via.API)
    with pytest.raises(ForbiddenError):
        away(desk, admin, by=agent)


def test_the_operator_enters_anybodys(desk: Desk) -> None:
    entered = away(desk, desk.person(), by=SYSTEM)
    assert record_of(desk, entered)[0].actor_kind == "system"


# What may not be entered


def test_a_delegate_is_somebody_else_who_decides(desk: Desk) -> None:
    me = desk.person()
    gone = make_person(desk.sessions, "Gone", active=False).as_actor(Via.PAGE)
    for delegate in (me, desk.person(roles=[Role.VIEWER]), desk.person(roles=[Role.AUDITOR]), gone):
        with pytest.raises(InvalidInputError) as refused:
            away(desk, me, delegate)
        assert set(refused.value.extra["fields"]) == {"delegate_id"}
    with pytest.raises(InvalidInputError):
        Absences(desk.sessions, desk.clock).add(me, me.id, "no\x00body", desk.clock(), desk.clock() + DAY)
    assert Absences(desk.sessions, desk.clock).of(me.id) == []


@pytest.mark.parametrize("person_id", ["nobody", "\x00", "\ud800"])
def test_nobody_is_not_away(desk: Desk, absences: Absences, person_id: str) -> None:
    with pytest.raises(NotFoundError):
        absences.add(SYSTEM, person_id, None, desk.clock(), desk.clock() + DAY)
    with pytest.raises(NotFoundError):
        absences.end(SYSTEM, person_id)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (HOUR, HOUR, "ends_at"),
        (2 * HOUR, HOUR, "ends_at"),
        (-2 * HOUR, -HOUR, "ends_at"),
        (-2 * HOUR, timedelta(0), "ends_at"),
        (-DAY - timedelta(seconds=1), HOUR, "starts_at"),
        (HOUR, HOUR + 366 * DAY + timedelta(seconds=1), "ends_at"),
    ],
)
def test_periods_that_make_no_sense(start: timedelta, end: timedelta, field: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(InvalidInputError) as refused:
        check_period(now + start, now + end, now)
    assert set(refused.value.extra["fields"]) == {field}


def test_the_longest_period_and_one_that_began_a_while_ago() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert check_period(now, now + 366 * DAY, now) == (now, now + 366 * DAY)
    assert check_period(now - DAY, now + HOUR, now) == (now, now + HOUR)
    with pytest.raises(InvalidInputError, match="time zone"):
        check_period(now.replace(tzinfo=None), now + HOUR, now)


@pytest.mark.parametrize(
    ("start", "length", "free"),
    [
        (timedelta(0), 10 * DAY, False),
        (timedelta(hours=25), HOUR, False),
        (timedelta(0), timedelta(hours=25), False),
        (timedelta(0), DAY, True),
        (3 * DAY, DAY, True),
    ],
)
def test_a_persons_absences_do_not_overlap(desk: Desk, start: timedelta, length: timedelta, free: bool) -> None:
    me, now = desk.person("Away"), desk.clock()
    absences = Absences(desk.sessions, lambda: now)
    absences.add(me, me.id, None, now + DAY, now + 3 * DAY)
    if free:
        absences.add(me, me.id, None, now + start, now + start + length)
    else:
        with pytest.raises(ConflictError, match="Away is already absent from"):
            absences.add(me, me.id, None, now + start, now + start + length)
    assert len(absences.of(me.id)) == (2 if free else 1)


def test_of_overlapping_ones_at_the_same_moment_one_counts(
    desk: Desk, absences: Absences, at_once: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    me = desk.person()
    results = at_once([lambda: away(desk, me, length=DAY)] * 6)
    assert sum(isinstance(result, AbsenceView) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 5
    assert len(absences.of(me.id)) == 1


def test_delegates_do_not_lead_back(desk: Desk) -> None:
    a, b, c = desk.person("A"), desk.person("B"), desk.person("C")
    away(desk, a, b)
    away(desk, b, c, start=HOUR)
    with pytest.raises(InvalidInputError, match="C → A → B → C"):
        away(desk, c, a, start=2 * HOUR)
    with pytest.raises(InvalidInputError, match="B → A → B"):
        away(desk, b, a, length=HOUR / 2)
    away(desk, c, a, start=2 * DAY)  # by then A is back
    away(desk, c, desk.person("D"), start=2 * HOUR)


def test_of_a_circle_closed_at_the_same_moment_one_part_is_refused(
    desk: Desk, at_once: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    people = [desk.person(f"P{number}") for number in range(4)]
    pairs = list(zip(people, people[1:] + people[:1], strict=True))
    results = at_once([lambda pair=pair: away(desk, *pair) for pair in pairs])
    assert sum(isinstance(result, InvalidInputError) for result in results) == 1, results
    assert sum(isinstance(result, AbsenceView) for result in results) == 3


def test_a_circle_needs_one_instant_at_which_it_is_closed() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def period(who: str, delegate: str | None, start: int, end: int) -> Period:
        return Period(who, delegate, now + start * HOUR, now + end * HOUR)

    new = period("a", "b", 0, 10)
    assert leads_back(new, [period("b", "c", 0, 5), period("c", "a", 5, 10)]) == ()
    assert leads_back(new, [period("b", "c", 0, 6), period("c", "a", 5, 10)]) == ("b", "c")
    assert leads_back(new, [period("b", "c", 0, 9), period("c", "b", 0, 9)]) == ()
    assert leads_back(new, [period("b", None, 0, 9)]) == ()
    assert leads_back(period("a", None, 0, 10), [period("b", "a", 0, 9)]) == ()


def test_notes_are_short_texts_without_secrets(desk: Desk) -> None:
    me = desk.person()
    for note, kind in (("x" * 501, TooLargeError), ("a\x00b", InvalidInputError)):
        with pytest.raises(kind) as refused:
            away(desk, me, note=note)
        assert isinstance(refused.value, AssentError) and set(refused.value.extra["fields"]) == {"note"}
    entered = away(desk, me, note="password=hunter2hunter2hunter2 and back on Monday")
    assert "hunter2" not in entered.note and "Monday" in entered.note


# Lists


def test_notes_are_for_oneself_and_admins(own_desk: Desk) -> None:
    absences = Absences(own_desk.sessions, own_desk.clock)
    me, delegate, admin = own_desk.person("Away"), own_desk.person("Delegate"), own_desk.person("Admin", [Role.ADMIN])
    viewer = own_desk.person("Viewer", [Role.VIEWER])
    away(own_desk, me, delegate, note="private")
    assert [absence.note for absence in absences.of(me.id)] == ["private"]
    assert [absence.note for absence in absences.upcoming(admin)] == ["private"]
    assert [absence.note for absence in absences.current(admin)] == ["private"]
    assert [absence.note for absence in absences.current(viewer)] == [""]
    assert [(absence.person_name, absence.note) for absence in absences.for_whom(delegate)] == [("Away", "")]


def test_what_is_listed_and_in_which_order(own_desk: Desk) -> None:
    absences = Absences(own_desk.sessions, own_desk.clock)
    a, b, admin = own_desk.person("A"), own_desk.person("B"), own_desk.person("Admin", [Role.ADMIN])
    later = away(own_desk, a, start=5 * DAY)
    sooner = away(own_desk, a, b, start=DAY)
    now = away(own_desk, b, length=HOUR)
    ended = away(own_desk, admin)
    absences.end(admin, ended.id)
    assert [absence.id for absence in absences.of(a.id)] == [sooner.id, later.id]
    assert [absence.id for absence in absences.upcoming(admin)] == [now.id, sooner.id, later.id]
    assert [absence.id for absence in absences.current(a)] == [now.id]
    assert [absence.id for absence in absences.of(admin.id)] == [ended.id]
    assert [absence.id for absence in absences.for_whom(b)] == [sooner.id]
    own_desk.clock.ahead = 2 * HOUR
    assert absences.current(a) == []
    assert [absence.state for absence in absences.of(b.id)] == [AbsenceState.OVER]


def test_deciders_are_named_by_their_address(own_desk: Desk) -> None:
    absences = Absences(own_desk.sessions, own_desk.clock)
    reviewer, viewer = own_desk.person("Reviewer"), own_desk.person("Viewer", [Role.VIEWER])
    assert [decider.id for decider in absences.deciders()] == [reviewer.id]
    assert absences.named(f" {reviewer.email.upper()} ", "delegate") == reviewer.id
    assert absences.named(" ", "delegate") is None
    for address in (viewer.email, "nobody@example.org"):
        with pytest.raises(InvalidInputError) as refused:
            absences.named(address, "delegate")
        assert set(refused.value.extra["fields"]) == {"delegate"}


def test_the_database_holds_no_period_that_ends_before_it_begins(desk: Desk) -> None:
    me, now = desk.person(), desk.clock()
    with pytest.raises(Exception, match="period"), desk.sessions.begin() as session:
        session.add(
            Absence(
                id="x", person_id=me.id, delegate_id=None, starts_at=now, ends_at=now, note="", created_at=now,
                created_by_id=None,
            )
        )  # fmt: skip
