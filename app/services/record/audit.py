"""Writes the audit log. Every use case does so in the same transaction as the action itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.domain.people import Actor
from app.store.batch import Batch
from app.store.record import AuditEntry
from app.store.writes import acting_by


def record(
    into: Session | Batch,
    actor: Actor,
    action: str,
    at: datetime,
    *,
    request_id: str | None = None,
    run_id: str | None = None,
    **detail: Any,
) -> None:
    """Add an audit entry to a transaction or a batch.

    If someone else created the actor's sign-in link or token, the entry says who.

    Args:
        action: a dotted name from the catalog in `docs/architecture.md`, such as ``request.decided``.
        detail: further facts, JSON-ready and already masked.
    """
    values = {
        "at": at,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "via": actor.via.value,
        "source": actor.source,
        "action": action,
        "request_id": request_id,
        "run_id": run_id,
        "detail": detail | acting_by(actor),
    }
    if isinstance(into, Batch):
        into.add(AuditEntry, **values)
    else:
        into.execute(insert(AuditEntry).values(**values))
