"""API calls: responses under an idempotency key, and counts per token."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class IdempotencyKey(Base):
    """An API call with a key that its caller chose, and its response once it is complete.

    Attributes:
        caller: Who chose the key. Equal keys of different callers are independent.
        fingerprint: SHA-256 of the endpoint and the arguments.
        holder: Key of the advisory lock that shows that the process is alive; None if it holds none.
        status: Status of the response; None while the call is in progress.
        location, etag: Headers of the response; empty if it has none.
    """

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str]
    begun_at: Mapped[datetime]
    holder: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[int | None]
    media_type: Mapped[str]
    body: Mapped[str]
    location: Mapped[str]
    etag: Mapped[str]

    __table_args__ = (Index("ix_idempotency_keys_begun", "begun_at"),)


class RateWindow(Base):
    """How many of a token's calls processes have reserved in the current window.

    The table is unlogged: after a crash of the server, counting starts again from zero.
    """

    __tablename__ = "rate_windows"

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    began_at: Mapped[datetime]
    taken: Mapped[int]

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
