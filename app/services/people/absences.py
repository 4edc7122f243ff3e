"""Absences: who decides on someone's behalf while they are absent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, case, insert, or_, select, text
from sqlalchemy.orm import Session, aliased

from app.domain.absences import Period, check_period, leads_back
from app.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, TooLargeError
from app.domain.people import Action, Actor, Makers, Via
from app.domain.policy.access import Member
from app.domain.text import is_storable
from app.services.approvals.decisions.departures import settle_departures
from app.services.clock import Clock
from app.services.notifications.account_notices import ABSENCE, announce
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.requests.comments import clean_comment
from app.store.engine import Sessions
from app.store.people import Person
from app.store.policies import Absence

MAX_NOTE = 500
MAX_LISTED = 200
_person = aliased(Person)
_delegate_person = aliased(Person)
ONE_AT_A_TIME = text("lock table absences in share row exclusive mode")


class AbsenceState(StrEnum):
    """When an absence is relative to now; one that waits for confirmation by its person has no effect."""

    WAITING = "waiting"

    UPCOMING = "upcoming"
    CURRENT = "current"
    OVER = "over"
    ENDED = "ended"


@dataclass(frozen=True)
class AbsenceView:
    """An absence with the names of the people involved.

    Attributes:
        delegate_id, delegate_name: who decides on the person's behalf; None and empty: nobody.
        note: empty for people who may not see it.
        ended_at: when it was ended early, or declined.
        made: who added it for the person, who has to confirm it unless the operator did.
    """

    id: str
    person_id: str
    person_name: str
    delegate_id: str | None
    delegate_name: str
    starts_at: datetime
    ends_at: datetime
    note: str
    ended_at: datetime | None
    state: AbsenceState
    made: Makers

    @property
    def made_by(self) -> str:
        """The names of the people who added it for the person; empty: the person did."""
        return self.made.names

    @property
    def may_end(self) -> bool:
        """True if it can still be ended."""
        return self.state in (AbsenceState.WAITING, AbsenceState.UPCOMING, AbsenceState.CURRENT)


class Absences:
    """Adds, ends, and lists absences."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def add(
        self,
        actor: Actor,
        person_id: str,
        delegate_id: str | None,
        starts_at: datetime,
        ends_at: datetime,
        note: str = "",
    ) -> AbsenceView:
        """Add an absence of the actor, or, for people who manage accounts, of anyone.

        An absence of someone else has no effect until that person confirms it (`app.services.people.confirmations`),
        unless the operator adds it.

        Args:
            delegate_id: who decides on the person's behalf; None: nobody.
            starts_at: at most a day ago; in the past, it counts from now.
            ends_at: the person is back from this time on.
            note: for the person and for people who manage accounts only.

        Raises:
            ForbiddenError: the actor may not add it.
            NotFoundError: there is no such person.
            InvalidInputError, TooLargeError: period, delegate, or note is not valid; `fields` says where.
            ConflictError: the person is already absent in part of the period.
        """
        require_absence(actor, person_id)
        now = self._clock()
        start, end = check_period(starts_at, ends_at, now)
        words = _clean_note(note)
        with self._sessions.begin() as session:
            # Two that overlap, or that form a circle of delegates, may be added at the same moment.
            session.execute(ONE_AT_A_TIME)
            person = _decider(session, person_id)
            if person is None:
                raise NotFoundError("No reviewer has this ID.")
            delegate = _delegate(session, person, delegate_id) if delegate_id else None
            period = Period(person.id, delegate.id if delegate else None, start, end)
            makers = actor.makes_for(person.id)
            refuse_overlap(session, period, person, with_waiting=bool(makers.ids))
            refuse_circle(session, period, person)
            absence_id = str(uuid.uuid4())
            session.execute(
                insert(Absence).values(
                    id=absence_id, person_id=person.id, delegate_id=period.delegate_id, starts_at=start, ends_at=end,
                    note=words, created_at=now, created_by_id=actor.id or None,
                    confirmed_at=None if makers.ids else now, **makers.columns,
                )
            )  # fmt: skip
            if makers.ids:
                announce(session, ABSENCE, absence_id, person.id, now)
            record(
                session, actor, "absence.added", now, absence_id=absence_id, person=person.name,
                delegate=delegate.name if delegate else "", starts_at=start.isoformat(), ends_at=end.isoformat(),
                confirmed=not makers.ids,
            )  # fmt: skip
            return one(session, absence_id, now)

    def end(self, actor: Actor, absence_id: str) -> AbsenceView:
        """End an absence now; one that has not begun is canceled.

        Raises:
            ForbiddenError, NotFoundError: it is someone else's, or does not exist.
            ConflictError: it is already over.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            absence = session.get(Absence, absence_id, with_for_update=True) if is_storable(absence_id) else None
            if absence is None:
                raise NotFoundError("There is no such absence.")
            require_absence(actor, absence.person_id)
            if absence.ended_at is not None or absence.ends_at <= now:
                raise ConflictError("This absence is already over.")
            absence.ended_at = now
            session.flush()
            view = one(session, absence_id, now)
            record(
                session, actor, "absence.ended", now, absence_id=absence_id, person=view.person_name,
                delegate=view.delegate_name, until=view.ends_at.isoformat(),
            )  # fmt: skip
            if absence.delegate_id is not None:
                settle_departures(session, {absence.delegate_id}, now)
            return view

    def of(self, person_id: str, most_past: int | None = MAX_LISTED) -> list[AbsenceView]:
        """A person's absences: current and upcoming ones by start, then past ones, newest first."""
        now = self._clock()
        with self._sessions.reads() as session:
            mine = _query().where(Absence.person_id == person_id)
            open_ones = _views(session, mine.where(_is_open(now)).order_by(Absence.starts_at, Absence.id), now)
            past = mine.where(~_is_open(now)).order_by(Absence.ends_at.desc(), Absence.id).limit(most_past)
            return [*open_ones, *_views(session, past, now)]

    def upcoming(self, actor: Actor) -> list[AbsenceView]:
        """Everyone's current and upcoming absences by start. Raises ForbiddenError."""
        actor.require(Action.MANAGE_PEOPLE)
        now = self._clock()
        with self._sessions.reads() as session:
            return _views(session, _query().where(_is_open(now)).order_by(Absence.starts_at, Absence.id), now)

    def current(self, actor: Actor) -> list[AbsenceView]:
        """Current absences, by name; notes are only for people who manage accounts. Raises ForbiddenError."""
        actor.require(Action.SEE)
        now = self._clock()
        query = _query().where(_counts(now), Absence.starts_at <= now).order_by(_person.name, Absence.id)
        with self._sessions.reads() as session:
            return _views(session, query, now, notes=actor.may(Action.MANAGE_PEOPLE))

    def for_whom(self, actor: Actor) -> list[AbsenceView]:
        """Current and upcoming absences whose delegate the actor is, by start."""
        now = self._clock()
        query = _query().where(_counts(now), Absence.delegate_id == actor.id).order_by(Absence.starts_at, Absence.id)
        with self._sessions.reads() as session:
            return _views(session, query, now, notes=False)

    def export(self, actor: Actor, form: ExportFormat) -> Iterator[str]:
        """The absences that the actor sees as pieces of a file, by start: of themselves, of those whose delegate they
        are, and those now; for people who manage accounts, also what is to come. Raises ForbiddenError."""
        actor.require(Action.SEE)
        now, manages = self._clock(), actor.may(Action.MANAGE_PEOPLE)
        mine = Absence.person_id == actor.id
        concerns = and_(_counts(now), or_(Absence.delegate_id == actor.id, Absence.starts_at <= now))
        query = _query().with_only_columns(
            Absence.id, _person.name.label("person"), _delegate_person.name.label("delegate"), Absence.starts_at,
            Absence.ends_at, _state_column(now), Absence.ended_at, Absence.made_by.label("added_by"),
            (Absence.note if manages else case((mine, Absence.note), else_="")).label("note"),
        )  # fmt: skip
        query = query.where(or_(mine, _is_open(now) if manages else concerns))
        listed = ListExport("absences", query, (Absence.starts_at, Absence.id), newest_first=False)
        return exported(self._sessions, self._clock, actor, listed, form, {})

    def deciders(self) -> list[Member]:
        """Everyone who can be a delegate, by name."""
        with self._sessions.reads() as session:
            people = session.scalars(select(Person).where(Person.active).order_by(Person.name, Person.email))
            return [person.as_actor(Via.PAGE).member for person in people if _may_decide(person)]

    def named(self, address: str, field: str) -> str | None:
        """The id of the reviewer with that email address; None if it is empty.

        Raises:
            InvalidInputError: no reviewer has it; `fields` names `field`.
        """
        if not address.strip():
            return None
        wanted = address.strip().lower()
        found = [decider.id for decider in self.deciders() if decider.email.lower() == wanted]
        if not found:
            raise InvalidInputError(
                f"No reviewer has the address {address.strip()}.", {field: "This is not a reviewer."}
            )
        return found[0]


