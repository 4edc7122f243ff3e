"""Absent people and their delegates: on whose behalf a person can decide, and whether someone is absent now."""

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
    """A current absence; `delegate_id` is None and the name empty if there is no delegate."""

    id: str
    delegate_id: str | None
    delegate_name: str
    ends_at: datetime


def represented_by(session: Session, person_id: str, now: datetime) -> list[Member]:
    """The people who are absent at `now` and have named this person as their delegate, by name.

    Only those who could decide themselves: nobody can delegate what they may not do. Delegates of delegates do not
    count: people name their delegates themselves.
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
    absent = [person.as_actor(Via.PAGE) for person in session.scalars(query)]
    able = [person.member for person in absent if person.may(Action.DECIDE)]
    return sorted(able, key=lambda member: (member.name, member.id))


def current_absence(session: Session, person_id: str, now: datetime) -> CurrentAbsence | None:
    """A person's absence at `now`, or None. There is at most one."""
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
