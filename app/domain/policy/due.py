"""What is due next on a request, and when. Pure; the result is stored as `due_at` of the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.policy.terms import Terms


class DueStep(StrEnum):
    """What happens to a request at a certain time. Of steps due at the same instant, the first listed is done first."""

    RELEASE = "release"
    RESOLVE = "resolve"
    ANSWER = "answer"
    UNSNOOZE = "unsnooze"
    UNCLAIM = "unclaim"
    WARN = "warn"
    ESCALATE = "escalate"
    EXPIRE = "expire"


@dataclass(frozen=True)
class DueInputs:
    """The parts of a request on which its due steps depend.

    Attributes:
        held_until: until when an approved request waits for its change window.
        resolves_at: when the decision that settles the request takes effect.
        answered_at_once: an earlier rejection or a standing grant will answer it.
        escalation: how many steps of the chain are done.
    """

    pending: bool
    opened_at: datetime
    expires_at: datetime
    terms: Terms
    escalation: int = 0
    warned: bool = False
    claimed_until: datetime | None = None
    answered_at_once: bool = False
    held_until: datetime | None = None
    resolves_at: datetime | None = None

    snoozed_until: datetime | None = None


@dataclass(frozen=True)
class Due:
    """A step, and when it is due."""

    at: datetime
    step: DueStep


def next_due(due_inputs: DueInputs) -> Due | None:
    """The next step, or None if nothing more is due on this request."""
    steps = due_steps(due_inputs)
    order = list(DueStep)
    return min(steps, key=lambda due: (due.at, order.index(due.step))) if steps else None


def due_steps(due_inputs: DueInputs) -> list[Due]:
    """Every kind of step that is ahead or overdue, each with its next instant, in no particular order."""
    if not due_inputs.pending:
        return [Due(due_inputs.held_until, DueStep.RELEASE)] if due_inputs.held_until else []
    if due_inputs.resolves_at is not None:
        # It is decided: a deadline meanwhile undoes nothing, and nobody need be warned or added.
        return [Due(due_inputs.resolves_at, DueStep.RESOLVE)]
    terms = due_inputs.terms
    steps = [Due(due_inputs.expires_at, DueStep.EXPIRE)]
    if due_inputs.answered_at_once:
        steps.append(Due(due_inputs.opened_at, DueStep.ANSWER))
    if due_inputs.snoozed_until is not None:
        steps.append(Due(due_inputs.snoozed_until, DueStep.UNSNOOZE))
    if due_inputs.claimed_until is not None:
        steps.append(Due(due_inputs.claimed_until, DueStep.UNCLAIM))
    if terms.warn_seconds and not due_inputs.warned:
        steps.append(Due(due_inputs.expires_at - timedelta(seconds=terms.warn_seconds), DueStep.WARN))
    if due_inputs.escalation < len(terms.escalation):
        at = due_inputs.opened_at + timedelta(seconds=terms.escalation[due_inputs.escalation].after_seconds)
        # From the deadline on, only expiry takes steps of the chain: approvers added then would have no time to decide.
        if at < due_inputs.expires_at:
            steps.append(Due(at, DueStep.ESCALATE))
    return steps
