"""The audit record (append only) and the live events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class AuditEntry(Base):
    """One line of the record. The database refuses UPDATE, DELETE and TRUNCATE (see the first migration)."""

    __tablename__ = "audit_entries"

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    via: Mapped[str]
    source: Mapped[str]
    action: Mapped[str]
    request_id: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any]]

    __table_args__ = (
        Index("ix_audit_entries_request", "request_id", "seq"),
        Index("ix_audit_entries_run", "run_id", "seq"),
        Index("ix_audit_entries_actor", "actor_id", "seq"),
        # Also finds what an action begins with, in any collation.
        Index("ix_audit_entries_action", "action", "seq", postgresql_ops={"action": "text_pattern_ops"}),
        Index("ix_audit_entries_at", "at", "seq"),
    )


class AuditBlock(Base):
    """Neighboring entries of the audit log and all keys of their texts (`app.store.search`), by which they are found.

    Blocks are made some time after their entries; entries behind the last block are looked through instead.

    Attributes:
        first_seq, last_seq: the entries of the block. Numbers that no entry has got will not get one any more.
        keys: of the details; with `ACTOR_KEY` added, of the names and ids of who acted.
    """

    __tablename__ = "audit_blocks"

    first_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    keys: Mapped[list[int]] = mapped_column(ARRAY(Integer))

    __table_args__ = (
        Index("ix_audit_blocks_keys", "keys", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    )


class Event(Base):
    """Something open pages want to know. Inserting notifies ``assent_events`` with the ids, comma separated.

    Ids are given before commits, so their order is not the order in which events appear. The two transaction numbers
    make catching up exact (`app.services.record.events`).

    Attributes:
        tx: number of the transaction that wrote it.
        seq: number of the oldest transaction that was open then. Whatever appears later than this event was written
            by a transaction with this number or a higher one.
    """

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tx: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text::bigint)"))
    seq: Mapped[int] = mapped_column(
        BigInteger, server_default=text("(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)")
    )
    at: Mapped[datetime]
    kind: Mapped[str]
    run_id: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[dict[str, Any]]

    __table_args__ = (
        Index("ix_events_run", "run_id", "id"),
        Index("ix_events_request", "request_id", "id"),
        Index("ix_events_tx", "tx", "id"),
    )
