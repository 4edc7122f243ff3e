"""Which server numbers the transactions of events.

A position among events is a transaction number (`app.services.record.events`), and each server counts its transactions
by itself. After a dump and restore, events have numbers of the old server: higher ones than the new server has reached
would count as not yet seen for ever, and positions that pages and programs remember would skip what is new. So a row
names the server. When another one continues with the same events, all events up to that moment count as seen by
everybody, and a new epoch begins, which is part of each position: positions of an earlier epoch are recognized.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app.store.engine import Sessions
from app.store.record import Event, EventNumbering

EPOCH_BITS = 47
"""A position is the epoch, shifted by this, and a transaction number. Positions stay below 2**53, for JavaScript."""
_EPOCHS = 64
BASE = f"(select mod(epoch, {_EPOCHS})::bigint << {EPOCH_BITS} from event_numbering)"
"""SQL: what is added to a transaction number of the current epoch."""
LAST_OLD = "(select last_old_id from event_numbering)"
"""SQL: events up to this ID have numbers of earlier servers, and count as number 0."""
_HERE = text(
    f"select {BASE} as base, pg_snapshot_xmin(s)::text::bigint as xmin, pg_snapshot_xmax(s)::text::bigint as xmax, "
    "s::text as snapshot from pg_current_snapshot() s"
)

log = structlog.get_logger("events")


@dataclass(frozen=True)
class Here:
    """Where the numbering is now.

    Attributes:
        base: What the epoch adds to each number.
        oldest: Number of the oldest transaction that is open.
        following: Number that the next transaction gets.
        snapshot: Which transactions are visible.
    """

    base: int
    oldest: int
    following: int
    snapshot: str

    @property
    def position(self) -> int:
        """The position up to which events are complete."""
        return self.base + self.oldest

    def continues(self, position: int) -> bool:
        """Whether a position is one of this numbering, and not of another server, or of a future that was undone."""
        return position >> EPOCH_BITS == self.base >> EPOCH_BITS and position - self.base <= self.following

    def number(self, position: int) -> int:
        """The transaction number of a position of this numbering."""
        return position - self.base

    def follows(self, earlier: Here) -> bool:
        """Whether this is a later moment of the same numbering."""
        return self.base == earlier.base and earlier.following <= self.following


def here(session: Session) -> Here:
    """Where the numbering is now."""
    row = session.execute(_HERE).one()
    return Here(row.base, row.xmin, row.xmax, row.snapshot)


def settle(sessions: Sessions) -> bool:
    """Begin a new epoch if another server than the last one has the database. Returns True if it did."""
    with sessions.begin() as session:
        server = _server(session)
        if session.scalar(select(EventNumbering.server)) == server:
            return False
        # Transactions that are writing events end first: their numbers are this server's, and their IDs are old.
        session.execute(text("lock table events in exclusive mode"))
        row = session.scalars(select(EventNumbering).with_for_update()).one()
        if row.server == server:
            return False
        restored = bool(row.server) or _has_foreign_numbers(session)
        row.server = server
        if restored:
            row.epoch += 1
            row.last_old_id = session.scalar(select(func.max(Event.id))) or 0
            log.info("another server has the database now; earlier events count as seen", epoch=row.epoch)
        return restored


def settle_if_writable(sessions: Sessions) -> None:
    """Do that, unless the database cannot be written now: then the next start or connection does it."""
    try:
        settle(sessions)
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error, OperationalError):
            raise
        log.warning("which server has the database could not be noted", error=str(error.orig).splitlines()[0])


def _server(session: Session) -> str:
    """Return what identifies the server and the database, as far as the account may know it."""
    known = session.scalar(text("select has_function_privilege('pg_control_system()', 'execute')"))
    system = session.scalar(text("select system_identifier from pg_control_system()")) if known else ""
    return f"{system}/{session.scalar(text('select oid from pg_database where datname = current_database()'))}"


def _has_foreign_numbers(session: Session) -> bool:
    query = "select exists (select from events where tx >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"
    return bool(session.scalar(text(query)))
