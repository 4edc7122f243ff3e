"""Requests that people have snoozed for themselves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class Snooze(Base):
    """A request that one person does not want to see for a while. It says nothing about others.

    Attributes:
        wakes: What ends it before its time (`app.domain.snoozing.WakesOn`).
        digest, approvals, expires_at, priority: The request's when it was snoozed, to see that it has changed.
        at: When it was snoozed, to see that there is a later comment.
    """

    __tablename__ = "snoozes"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    until: Mapped[datetime]
    wakes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    digest: Mapped[str]
    approvals: Mapped[int]
    expires_at: Mapped[datetime]
    priority: Mapped[int]
    at: Mapped[datetime]
