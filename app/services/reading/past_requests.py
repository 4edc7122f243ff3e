"""Earlier requests that are similar to a pending one, and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, literal, select
from sqlalchemy.orm import Session

from app.domain.lifecycle import RequestState
from app.store.requests import ApprovalRequest, ReceiptRow

MOST = 5
LOOKED_THROUGH = 2_000
"""How many of the latest decided requests are searched, whatever they are about; this bounds the cost of a page."""


@dataclass(frozen=True)
class PastRequest:
    """A request that was decided earlier.

    Attributes:
        receipt: what the run did with it, as `assent.contracts.ReceiptStatus`; empty while unknown.
        same: its proposal was exactly the same.
    """

    id: str
    title: str
    state: RequestState
    risk: str
    resolved_at: datetime
    receipt: str
    same: bool


def past_like(session: Session, request: ApprovalRequest) -> list[PastRequest]:
    """Decided requests of the same step of the same workflow: first the same proposal, then the same title, then the
    latest. Other revisions of this request are excluded."""
    row = ApprovalRequest
    latest = (
        select(row.id)
        .where(row.state != RequestState.PENDING.value)
        .order_by(row.resolved_at.desc(), row.id.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    same = row.proposed_digest == literal(request.proposed_digest)
    nearness = case((same, 0), (row.title == literal(request.title), 1), else_=2)
    found = session.execute(
        select(row.id, row.title, row.state, row.risk, row.resolved_at, ReceiptRow.status, same.label("same"))
        .join(latest, latest.c.id == row.id)
        .outerjoin(ReceiptRow, ReceiptRow.request_id == row.id)
        .where(
            row.workflow == request.workflow, row.node == request.node, row.kind == request.kind, row.id != request.id,
            row.id != (request.previous_id or ""), row.previous_id.is_distinct_from(request.id),
        )
        .order_by(nearness, row.resolved_at.desc(), row.id.desc())
        .limit(MOST)
    )  # fmt: skip
    return [
        PastRequest(row.id, row.title, RequestState(row.state), row.risk, row.resolved_at, row.status or "", row.same)
        for row in found
    ]
