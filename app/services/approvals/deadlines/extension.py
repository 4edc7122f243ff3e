"""Extensions: approvers can move a request's deadline to a later time."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.domain.errors import (
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    OwnRequestError,
)
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor, Role
from app.domain.policy.access import is_approver
from app.domain.policy.terms import Terms
from app.domain.ranking import attention_at
from app.services.approvals.ground import Ground, refuse_unless_open
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.comments import clean_comment
from app.services.requests.delegation import represented_by
from app.services.requests.requester import askers, own_request
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Urgency

MAX_EXTENSIONS = 3
"""How often the deadline of one request may be extended."""
LONGEST = timedelta(days=30)
"""How long after it was opened a request may be kept open. If its rule allows more than half of that, the maximum is
twice what the rule allows."""


class Extensions:
    """Extends deadlines."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def extend(self, request_id: str, actor: Actor, until: datetime, reason: str) -> ApprovalRequest:
        """Move the deadline of a pending request to `until`. Approvers are warned again before the new deadline.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor may not extend it.
            InvalidInputError: the reason is missing, or `until` cannot be used; `fields` says which.
            AlreadyDecidedError, ExpiredError, IllegalTransitionError, ConflictError: too late, or too often.
        """
        actor.require(Action.EXTEND)
        words = clean_comment(reason)
        if not words:
            raise InvalidInputError("Extending the deadline needs a reason.", {"reason": "empty"})
        request, now = self._ground.fresh(request_id), self._ground.clock()
        self._refuse_unless_asked(request, actor, now)
        refuse_unless_open(request, now)
        if request.extended >= MAX_EXTENSIONS:
            raise IllegalTransitionError(f"The deadline has already been extended {MAX_EXTENSIONS} times.")
        _check(request, until, now)
        changed = {"expires_at": until, "warned": False}
        rank = attention_at(until, RiskLevel(request.risk), request.priority, Urgency(request.urgency))
        batch = moves.move(
            request, RequestState.PENDING, now, **changed, extended=request.extended + 1, attention_at=rank,
            **due_values(request, **changed),
        )  # fmt: skip
        record(
            batch, actor, "request.extended", now, request_id=request_id, run_id=request.run_id, reason=words,
            **{"from": request.expires_at.isoformat(), "to": until.isoformat()},
        )  # fmt: skip
        publish(batch, moves.changed(request, now, RequestChange.EXTENDED))
        return self._ground.written(batch)

    def _refuse_unless_asked(self, request: ApprovalRequest, actor: Actor, now: datetime) -> None:
        if not actor.id:
            raise ForbiddenError("Only people can extend a deadline.")
        if own := own_request(request, actor):
            raise OwnRequestError(f"Requesters cannot extend their own requests: {own}.")
        if is_approver(actor.member, request.addressed_to) or Role.ADMIN in actor.roles:
            return
        with self._ground.sessions.reads() as session:
            principals = represented_by(session, actor.id, now)
        if not any(
            is_approver(principal, request.addressed_to) and principal.id not in askers(request)
            for principal in principals
        ):
            words = "Only approvers, their delegates, and admins can extend the deadline."
            raise NotAskedError(words, asked=list(request.addressed_to))


def latest_extension(request: ApprovalRequest) -> datetime:
    """The latest deadline that a request can be given."""
    given = timedelta(seconds=Terms.from_json(request.terms).deadline_seconds)
    return request.opened_at + max(LONGEST, 2 * given)


def _check(request: ApprovalRequest, until: datetime, now: datetime) -> None:
    if until.tzinfo is None:
        raise InvalidInputError("The new deadline needs a time zone.", {"until": "no time zone"})
    if until <= max(now, request.expires_at):
        raise InvalidInputError("The new deadline must be later than the current one.", {"until": "not later"})
    if until > latest_extension(request):
        last = f"{latest_extension(request):%Y-%m-%d %H:%M} UTC"
        raise InvalidInputError(f"The deadline of this request cannot be later than {last}.", {"until": "too late"})
