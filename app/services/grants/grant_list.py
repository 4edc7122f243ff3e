"""The list of standing grants as a file."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, case, select

from app.domain.grants import GrantState
from app.services.record.exports import ListExport
from app.store.policies import Grant

LIVING = (GrantState.PROPOSED.value, GrantState.ACTIVE.value)


def grant_list(now: datetime) -> ListExport:
    """All grants, newest first."""
    row = Grant
    lapsed = and_(row.state.in_(LIVING), row.expires_at <= now)
    query = select(
        row.id, row.title, case((lapsed, GrantState.EXPIRED.value), else_=row.state).label("state"), row.workflow,
        row.node, row.kind, row.environment, row.max_risk, row.pattern, row.uses, row.max_uses, row.expires_at,
        row.reason, row.proposed_by_name, row.proposed_at, row.approved_by_name, row.approved_at, row.ended_by_name,
        row.ended_at, row.end_reason,
    )  # fmt: skip
    return ListExport("standing grants", query, (row.proposed_at, row.id))
