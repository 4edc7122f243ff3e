"""Whether the database is marked as a demo (docs/decisions/0057-the-demo-in-the-past.md)."""

from __future__ import annotations

import time

from sqlalchemy import exists, func, insert, select
from sqlalchemy.exc import DBAPIError

from app.domain.errors import ConflictError
from app.store.demo import NOT_EMPTY, DemoMark
from app.store.engine import Sessions

LOOK_SECONDS = 5.0
"""How often a process looks again whether a database without a mark has got one."""


class DemoMarks:
    """Reads and sets the mark. A mark is never removed, so it is read only once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._marked = False
        self._looked_at = -LOOK_SECONDS

    def is_marked(self) -> bool:
        """True if the database is marked. What was found is kept for a few seconds, and a mark for good."""
        now = time.monotonic()
        if not self._marked and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            with self._sessions.reads() as session:
                self._marked = bool(session.scalar(select(exists().select_from(DemoMark))))
        return self._marked

    @property
    def known(self) -> bool:
        """True if the database was found to be marked, without looking again."""
        return self._marked

    def mark(self) -> None:
        """Mark the database for good. Raises ConflictError unless it is empty and not marked."""
        try:
            with self._sessions.begin() as session:
                # The time of the transaction, not that of a clock: the demo's past begins before the mark.
                session.execute(insert(DemoMark).values(marked_at=func.now()))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in (NOT_EMPTY, "23505"):
                raise
            raise ConflictError("Only an empty database can be marked as a demo.") from None
        self._marked = True
