"""Waits for other writers of an SQLite file, of which there can be only one at a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_POLL_S = 0.05

T = TypeVar("T")


class BusyError(Exception):
    """Another process kept writing for as long as we were willing to wait; nothing was changed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"another process has been writing to the database for {seconds:g} s")


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether an error means that another process is in the way. The low byte is the kind of an error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def when_free(connection: sqlite3.Connection, work: Callable[[], T], wait_s: float) -> T:
    """Run `work` in a transaction of its own, as often as necessary until no other process is in the way.

    SQLite waits by itself where that can help. Where it would wait for ever, such as for a reader that waits for us, it
    gives up at once; then the transaction is undone, which lets the other one go on, and begun again.

    Raises:
        BusyError: that took longer than `wait_s` seconds.
    """
    deadline = time.monotonic() + wait_s
    while True:
        left_ms = max(0, int((deadline - time.monotonic()) * 1000))
        connection.execute(f"PRAGMA busy_timeout = {left_ms}")
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work()
            connection.execute("COMMIT")
            return result
        except sqlite3.Error as error:
            if not is_busy(error):
                raise
            if time.monotonic() >= deadline:
                raise BusyError(wait_s) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        time.sleep(_POLL_S)