def one(session: Session, absence_id: str, now: datetime) -> AbsenceView:
    """The absence with that id, as part of a transaction."""
    return _views(session, _query().where(Absence.id == absence_id), now)[0]


def _query() -> Select[Absence, str, str]:
    return (
        select(Absence, _person.name, _delegate_person.name)
        .join(_person, _person.id == Absence.person_id)
        .outerjoin(_delegate_person, _delegate_person.id == Absence.delegate_id)
    )


def _is_open(now: datetime) -> ColumnElement[bool]:
    return and_(Absence.ended_at.is_(None), Absence.ends_at > now)


def _counts(now: datetime) -> ColumnElement[bool]:
    return and_(_is_open(now), Absence.confirmed_at.is_not(None))


def _views(session: Session, query: Select[Absence, str, str], now: datetime, notes: bool = True) -> list[AbsenceView]:
    return [
        AbsenceView(
            id=absence.id,
            person_id=absence.person_id,
            person_name=person_name,
            delegate_id=absence.delegate_id,
            delegate_name=delegate_name or "",
            starts_at=absence.starts_at,
            ends_at=absence.ends_at,
            note=absence.note if notes else "",
            ended_at=absence.ended_at,
            state=_state(absence, now),
            made=absence.made,
        )
        for absence, person_name, delegate_name in session.execute(query)
    ]


