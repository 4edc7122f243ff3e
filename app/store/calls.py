"""What is remembered of calls of the API: answers under a key, and how many a token has made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class IdempotencyKey(Base):
    """A call under a key of its caller's, and once it is done its answer.

    Attributes:
        caller: who chose the key; other callers' equal keys are others.
        fingerprint: SHA-256 of what was called with what.
        status: of the answer; None: the call is being worked on.
        location, etag: of the answer's headers; empty: it has none.
    """

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str]
    begun_at: Mapped[datetime]
    status: Mapped[int | None]
    media_type: Mapped[str]
    body: Mapped[str]
    location: Mapped[str]
    etag: Mapped[str]

    __table_args__ = (Index("ix_idempotency_keys_begun", "begun_at"),)


class RateWindow(Base):
    """How many calls a token's processes have taken for themselves in the current window.

    The table is not logged: after a crash of the server counting begins anew.
    """

    __tablename__ = "rate_windows"

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    began_at: Mapped[datetime]
    taken: Mapped[int]

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
