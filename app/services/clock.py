"""The only source of time; tests pass another.

All processes of a portal follow the database's clock: deadlines, claims, links, and retries are written by one process
and read by another, whose machine may have a different time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

Clock = Callable[[], datetime]
"""Returns the current time in UTC."""

READ_SECONDS = 10.0
"""How often a long-lived process compares its clock with the database's."""
AGREES_SECONDS = 0.01
"""A difference this small is not corrected."""
FOLLOWED_LOG_SECONDS = 1.0
"""A correction this large is logged."""

_NOW = text("select clock_timestamp()")
log = structlog.get_logger("clock")


def system_clock() -> datetime:
    """This machine's time; for values that others compare with their own clocks, such as signatures."""
    return datetime.now(UTC)


class _Reading(NamedTuple):
    """The time of the database's clock when `_steady` returned `at`, within `within` seconds."""

    time: datetime
    at: float
    within: float


class DatabaseClock:
    """The database's time, without a query for every call.

    It reads the database's clock now and then, and follows a monotonic clock in between. Before the first reading it
    returns this machine's time.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: _Reading | None = None

    def __call__(self) -> datetime:
        reading = self._read
        if reading is None:
            return system_clock()
        return self._at(reading, _steady())

    def read(self) -> None:
        """Compare with the database's clock, and follow it if the difference exceeds the accuracy of the reading.

        Raises:
            SQLAlchemyError: the database cannot be reached.
        """
        with self._engine.connect() as connection:
            asked = _steady()
            database_now: datetime = connection.execute(_NOW).scalar_one()
            answered = _steady()
        new = _Reading(database_now.astimezone(UTC), (asked + answered) / 2, (answered - asked) / 2)
        expected = system_clock() if self._read is None else self._at(self._read, answered)
        ahead = (expected - self._at(new, answered)).total_seconds()
        # A slow answer is inaccurate; as long as it agrees within its accuracy, the time does not jump.
        if self._read is None or abs(ahead) > new.within + AGREES_SECONDS:
            self._read = new
        if abs(ahead) > new.within + FOLLOWED_LOG_SECONDS:
            log.warning("clock.differs", ahead_seconds=round(ahead, 3))

    @staticmethod
    def _at(reading: _Reading, moment: float) -> datetime:
        return reading.time + timedelta(seconds=moment - reading.at)

    @contextmanager
    def followed(self) -> Iterator[Self]:
        """Itself. It reads the database's clock now, and every `READ_SECONDS` in a thread until the block ends."""
        self.try_to_read()
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(ended,), name="clock", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            ended.set()

    def _follow(self, ended: threading.Event) -> None:
        while not ended.wait(READ_SECONDS):
            self.try_to_read()

    def try_to_read(self) -> None:
        """Like `read`; while the database cannot be reached, the clock continues by itself."""
        try:
            self.read()
        except SQLAlchemyError:
            log.info("clock.not_read", exc_info=True)


def _steady() -> float:
    """Seconds of a monotonic clock, if available one that runs on while the machine sleeps."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