def _state(absence: Absence, now: datetime) -> AbsenceState:
    if absence.ended_at is not None:
        return AbsenceState.ENDED
    if absence.ends_at <= now:
        return AbsenceState.OVER
    if absence.confirmed_at is None:
        return AbsenceState.WAITING
    return AbsenceState.CURRENT if absence.starts_at <= now else AbsenceState.UPCOMING


def _state_column(now: datetime) -> ColumnElement[str]:
    """The same as `_state`, as a column."""
    return case(
        (Absence.ended_at.is_not(None), AbsenceState.ENDED.value),
        (Absence.ends_at <= now, AbsenceState.OVER.value),
        (Absence.confirmed_at.is_(None), AbsenceState.WAITING.value),
        (Absence.starts_at <= now, AbsenceState.CURRENT.value),
        else_=AbsenceState.UPCOMING.value,
    ).label("state")


def require_absence(actor: Actor, person_id: str) -> None:
    """Raise ForbiddenError unless the actor may add and end this person's absences."""
    if actor.kind == "person" and actor.id == person_id:
        actor.require(Action.BE_ABSENT)
    elif not actor.may(Action.MANAGE_PEOPLE):
        raise ForbiddenError(
            f"{actor.name} may not add absences for other people: that needs the role admin.",
            action=Action.MANAGE_PEOPLE.value, needed="admin",
        )  # fmt: skip


def _clean_note(note: str) -> str:
    try:
        words = clean_comment(note)
    except InvalidInputError as error:
        raise InvalidInputError(error.message, {"note": "This is not valid."}) from error
    if len(words) > MAX_NOTE:
        raise TooLargeError(f"A note has at most {MAX_NOTE} characters.", fields={"note": "This is too long."})
    return words


def _decider(session: Session, person_id: str) -> Person | None:
    """The active person, if they may decide, or None."""
    person = session.get(Person, person_id) if is_storable(person_id) else None
    return person if person is not None and _may_decide(person) else None


def _may_decide(person: Person) -> bool:
    return person.active and person.as_actor(Via.PAGE).may(Action.DECIDE)


def _delegate(session: Session, person: Person, delegate_id: str) -> Person:
    if delegate_id == person.id:
        raise InvalidInputError("You cannot delegate to yourself.", {"delegate_id": "This is the same person."})
    delegate = _decider(session, delegate_id)
    if delegate is None:
        raise InvalidInputError("A delegate must be a reviewer.", {"delegate_id": "This is not a reviewer."})
    return delegate


def refuse_overlap(session: Session, period: Period, person: Person, with_waiting: bool) -> None:
    """Raise ConflictError if the person is already absent in part of the period.

    Args:
        with_waiting: include absences that wait for the person's confirmation.
    """
    overlapping = (
        _query()
        .where(Absence.person_id == person.id, Absence.ended_at.is_(None))
        .where(Absence.starts_at < period.ends_at, Absence.ends_at > period.starts_at)
        .order_by(Absence.starts_at)
        .limit(1)
    )
    if not with_waiting:
        overlapping = overlapping.where(Absence.confirmed_at.is_not(None))
    found = _views(session, overlapping, period.starts_at)
    if found:
        times = f"from {_words(found[0].starts_at)} to {_words(found[0].ends_at)}"
        raise ConflictError(f"{person.name} is already absent {times}.", absence_id=found[0].id)


def refuse_circle(session: Session, period: Period, person: Person) -> None:
    """Raise InvalidInputError if the chain of delegates would lead back to the person."""
    if period.delegate_id is None:
        return
    rows = session.scalars(
        select(Absence)
        .where(Absence.ended_at.is_(None), Absence.delegate_id.is_not(None), Absence.confirmed_at.is_not(None))
        .where(Absence.starts_at < period.ends_at, Absence.ends_at > period.starts_at)
    )
    standing = [Period(row.person_id, row.delegate_id, row.starts_at, row.ends_at) for row in rows]
    circle = leads_back(period, standing)
    if circle:
        names = [session.get_one(Person, person_id).name for person_id in circle]
        raise InvalidInputError(
            f"The delegates would lead back to {person.name}: {' → '.join([person.name, *names, person.name])}.",
            {"delegate_id": "This leads back to the same person."},
        )


def _words(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
