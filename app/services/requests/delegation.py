"""Absent people and their delegates: for whom a person decides, and whether somebody is absent now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.people import Action, Via
from app.domain.policy.access import Member
from app.store.people import Person
from app.store.policies import Absence


@dataclass(frozen=True)
class CurrentAbsence:
    """An absence that somebody is in; `delegate_id` is None, and the name empty, where nobody stands in."""

    id: str
    delegate_id: str | None
    delegate_name: str
    ends_at: datetime


def stands_for(session: Session, person_id: str, now: datetime) -> list[Member]:
    """The people who are absent at `now` and have named this person as their delegate, by name.

    Only those who could decide themselves: nobody lends what they do not have. A delegate's own delegate is not among
    them: who stands in for somebody is said by that person alone.
    """
    query = (
        select(Person)
        .join(Absence, Absence.person_id == Person.id)
        .where(
            Absence.delegate_id == person_id,
            Absence.person_id != person_id,
            Absence.starts_at <= now,
            Absence.ends_at > now,
            Absence.confirmed_at.is_not(None),
            or_(Absence.ended_at.is_(None), Absence.ended_at > now),
            Person.active,
        )
        .distinct()
    )
    absent = [each.as_actor(Via.PAGE) for each in session.scalars(query)]
    able = [each.member for each in absent if each.may(Action.DECIDE)]
    return sorted(able, key=lambda each: (each.name, each.id))


def current_absence(session: Session, person_id: str, now: datetime) -> CurrentAbsence | None:
    """The absence that a person is in at `now`, or None. There is one at most."""
    query = (
        select(Absence.id, Absence.delegate_id, Person.name, Absence.ends_at)
        .outerjoin(Person, Person.id == Absence.delegate_id)
        .where(
            Absence.person_id == person_id,
            Absence.starts_at <= now,
            Absence.ends_at > now,
            Absence.confirmed_at.is_not(None),
            Absence.ended_at.is_(None),
        )
    )
    row = session.execute(query).first()
    return CurrentAbsence(row.id, row.delegate_id, row.name or "", row.ends_at) if row else None
