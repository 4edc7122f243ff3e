"""Names of workflows that requests have, for filters."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import func

from app.store.requests import ApprovalRequest

MOST = 100


def workflow_names(session: Session, condition: ColumnElement[bool]) -> list[str]:
    """The first names, found by skipping through the index of the requests with that condition instead of a scan."""
    least = select(func.min(ApprovalRequest.workflow).label("name")).where(condition)
    names = least.cte("names", recursive=True)
    following = least.where(ApprovalRequest.workflow > names.c.name).scalar_subquery()
    names = names.union_all(select(following).where(names.c.name.is_not(None)))
    return list(session.scalars(select(names.c.name).where(names.c.name.is_not(None)).limit(MOST)))
