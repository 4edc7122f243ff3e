"""Events for open pages: written as rows in the transaction of the change itself, and read from there.

An event's id is assigned before its transaction commits, so a late event can have a lower id than one already seen, and
"everything after id n" would skip it. A reader's position is therefore a transaction number: an event that was not
visible at some moment was written by a transaction that was open then or had not begun, so its number is at least that
of the oldest one open then (`position`). Every event carries that number as `seq`. A reader who has seen it and calls
`missed_since(seq)` misses nothing, and may get some events twice, which their ids show. Positions also contain the
epoch of the server that numbers the transactions (`app.services.record.event_numbering`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, insert, literal_column, select, text, tuple_
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError
from app.domain.events import EventKind
from app.services.record.event_numbering import BASE, LAST_OLD, Here, here
from app.store.batch import Batch
from app.store.record import Event


@dataclass(frozen=True)
class EventView:
    """An event as it is emitted: ids and short labels, never proposals. `seq` is the position to catch up from."""

    id: int
    seq: int
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


def publish(into: Session | Batch, *rows: dict[str, Any]) -> None:
    """Write events with a transaction or a batch; PostgreSQL notifies the web processes when it commits."""
    if isinstance(into, Batch):
        for row in rows:
            into.add(Event, **row)
    elif rows:
        into.execute(insert(Event), list(rows))


_SEQ = literal_column(f"{BASE} + case when events.id <= {LAST_OLD} then 0 else events.seq end", BigInteger)
_TX = literal_column(f"case when events.id <= {LAST_OLD} then 0 else events.tx end", BigInteger)
_VIEWED = select(Event, _SEQ.label("position"))


def _view(event: Event, seq: int) -> EventView:
    return EventView(event.id, seq, event.at, EventKind(event.kind), event.run_id, event.request_id, event.payload)


def by_ids(session: Session, ids: Sequence[int]) -> list[EventView]:
    """The events with these ids, in the same order."""
    found = {row[0].id: row for row in session.execute(_VIEWED.where(Event.id.in_(ids)))}
    return [_view(*found[event_id]) for event_id in ids if event_id in found]


def position(session: Session) -> int:
    """The position up to which the events are complete. A page that reads it first and continues there misses nothing.

    `missed_since` with this number returns every event that is not visible yet.
    """
    return here(session).position


@dataclass(frozen=True)
class MissedEvents:
    """Events since a position, and whether these are all; continue from `position`."""

    events: list[EventView]
    complete: bool
    position: int


def missed_since(session: Session, seq: int, limit: int = 500) -> MissedEvents:
    """The events that a reader at position `seq` may not have seen, in the order written.

    A transaction that stays open keeps the position unchanged, so the same events come again. What came after a
    position of another server cannot be known: then there are no events, and they are not complete.
    """
    now = here(session)
    if not now.continues(seq):
        return MissedEvents([], False, now.position)
    new = text(f"events.id > {LAST_OLD}")
    query = _VIEWED.where(Event.tx >= now.number(seq), new).order_by(Event.id).limit(limit + 1)
    rows = session.execute(query).all()
    return MissedEvents([_view(row[0], row[1]) for row in rows[:limit]], len(rows) <= limit, now.position)


@dataclass(frozen=True)
class RunEvents:
    """A page of a run's events; `cursor` leads to the next page, and at the end to later events."""

    events: list[EventView]
    more: bool
    cursor: str


def of_run(session: Session, run_id: str, cursor: str = "", limit: int = 200) -> RunEvents:
    """The events of a run, oldest first. Following the cursor misses none, and may repeat some (see the module).

    A cursor from before the database was restored leads to the first page.

    Raises:
        InvalidInputError: the cursor is not valid.
    """
    now = here(session)
    after_tx, after_id, complete_to = _run_cursor(cursor)
    if not now.continues(after_tx):
        after_tx, after_id, complete_to = now.base, 0, 0
    if not complete_to:
        # The pages of one scan agree on where the next scan begins: where the events were complete at the first page.
        complete_to = now.position
    rows = session.execute(
        select(Event, _SEQ.label("position"), _TX.label("number"))
        .where(Event.run_id == run_id, tuple_(_TX, Event.id) > tuple_(now.number(after_tx), after_id))
        .order_by(_TX, Event.id)
        .limit(limit + 1)
    ).all()
    more, rows = len(rows) > limit, rows[:limit]
    last = f"{now.base + rows[-1].number}.{rows[-1][0].id}.{complete_to}" if more else ""
    return RunEvents([_view(row[0], row[1]) for row in rows], more, last or f"{complete_to - 1}.{_MAX_ID}.0")


_MAX_ID = 2**63 - 1


def _run_cursor(cursor: str) -> tuple[int, int, int]:
    parts = cursor.split(".") if cursor else ["0", "0", "0"]
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and int(part) <= _MAX_ID for part in parts):
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
    return int(parts[0]), int(parts[1]), int(parts[2])


def snapshot(session: Session) -> Here:
    """Which transactions are visible now, for `appeared_since`."""
    return here(session)


def appeared_since(session: Session, seen: Here) -> Iterator[EventView]:
    """Exactly the events that are visible now and were not in the snapshot `seen`, in the order written.

    The snapshot must be one of the same numbering (`Here.follows`).
    """
    rows = session.execute(
        _VIEWED.where(
            Event.tx >= seen.oldest,
            text(f"events.id > {LAST_OLD}"),
            text("not pg_visible_in_snapshot(tx::text::xid8, cast(:seen as pg_snapshot))"),
        )
        .order_by(Event.id)
        .execution_options(yield_per=500)
        .params(seen=seen.snapshot)
    )
    for row in rows:
        yield _view(*row)
