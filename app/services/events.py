"""Publishing what open pages want to know: a row each, in the transaction of the change itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from app.store.record import Event


class EventKind(StrEnum):
    """Everything that can happen, as far as pages are concerned."""

    REQUEST_OPENED = "request.opened"
    REQUEST_CHANGED = "request.changed"
    REQUEST_RESOLVED = "request.resolved"
    REQUEST_RECEIPT = "request.receipt"
    REQUEST_COMMENT = "request.comment"
    RUN_CHANGED = "run.changed"
    RUN_ARTIFACT = "run.artifact"
    STEP_STARTED = "step.started"
    STEP_ENDED = "step.ended"
    STEP_FAILED = "step.failed"


@dataclass(frozen=True)
class EventView:
    """An event as it is emitted: ids and short labels, never payloads."""

    id: int
    at: datetime
    kind: EventKind
    run_id: str | None
    request_id: str | None
    payload: dict[str, Any]


def event_row(
    kind: EventKind, at: datetime, *, run_id: str | None = None, request_id: str | None = None, **payload: Any
) -> dict[str, Any]:
    """Values of one event, for `publish`."""
    return {"kind": kind.value, "at": at, "run_id": run_id, "request_id": request_id, "payload": payload}


def publish(session: Session, *rows: dict[str, Any]) -> None:
    """Write events; PostgreSQL notifies the web processes when the transaction commits."""
    if rows:
        session.execute(insert(Event), list(rows))


def _view(row: Event) -> EventView:
    return EventView(row.id, row.at, EventKind(row.kind), row.run_id, row.request_id, row.payload)


def by_ids(session: Session, ids: list[int]) -> list[EventView]:
    """The events that notifications named, in order."""
    rows = session.scalars(select(Event).where(Event.id.in_(ids)).order_by(Event.id))
    return [_view(row) for row in rows]


def settled_after(session: Session, after: int, limit: int = 1000) -> list[EventView]:
    """Events a client that saw everything up to `after` has missed, in order.

    Ids are given before commits, so an event with a lower id can appear after one with a higher id: a client asks
    again from `overlap` ids earlier and drops those it knows.
    """
    rows = session.scalars(select(Event).where(Event.id > after).order_by(Event.id).limit(limit))
    return [_view(row) for row in rows]


def latest_settled(session: Session) -> int:
    """The highest event id below which no transaction that was open just now can still add one.

    A page remembers it as the point up to which it has seen everything.
    """
    bound = session.scalar(
        text(
            "select coalesce(max(id), 0) from events "
            "where xmin::text::bigint < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint % (2::bigint ^ 32)::bigint)"
        )
    )
    return int(bound or 0)
