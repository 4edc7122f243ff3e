"""Grace: for how long the decision that settles a request can be taken back before it takes effect.

Meanwhile the request stays pending, with `resolves_at`. What settles it is not stored: when the time has come, the
decisions that stand are counted again, so taking one back is an ordinary withdrawal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import IllegalTransitionError
from app.domain.lifecycle import RequestState
from app.domain.policy.fold import Resolution, fold
from app.domain.policy.terms import Terms
from app.services.requests.assessment import due_values
from app.services.requests.votes import decisions_on, vote
from app.store.requests import ApprovalRequest, Decision

_REFUSALS = (RequestState.REJECTED, RequestState.CHANGES_REQUESTED)


def standing_resolution(request: ApprovalRequest, terms: Terms, standing: Sequence[Decision]) -> Resolution | None:
    """How the request would settle by the decisions that stand on it, oldest first; None: it would not."""
    votes = [vote(decision) for decision in standing]
    changed = request.digest != request.proposed_digest
    return fold(votes, request.digest, terms, changed, request.edited_by)


def is_refused(session: Session, request: ApprovalRequest) -> bool:
    """True if people have rejected the request or requested changes, and this only waits to take effect."""
    if request.resolves_at is None:
        return False
    standing = decisions_on(session, request.id)
    resolution = standing_resolution(request, Terms.from_json(request.terms), standing)
    return resolution is not None and resolution.state in _REFUSALS


def require_no_refusal(session: Session, request: ApprovalRequest) -> None:
    """Raise IllegalTransitionError if `is_refused`: a request that is canceled would not be remembered as rejected."""
    if is_refused(session, request):
        raise IllegalTransitionError(
            "People have rejected this request or requested changes, which takes effect soon. Until then, only they "
            "can undo it; it cannot be canceled.",
            request_id=request.id,
        )


def takes_effect_at(
    request: ApprovalRequest,
    earlier: Sequence[Decision],
    resolution: Resolution,
    digest: str,
    terms: Terms,
    grace: timedelta,
    now: datetime,
) -> datetime | None:
    """When a decision that settles the request takes effect; None: at once.

    Args:
        earlier: the decisions that stood before it. If they settled the request in the same way, its time remains.
        digest: of the payload that the decision is about.
        terms: what the request requires from now on.
        grace: as the portal sets it.
    """
    if terms.grace_seconds is not None:
        grace = timedelta(seconds=terms.grace_seconds)
    if not grace:
        return None
    if request.resolves_at is not None and digest == request.digest:
        before = standing_resolution(request, Terms.from_json(request.terms), earlier)
        if before is not None and before.state is resolution.state:
            return request.resolves_at
    return now + grace


def without_grace(request: ApprovalRequest, remaining: Sequence[Decision], columns: dict[str, Any]) -> dict[str, Any]:
    """The columns that change if the decisions that remain no longer settle the request; else none.

    Args:
        columns: what else changes about the request.
    """
    if request.resolves_at is None:
        return {}
    terms = Terms.from_json(request.terms)
    if standing_resolution(request, terms, remaining) is not None:
        return {}
    ended: dict[str, Any] = {"resolves_at": None}
    return ended | due_values(request, **columns, **ended)
