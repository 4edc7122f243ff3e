"""Manual escalation: the next people of the chain, and a higher priority."""

from __future__ import annotations

from typing import Any

from app.domain.errors import IllegalTransitionError, InvalidInputError
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.access import PERSON, TEAM, addressed
from app.domain.policy.terms import EscalationStep, Terms
from app.domain.ranking import MAX_PRIORITY, attention_at
from app.services.approvals.ground import Ground, get, refuse_unless_open
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.comments import clean_comment
from app.services.requests.concern import require_handling
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Urgency


class Escalations:
    """Escalates requests when people ask for it."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def escalate(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Take the next step of the request's escalation chain now; with none left, raise its priority by one.

        Raises:
            NotFoundError, ForbiddenError, NotAskedError: no such request, or the actor may not escalate it.
            InvalidInputError: the reason is missing.
            AlreadyDecidedError, ExpiredError, ConflictError: the request has changed state.
            IllegalTransitionError: the chain has no further step, and the priority is the highest.
        """
        actor.require(Action.ESCALATE)
        words = clean_comment(reason)
        if not words:
            raise InvalidInputError("An escalation needs a reason.", {"reason": "missing"})
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request = get(session, request_id)
            require_handling(session, request, actor, Action.ESCALATE, now)
        refuse_unless_open(request, now)
        terms = Terms.from_json(request.terms)
        step = next_step(request, terms)
        if step is None and request.priority >= MAX_PRIORITY:
            raise IllegalTransitionError("This request already has the highest priority.", priority=request.priority)
        columns = raised(request, terms, step)
        batch = moves.move(request, RequestState.PENDING, now, **columns, **due_values(request, **columns))
        record(
            batch, actor, "request.escalated", now, request_id=request_id, run_id=request.run_id, reason=words,
            **escalation_detail(request, columns),
        )  # fmt: skip
        publish(batch, moves.changed(request, now, RequestChange.ESCALATED))
        if request.snoozed_until is not None:
            moves.note_return(batch, request, now)
        return self._ground.written(batch)


def next_step(request: ApprovalRequest, terms: Terms) -> EscalationStep | None:
    """The first step of the chain that has not been taken."""
    return terms.escalation[request.escalation] if request.escalation < len(terms.escalation) else None


def raised(request: ApprovalRequest, terms: Terms, step: EscalationStep | None, **changed: Any) -> dict[str, Any]:
    """The columns that a step of the chain changes, plus `changed`. With None: the priority (by one) and the rank."""
    priority = min(request.priority + (step.priority if step else 1), MAX_PRIORITY)
    expires_at = changed.get("expires_at", request.expires_at)
    rank = attention_at(expires_at, RiskLevel(request.risk), priority, Urgency(request.urgency))
    columns = changed | {"priority": priority, "attention_at": rank, "snoozed_until": None}
    if step is None:
        return columns
    new = [f"{TEAM}{team}" for team in step.teams] + [f"{PERSON}{person.lower()}" for person in step.people]
    escalated_to = list(dict.fromkeys((*request.escalated_to, *new)))
    stage = terms.stages[min(request.stage, len(terms.stages) - 1)]
    return columns | {
        "escalation": request.escalation + 1,
        "escalated_to": escalated_to,
        "addressed_to": list(addressed(stage, escalated_to)),
    }


def escalation_detail(request: ApprovalRequest, columns: dict[str, Any]) -> dict[str, Any]:
    """An escalation's details in the audit log: required approvers and priority, before and after."""
    return {
        "from": list(request.addressed_to),
        "to": columns.get("addressed_to", list(request.addressed_to)),
        "priority": columns["priority"],
        "step": columns.get("escalation"),
    }
