"""What policies are asked with that is no part of a proposal: who started the run, and which version is in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import array_agg
from sqlalchemy.orm import Session

from app.domain.policy.facts import Requester
from app.store.people import Person, TeamMember
from app.store.policies import PolicyVersion
from app.store.requests import ApprovalRequest

NEWEST_VERSION = select(func.max(PolicyVersion.version)).scalar_subquery()
"""The version in force, as a column; null where no policy is loaded."""
_TEAMS = (
    select(array_agg(TeamMember.team_slug)).where(TeamMember.person_id == Person.id).correlate(Person).scalar_subquery()
)
REQUESTER_COLUMNS: tuple[ColumnElement[Any], ...] = (
    Person.email.label("email"),
    Person.roles.label("roles"),
    _TEAMS.label("teams"),
)
"""For a query that joins `Person`; its rows go to `requester_from`."""


def requester_from(person_id: str | None, name: str, row: Any) -> Requester:
    """Who asked, with what the columns say; they are null for an agent without an account."""
    if not person_id or row.email is None:
        return Requester(person_id or "", name)
    return Requester(person_id, name, row.email, tuple(row.roles), tuple(sorted(row.teams or ())))


def how_they_asked(request: ApprovalRequest) -> str:
    """What whoever asked did, to be put after who it was: a run was started, or an agent elsewhere asked for them."""
    return "started this run" if request.run_id else "asked for this"


def requesters(session: Session, people: Iterable[tuple[str | None, str]]) -> dict[str, Requester]:
    """By id, the people with these ids and names as they are now."""
    names: dict[str, str] = {person_id: name for person_id, name in people if person_id}
    ids: Sequence[str] = list(names)
    rows = session.execute(select(Person.id, *REQUESTER_COLUMNS).where(Person.id.in_(ids))) if ids else ()
    return {row.id: requester_from(row.id, names[row.id], row) for row in rows}
