"""Writing the record. Every use case does it together with the act itself."""

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
    """Add one line to the record, as part of a transaction or of a batch.

    Where the actor is signed in with a link, or speaks with a token, that somebody else made, the line says whose.

    Args:
        action: a dotted name from the catalogue in `docs/architecture.md`, such as ``request.decided``.
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
