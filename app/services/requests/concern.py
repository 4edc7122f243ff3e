"""Who may handle a request: its approvers, its requester, and administrators."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.errors import NotAskedError
from app.domain.people import Action, Actor, Role
from app.domain.policy.access import addressed, is_approver
from app.domain.policy.terms import Terms
from app.services.requests.delegation import represented_by
from app.services.requests.requester import askers
from app.services.sight import is_requester
from app.store.requests import ApprovalRequest


def is_concerned(session: Session, request: ApprovalRequest, actor: Actor, now: datetime) -> bool:
    """True if the request requires the actor's approval, or that of an absent person whose delegate the actor is.

    This applies to any stage and any escalation: also to people who have approved already, or whose stage comes later.
    """
    if not actor.id or actor.kind != "person" or not actor.may(Action.DECIDE):
        return False
    asked = _addresses(request)
    if any(is_approver(actor.member, addresses) for addresses in asked):
        return True
    absent = [person for person in represented_by(session, actor.id, now) if person.id not in askers(request)]
    return any(is_approver(person, addresses) for person in absent for addresses in asked)


def handles(session: Session, request: ApprovalRequest, actor: Actor, now: datetime) -> bool:
    """True if the actor may do what decides nothing, such as escalate the request, provided their roles allow it."""
    if actor.kind == "system" or Role.ADMIN in actor.roles or is_requester(request, actor):
        return True
    return is_concerned(session, request, actor, now)


def require_handling(session: Session, request: ApprovalRequest, actor: Actor, action: Action, now: datetime) -> None:
    """Raise ForbiddenError or NotAskedError unless the actor `handles` the request, and has a role for the action."""
    actor.require(action)
    if not handles(session, request, actor, now):
        words = "Only those whose approval is required, the requester, and administrators can do this."
        raise NotAskedError(words, asked=list(request.addressed_to))


def _addresses(request: ApprovalRequest) -> list[tuple[str, ...]]:
    """The approvers of each stage, and of the current one since it was escalated. Empty: any reviewer."""
    stages = Terms.from_json(request.terms).stages
    return [*(addressed(stage) for stage in stages), tuple(request.addressed_to)]
