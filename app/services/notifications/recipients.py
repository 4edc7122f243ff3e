"""Who is told of something that happened to a request: only those to whom it matters, and who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import AssentError
from app.domain.notices import DeliveryState, NoticeKind
from app.domain.people import Action, Via
from app.domain.policy.access import PERSON, TEAM
from app.services.requests import moves
from app.services.requests.entitlement import Seat, seat_of
from app.store.notify import Delivery
from app.store.people import Person, TeamMember
from app.store.policies import Absence
from app.store.requests import ApprovalRequest, Decision


@dataclass(frozen=True)
class Addressee:
    """Somebody to tell; `on_behalf_of` names the absent person for whom they would decide."""

    person: Person
    on_behalf_of: str = ""


def receivers(session: Session, request: ApprovalRequest, kind: NoticeKind, now: datetime) -> list[Addressee]:
    """Whom to tell, each once."""
    if kind is NoticeKind.OUTCOME:
        return [Addressee(each) for each in _people(session, [request.requester_id])]
    if kind in (NoticeKind.SETTLED, NoticeKind.RECEIPT):
        return _told_before(session, request, kind)
    if kind is NoticeKind.ASSIGNED:
        found = _people(session, [request.assigned_to_id])
    elif kind is NoticeKind.ESCALATED and request.escalated_to:
        found = _behind(session, request.escalated_to, now)
    else:
        found = _behind(session, request.addressed_to, now)
    decisions = moves.decisions_on(session, request.id) if request.version > 1 else []
    asked = []
    for each in found:
        seat = seat_for(session, request, each, decisions, now)
        if seat is not None:
            asked.append(Addressee(each, seat.principal.name if seat.principal else ""))
    return asked


def seat_for(
    session: Session, request: ApprovalRequest, person: Person, decisions: Sequence[Decision], now: datetime
) -> Seat | None:
    """How that person could decide now, exactly as a decision of theirs would be taken; None: not at all."""
    try:
        return seat_of(session, request, person.as_actor(Via.MAIL), decisions, now)
    except AssentError:
        return None


def _behind(session: Session, addressed_to: Sequence[str], now: datetime) -> list[Person]:
    """The people behind addresses (none: everybody who may decide); in the place of absent ones their delegates."""
    conditions: list[ColumnElement[bool]] = [Person.active.is_(True)]
    if addressed_to:
        slugs = [each.removeprefix(TEAM) for each in addressed_to if each.startswith(TEAM)]
        emails = [each.removeprefix(PERSON) for each in addressed_to if each.startswith(PERSON)]
        members = select(TeamMember.person_id).where(TeamMember.team_slug.in_(slugs))
        conditions.append(or_(Person.id.in_(members), func.lower(Person.email).in_(emails)))
    found = {each.id: each for each in session.scalars(select(Person).where(*conditions)) if _may_decide(each)}
    away = select(Absence.person_id, Absence.delegate_id).where(
        Absence.person_id.in_(list(found)), Absence.starts_at <= now, Absence.ends_at > now,
        or_(Absence.ended_at.is_(None), Absence.ended_at > now), Absence.delegate_id.is_not(None),
        Absence.confirmed_at.is_not(None),
    )  # fmt: skip
    absent = session.execute(away).all()
    delegates = _people(session, [each.delegate_id for each in absent])
    there = {each.id: each for each in delegates}
    for each in absent:
        # Who is away and has nobody in their place is told all the same: nobody else would be.
        if each.delegate_id in there:
            found.pop(each.person_id, None)
    return sorted((found | there).values(), key=lambda each: (each.name, each.id))


def _may_decide(person: Person) -> bool:
    return person.as_actor(Via.MAIL).may(Action.DECIDE)


def _told_before(session: Session, request: ApprovalRequest, kind: NoticeKind) -> list[Addressee]:
    """Whoever was told that they are asked, and of a receipt the requester; but for those who settled it themselves."""
    asking = [each.value for each in NoticeKind if each.asks]
    told = select(Delivery.person_id).where(
        Delivery.request_id == request.id, Delivery.kind.in_(asking),
        # Who is not told yet, as they wish to hear of it later, need not hear of it at all any more.
        Delivery.state.in_([DeliveryState.SENT.value, DeliveryState.PENDING.value]),
    )  # fmt: skip
    ids: set[str | None] = set(session.scalars(told))
    decided = select(Decision.person_id).where(Decision.request_id == request.id, Decision.withdrawn_at.is_(None))
    ids |= set(session.scalars(decided)) if kind is NoticeKind.RECEIPT else set()
    ids -= set(session.scalars(decided)) if kind is NoticeKind.SETTLED else set()
    if kind is NoticeKind.RECEIPT:
        ids.add(request.requester_id)
    else:
        ids.discard(request.requester_id)
    return [Addressee(each) for each in _people(session, ids)]


def _people(session: Session, ids: Sequence[str | None] | set[str | None]) -> list[Person]:
    """The active ones of these, by name."""
    wanted = [each for each in ids if each]
    if not wanted:
        return []
    query = select(Person).where(Person.id.in_(wanted), Person.active).order_by(Person.name, Person.id)
    return [each for each in session.scalars(query) if each.as_actor(Via.MAIL).may(Action.SEE)]
