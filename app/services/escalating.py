"""Asking for more attention: a higher rank, the next people, or more time."""

from __future__ import annotations

from app.domain.errors import ConflictError, IllegalTransitionError, InvalidInputError
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.ranking import MAX_PRIORITY, attention_at
from app.services import deciding
from app.services.audit import record
from app.services.events import EventKind, event_row, publish
from app.services.ground import Ground, refuse_unless_open
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel


class Escalating:
    """Raises requests, by hand."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def escalate(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Raise the priority by one and rank the request anew. Raises NotFoundError, ForbiddenError, ConflictError."""
        actor.require(Action.ESCALATE)
        words = deciding.clean_comment(reason)
        if not words:
            raise InvalidInputError("An escalation needs a reason.", {"reason": "empty"})
        now = self._ground.clock()
        request = self._ground.fresh(request_id)
        refuse_unless_open(request, now)
        if request.priority >= MAX_PRIORITY:
            raise IllegalTransitionError("This request has the highest priority already.", priority=request.priority)
        priority = request.priority + 1
        rank = attention_at(request.expires_at, RiskLevel(request.risk), priority)
        batch = deciding.move(request, RequestState.PENDING, now, priority=priority, attention_at=rank)
        record(
            batch, actor, "request.escalated", now, request_id=request_id, run_id=request.run_id,
            reason=words, priority=priority,
        )  # fmt: skip
        publish(
            batch,
            event_row(EventKind.REQUEST_CHANGED, now, run_id=request.run_id, request_id=request_id, state="pending"),
        )
        if batch.run(self._ground.sessions) is None:
            raise ConflictError("This request has just changed. Look again, please.")
        return self._ground.fresh(request_id)
