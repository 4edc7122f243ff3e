"""What a policy needs to know besides the proposal: the requester, and the policy version in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import array_agg
from sqlalchemy.orm import Session

from app.domain.errors import OwnRequestError
from app.domain.people import Actor, Makers
from app.domain.policy.facts import Requester
from app.store.people import Person, TeamMember
from app.store.policies import PolicyVersion
from app.store.requests import ApprovalRequest

VERSION_IN_FORCE = (
    select(func.max(PolicyVersion.version)).where(PolicyVersion.in_force_at.is_not(None)).scalar_subquery()
)
"""The policy version in force, as a column; null if there is none. Versions that wait for a second person are not."""
_TEAMS = (
    select(array_agg(TeamMember.team_slug)).where(TeamMember.person_id == Person.id).correlate(Person).scalar_subquery()
)
REQUESTER_COLUMNS: tuple[ColumnElement[Any], ...] = (
    Person.email.label("email"),
    Person.roles.label("roles"),
    _TEAMS.label("teams"),
)
"""For a query that joins `Person`; pass its rows to `requester_from`."""


@dataclass(frozen=True)
class RequestSource:
    """The source of a request: a run, or another agent.

    Attributes:
        run_id: None for an agent outside a run.
        workflow: the run's workflow, or the name that an agent outside a run gives.
        requester: the person who is responsible, as policies see them.
        agent: the name of the agent that requests, or that started the run, with the person's token; else empty.
        makers: who created that token, or the person's sign-in link; they count as requesters too.
    """

    run_id: str | None
    workflow: str
    requester: Requester
    agent: str
    makers: Makers

    @property
    def ids(self) -> frozenset[str]:
        """The ids of everyone who counts as the requester."""
        return self.makers.ids | ({self.requester.id} if self.requester.id else frozenset())


def requester_from(person_id: str | None, name: str, row: Any) -> Requester:
    """The requester from these columns, which are null for an agent without an account."""
    if not person_id or row.email is None:
        return Requester(person_id or "", name)
    return Requester(person_id, name, row.email, tuple(row.roles), tuple(sorted(row.teams or ())))


def askers(request: ApprovalRequest) -> frozenset[str]:
    """Ids of everyone who counts as the requester, including those who created the token or link that was used."""
    return request.made.ids | ({request.requester_id} if request.requester_id else frozenset())


def refuse_own(request: ApprovalRequest, actor: Actor) -> None:
    """Raise OwnRequestError if the actor is, or may be, someone who counts as the requester."""
    if why_not := own_request(request, actor):
        raise OwnRequestError(f"Requesters cannot approve their own requests: {why_not}.")


def own_request(request: ApprovalRequest, actor: Actor) -> str:
    """Why the request is, or may be, the actor's own, as a clause; empty: it is someone else's."""
    if actor.id and actor.id == request.requester_id:
        return f"you {request_origin(request)}"
    if actor.id in request.made.ids:
        return "you made the sign-in link or token with which this was requested"
    if actor.persons & askers(request):
        return f"you act with a sign-in link or token from {actor.makers.names}, who counts as the requester"
    if actor.account.ids & askers(request):
        # The person who adds an account may own its mailbox as well, and email links decide without a session.
        return (
            f"{actor.account.names}, who counts as the requester, added your account or made it active again, and "
            "nobody else has made a sign-in link for it since"
        )
    return ""


def request_origin(request: ApprovalRequest) -> str:
    """What the requester did, as a predicate: they started the run, or an agent outside a run requested for them."""
    return "started this run" if request.run_id else "requested this"


def requesters(session: Session, people: Iterable[tuple[str | None, str]]) -> dict[str, Requester]:
    """The people with these ids and names as they are now, by id."""
    names: dict[str, str] = {person_id: name for person_id, name in people if person_id}
    ids: Sequence[str] = list(names)
    rows = session.execute(select(Person.id, *REQUESTER_COLUMNS).where(Person.id.in_(ids))) if ids else ()
    return {row.id: requester_from(row.id, names[row.id], row) for row in rows}
