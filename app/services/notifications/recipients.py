"""Who is notified of what happens to a request: only people whom it concerns and who may see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import AssentError
from app.domain.notices import DeliveryState, NoticeKind
from app.domain.people import Action, Via
from app.domain.policy.access import PERSON, TEAM
from app.services.requests.entitlement import Seat, seat_of
from app.services.requests.votes import standing_decisions
from app.store.base import among
from app.store.notify import Delivery
from app.store.people import Person, TeamMember
from app.store.policies import Absence
from app.store.requests import ApprovalRequest, Decision


@dataclass(frozen=True)
class Addressee:
    """A person to notify; `on_behalf_of` names the absent person for whom they would decide."""

    person: Person
    on_behalf_of: str = ""


class Recipients:
    """Finds the recipients for many requests at once; what they have in common is read once.

    Args:
        about: every request and kind that `of` will be called with.
    """

    def __init__(self, session: Session, about: Sequence[tuple[ApprovalRequest, NoticeKind]], now: datetime) -> None:
        self._session, self._now = session, now
        self._behind: dict[tuple[str, ...], _Behind] = {}
        self._decisions = standing_decisions(session, {request.id for request, kind in about if kind.asks})
        settled = {request.id for request, kind in about if kind in (NoticeKind.SETTLED, NoticeKind.RECEIPT)}
        self._notified, self._decided = _notified(session, settled), _decided(session, settled)
        ids: set[str | None] = set()
        for request, kind in about:
            ids |= self._ids(request, kind)
        self._people = _people(session, ids)

    def of(self, request: ApprovalRequest, kind: NoticeKind) -> list[Addressee]:
        """The recipients, each one once."""
        ids = self._ids(request, kind)
        found = [person for person in self._people if person.id in ids]
        if not kind.asks:
            return [Addressee(person) for person in found]
        if kind is NoticeKind.ASSIGNED:
            return self._able(request, found)
        # A step that adds nobody who can decide only raises the priority.
        escalated = kind is NoticeKind.ESCALATED and bool(request.escalated_to)
        added = self._asked(request, request.escalated_to) if escalated else []
        return added or self._asked(request, request.addressed_to)

    def _asked(self, request: ApprovalRequest, addressed_to: Sequence[str]) -> list[Addressee]:
        """Those with these addresses who can decide, and the delegates of absent ones; if a delegate cannot decide
        on this request, the absent person."""
        behind = self._people_behind(addressed_to)
        asked = self._able(request, behind.people)
        ids = {to.person.id for to in asked}
        left = [person for person, delegate_id in behind.absent if delegate_id not in ids]
        if not left:
            return asked
        return sorted([*asked, *self._able(request, left)], key=lambda to: (to.person.name, to.person.id))

    def _able(self, request: ApprovalRequest, people: Sequence[Person]) -> list[Addressee]:
        """Those of these people who can decide on the request now."""
        able = []
        for person in people:
            seat = seat_for(self._session, request, person, self._decisions.get(request.id, ()), self._now)
            if seat is not None:
                able.append(Addressee(person, seat.principal.name if seat.principal else ""))
        return able

    def _ids(self, request: ApprovalRequest, kind: NoticeKind) -> set[str | None]:
        """Recipients who can be found without checking who may decide."""
        notified, decided = self._notified.get(request.id, set()), self._decided.get(request.id, set())
        match kind:
            case NoticeKind.OUTCOME:
                return {request.requester_id}
            case NoticeKind.RECEIPT:
                return notified | decided | {request.requester_id}
            case NoticeKind.SETTLED:
                # Except those who settled it themselves.
                return notified - decided - {request.requester_id}
            case NoticeKind.ASSIGNED:
                return {request.assigned_to_id}
        return set()

    def _people_behind(self, addressed_to: Sequence[str]) -> _Behind:
        key = tuple(addressed_to)
        if key not in self._behind:
            self._behind[key] = _behind(self._session, addressed_to, self._now)
        return self._behind[key]


def seat_for(
    session: Session, request: ApprovalRequest, person: Person, decisions: Sequence[Decision], now: datetime
) -> Seat | None:
    """How that person could decide now, by the rules for decisions; None: not at all."""
    try:
        return seat_of(session, request, person.as_actor(Via.MAIL), decisions, now)
    except AssentError:
        return None


@dataclass(frozen=True)
class _Behind:
    """The people behind addresses.

    Attributes:
        people: by name, with delegates instead of absent people.
        absent: the absent people, each with the id of their delegate.
    """

    people: list[Person]
    absent: list[tuple[Person, str]]


def _behind(session: Session, addressed_to: Sequence[str], now: datetime) -> _Behind:
    """The people with these addresses; no address: all reviewers."""
    conditions: list[ColumnElement[bool]] = [Person.active.is_(True)]
    if addressed_to:
        slugs = [address.removeprefix(TEAM) for address in addressed_to if address.startswith(TEAM)]
        emails = [address.removeprefix(PERSON) for address in addressed_to if address.startswith(PERSON)]
        members = select(TeamMember.person_id).where(TeamMember.team_slug.in_(slugs))
        conditions.append(or_(Person.id.in_(members), func.lower(Person.email).in_(emails)))
    found = {person.id: person for person in session.scalars(select(Person).where(*conditions)) if _may_decide(person)}
    away = select(Absence.person_id, Absence.delegate_id).where(
        among(Absence.person_id, found), Absence.starts_at <= now, Absence.ends_at > now,
        or_(Absence.ended_at.is_(None), Absence.ended_at > now), Absence.delegate_id.is_not(None),
        Absence.confirmed_at.is_not(None),
    )  # fmt: skip
    absences = session.execute(away).all()
    delegates = _people(session, [absence.delegate_id for absence in absences])
    there = {delegate.id: delegate for delegate in delegates}
    # Absent people without a delegate are notified all the same: otherwise nobody would be.
    absent = [
        (found.pop(absence.person_id), absence.delegate_id)
        for absence in absences
        if absence.delegate_id in there and absence.person_id in found
    ]
    return _Behind(sorted((found | there).values(), key=lambda person: (person.name, person.id)), absent)


def _may_decide(person: Person) -> bool:
    return person.as_actor(Via.MAIL).may(Action.DECIDE)


def _notified(session: Session, request_ids: Collection[str]) -> dict[str, set[str | None]]:
    """The people who were notified that their decision is needed, by request."""
    query = select(Delivery.request_id, Delivery.person_id).where(
        among(Delivery.request_id, request_ids), Delivery.kind.in_([kind.value for kind in NoticeKind if kind.asks]),
        # People whose notification is still waiting, because they want it later, do not need it any longer.
        Delivery.state.in_([DeliveryState.SENT.value, DeliveryState.PENDING.value]),
    )  # fmt: skip
    return _by_request(session, query) if request_ids else {}


def _decided(session: Session, request_ids: Collection[str]) -> dict[str, set[str | None]]:
    """The people who have decided, by request."""
    query = select(Decision.request_id, Decision.person_id)
    query = query.where(among(Decision.request_id, request_ids), Decision.withdrawn_at.is_(None))
    return _by_request(session, query) if request_ids else {}


def _by_request(session: Session, query: Select[Any, Any]) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = defaultdict(set)
    for request_id, person_id in session.execute(query):
        found[request_id].add(person_id)
    return found


def _people(session: Session, ids: Sequence[str | None] | set[str | None]) -> list[Person]:
    """The active people among these, by name."""
    wanted = [person_id for person_id in ids if person_id]
    if not wanted:
        return []
    query = select(Person).where(among(Person.id, wanted), Person.active).order_by(Person.name, Person.id)
    return [person for person in session.scalars(query) if person.as_actor(Via.MAIL).may(Action.SEE)]
