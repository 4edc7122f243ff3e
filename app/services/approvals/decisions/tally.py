"""The columns of a request that hold its progress."""

from __future__ import annotations

from typing import Any

from app.domain.policy.access import addressed
from app.domain.policy.fold import Progress
from app.domain.policy.terms import Terms
from app.store.requests import ApprovalRequest


def progress_columns(seen: ApprovalRequest, terms: Terms, after: Progress) -> dict[str, Any]:
    """The progress of the request; quorum, stage, and required approvers only where they change."""
    values: dict[str, Any] = {"approvals": after.approvals}
    if after.quorum != seen.quorum:
        values["quorum"] = after.quorum
    stage = min(after.current, len(terms.stages) - 1)
    # Approvers added by an escalation replace those of the late stage only.
    added = seen.escalated_to if stage == seen.stage else []
    asked = list(addressed(terms.stages[stage], added))
    if stage != seen.stage:
        values["stage"] = stage
    if added != seen.escalated_to:
        values["escalated_to"] = added
    if stage != seen.stage or asked != seen.addressed_to:
        values["addressed_to"] = asked
    return values
