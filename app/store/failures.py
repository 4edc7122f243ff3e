"""Which errors of the database are about the server and not the statement, so that trying again later may help."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

READ_ONLY, DISK_FULL, MISSING_RIGHT = "25006", "53100", "42501"
_WORDS = {
    READ_ONLY: "The database is read-only at the moment. Nothing can be changed until it is writable again.",
    DISK_FULL: "The database's disk is full. Nothing can be changed until there is room again.",
}
WRITES_FAIL = frozenset(_WORDS)
"""Reading works, but nothing can be written."""
_REMEMBERED_SECONDS = 30.0
_UNAVAILABLE = "The database is temporarily unavailable."


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE of a driver's error, or of the one that it wraps; empty if there is none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return (original.sqlstate or "") if isinstance(original, psycopg.Error) else ""


def unavailability(error: BaseException) -> str:
    """Return a sentence for people if the server is to blame; empty if it is not."""
    if words := _WORDS.get(state := state_of(error)):
        write_failures.note(state)
        return words
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, OperationalError | PoolTimeoutError | psycopg.OperationalError):
        return _UNAVAILABLE
    return ""


class WriteFailures:
    """The last failed attempt of this process to write. Checks know it although their own small one succeeds."""

    def __init__(self) -> None:
        self._last = ("", float("-inf"))

    def note(self, state: str) -> None:
        """Note an error of `WRITES_FAIL`."""
        self._last = (state, time.monotonic())

    @property
    def lately(self) -> str:
        """The SQLSTATE of one in the last half minute; empty if there was none."""
        state, at = self._last
        return state if time.monotonic() - at < _REMEMBERED_SECONDS else ""


write_failures = WriteFailures()


@contextmanager
def unless_writes_fail() -> Iterator[None]:
    """Write what is not worth an error: where nothing can be written, pages can still be read.

    For a single statement in a session that commits each statement by itself.
    """
    try:
        yield
    except DBAPIError as error:
        if (state := state_of(error)) not in WRITES_FAIL:
            raise
        write_failures.note(state)
