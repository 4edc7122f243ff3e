"""What a run receives when its request is resolved, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.domain.policy.calendars import opening_under
from app.domain.policy.fold import Resolution
from app.domain.policy.terms import Terms
from app.store.requests import ApprovalRequest
from assent.contracts import NextAction, Outcome, Remark, Verdict


def outcome_body(
    request: ApprovalRequest,
    resolution: Resolution,
    payload: Any,
    digest: str,
    answer: Any,
    remarks: list[Remark],
    now: datetime,
) -> dict[str, Any]:
    """The outcome as the run receives it, with everyone's comments."""
    outcome = Outcome(
        request_id=request.id,
        verdict=resolution.verdict,
        payload=payload,
        digest=digest,
        proposed_digest=request.proposed_digest,
        answer=answer,
        remarks=remarks,
        decided_at=now,
        next_action=resolution.next_action,
    )
    return outcome.model_dump(mode="json")


def hold_until(resolution: Resolution, terms: Terms, now: datetime) -> datetime | None:
    """When the run may receive an approval, if its change window is not open now."""
    return not_before(resolution.verdict, resolution.next_action, terms, now)


def not_before(verdict: str, next_action: str, terms: Terms, now: datetime) -> datetime | None:
    """When an outcome may be carried out, if its change window is not open now."""
    approved = verdict in (Verdict.APPROVE, Verdict.MODIFY) and next_action == NextAction.CONTINUE
    return opening_under(terms, now) if approved else None
