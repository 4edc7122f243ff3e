"""The audit log, which is append-only, and live events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class AuditEntry(Base):
    """One audit entry. The database rejects UPDATE, DELETE, and TRUNCATE (see the first migration)."""

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
        # Also finds prefixes of actions, in any collation.
        Index("ix_audit_entries_action", "action", "seq", postgresql_ops={"action": "text_pattern_ops"}),
        Index("ix_audit_entries_at", "at", "seq"),
    )


class AuditBlock(Base):
    """Consecutive audit entries with all search keys of their texts (`app.store.search`).

    Blocks are created some time after their entries; entries after the last block are scanned instead.

    Attributes:
        first_seq, last_seq: The block's range of entries. Numbers that no entry has will never get one.
        keys: Keys of the details; with `ACTOR_KEY` added, of the names and IDs of actors; and with `TITLE_KEY` added,
            of the titles of the requests and runs.
    """

    __tablename__ = "audit_blocks"

    first_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    keys: Mapped[list[int]] = mapped_column(ARRAY(Integer))

    __table_args__ = (
        Index("ix_audit_blocks_keys", "keys", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    )


class Event(Base):
    """A change that open pages show. An insert notifies the channel ``assent_events`` with the IDs, comma-separated.

    IDs are assigned before the commit, so their order is not the order in which events become visible. The two
    transaction numbers make catching up exact (`app.services.record.events`).

    Attributes:
        tx: Number of the transaction that wrote the event.
        seq: Number of the oldest transaction that was open then. Everything that becomes visible after this event was
            written by a transaction with this number or a higher one.
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


class EventNumbering(Base):
    """The one row that says which server numbers the transactions of events (`app.services.record.event_numbering`).

    Attributes:
        server: The server and database; empty before the first start.
        epoch: Grows whenever another server continues with the same events, as after a dump and restore.
        last_old_id: Events up to this ID have the numbers of earlier servers.
    """

    __tablename__ = "event_numbering"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    server: Mapped[str] = mapped_column(Text)
    epoch: Mapped[int] = mapped_column(Integer)
    last_old_id: Mapped[int] = mapped_column(BigInteger)
