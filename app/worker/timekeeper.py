"""Does what is due on requests, when it is due.

Of all workers one at a time keeps the time: the one that holds a session advisory lock, which another takes over when
that one dies. The lock only saves work. That each step happens once follows from the guard of its write, so a second
timekeeper does no harm; and where the first one has come to a halt without dying, the others help.

It runs in threads and on connections of its own: whatever the runs of this worker do, they take neither from it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError

from app.services.approvals.manager import CheckpointManager
from app.services.clock import Clock

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""How long it sleeps at most: a deadline may have been set meanwhile, or the clock, or the leader may have died."""
GATHER_SECONDS = 0.05
"""Pause after a round: what falls due meanwhile is written together."""
CHUNK = 50
"""Requests whose steps are written in one statement."""
THREADS = 2
STUCK_SECONDS = 5.0
"""How long the leading worker may do nothing about what is overdue before this one helps."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 30.0
"""For a request whose step fails; the pause doubles each time."""
CONNECTION: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4000,
    # Who holds a run's row for longer than that is given a pause, and does not keep the others.
    "options": "-c lock_timeout=2000",
}
"""How its connections are made: a server that is gone without a word is noticed."""
_LOCK = (0x0A55E8, 0)

ABSENCES_EVERY = timedelta(seconds=1)
ABSENCES_BEFORE = timedelta(hours=1)
"""A new leader also looks at the absences that ended so long ago: nobody may have led then."""


class Timekeeper:
    """Keeps the time while entered.

    Args:
        checkpoints: on an engine with at least `THREADS` + 1 connections of its own.
        clock: says what is due.
        database_url: for the lock; a pooler in transaction mode would lose it.
    """

    def __init__(self, checkpoints: CheckpointManager, clock: Clock, database_url: str) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._url = database_url
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._busy: set[str] = set()
        self._chunks = 0
        self._pauses: dict[str, tuple[int, float]] = {}
        self._stuck: tuple[datetime | None, float] = (None, 0.0)
        self._helps = False
        self._absences_until: datetime | None = None
        self._thread = threading.Thread(target=self._keep, name="timekeeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(10)

    def _keep(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="timekeeper") as threads:
            while not self._stopping.is_set():
                try:
                    with psycopg.connect(
                        self._url, autocommit=True, application_name="assent worker timekeeper", **CONNECTION
                    ) as connection:
                        self._follow(connection, threads)
                except Exception:
                    # The next round tries again; what is due stays due.
                    log.warning("timekeeper.failed", exc_info=True)
                    self._sleep(LOOK_SECONDS)

    def _follow(self, connection: psycopg.Connection, threads: ThreadPoolExecutor) -> None:
        """Keep the time while this worker leads, and otherwise wait for that."""
        leads, asked = False, 0.0
        while not self._stopping.is_set():
            if not leads:
                row = connection.execute("select pg_try_advisory_lock(%s, %s)", _LOCK).fetchone()
                leads = bool(row and row[0])
                if leads:
                    log.info("timekeeper.leads")
            elif time.monotonic() - asked > LOOK_SECONDS:
                # Who has lost the connection has lost the lock.
                connection.execute("select 1")
                asked = time.monotonic()
            if leads:
                self._end_absences()
            if leads or self._must_help():
                self._round(threads)
            else:
                self._sleep(LOOK_SECONDS)

    def _end_absences(self) -> None:
        """Once a second, settle what delegates did whose absence has ended; a new leader, of the last hour."""
        now = self._clock()
        since = self._absences_until or now - ABSENCES_BEFORE
        if now - since >= ABSENCES_EVERY:
            try:
                self._checkpoints.settle_absences(since, now)
            except Exception:
                # Until the next try the approvals are looked at again by whoever decides next.
                log.warning("timekeeper.absences_failed", exc_info=True)
            else:
                self._absences_until = now

    def _round(self, threads: ThreadPoolExecutor) -> None:
        """Have done what is due; sleep if that is nothing."""
        with self._changed:
            while self._chunks >= THREADS and not self._stopping.is_set():
                self._changed.wait(LOOK_SECONDS)
            free = THREADS - self._chunks
        besides = self._besides()
        ids = self._checkpoints.due(free * CHUNK, besides)
        if not ids:
            self._sleep(self._seconds_left(besides))
            return
        for start in range(0, len(ids), CHUNK):
            self._begin(threads, ids[start : start + CHUNK])
        if len(ids) < free * CHUNK:
            self._stopping.wait(GATHER_SECONDS)

    def _begin(self, threads: ThreadPoolExecutor, ids: list[str]) -> None:
        with self._changed:
            self._busy.update(ids)
            self._chunks += 1
        threads.submit(self._do, ids)

    def _do(self, ids: list[str]) -> None:
        """One step on each of these requests."""
        done: set[str] = set()
        unreachable = False
        try:
            done = self._checkpoints.keep_many(ids)
        except Exception as error:
            unreachable = _is_unreachable(error)
            if not unreachable:
                done = {request_id for request_id in ids if self._do_alone(request_id)}
        finally:
            with self._changed:
                self._busy.difference_update(ids)
                self._chunks -= 1
                for request_id in ids:
                    if request_id in done:
                        self._pauses.pop(request_id, None)
                    elif not unreachable:
                        self._pause(request_id)
                self._changed.notify_all()

    def _do_alone(self, request_id: str) -> bool:
        try:
            return self._checkpoints.keep(request_id)
        except Exception:
            log.warning("timekeeper.request_failed", request=request_id, exc_info=True)
            return False

    def _pause(self, request_id: str) -> None:
        tries = self._pauses.get(request_id, (0, 0.0))[0]
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** min(tries, 20), LONGEST_PAUSE_SECONDS)
        self._pauses[request_id] = (tries + 1, time.monotonic() + seconds)

    def _besides(self) -> set[str]:
        """Requests that are worked on or have a pause."""
        now = time.monotonic()
        with self._changed:
            # Whoever failed long ago and never came back has been done by somebody else.
            for old in [key for key, (_, until) in self._pauses.items() if until + LONGEST_PAUSE_SECONDS < now]:
                del self._pauses[old]
            return self._busy | {key for key, (_, until) in self._pauses.items() if until > now}

    def _seconds_left(self, besides: set[str]) -> float:
        """How long to sleep until something is due, as far as is known now."""
        ends = [until - time.monotonic() for key, (_, until) in list(self._pauses.items()) if key in besides]
        due_at = self._checkpoints.next_due_at(besides)
        if due_at is not None:
            ends.append((due_at - self._clock()) / timedelta(seconds=1))
        return max(min([LOOK_SECONDS, *ends]), 0.0)

    def _sleep(self, seconds: float) -> None:
        """Sleep until then, or until something has been done that makes room, or another step due."""
        with self._changed:
            if not self._stopping.is_set():
                self._changed.wait(seconds)

    def _must_help(self) -> bool:
        """True from when the longest overdue step has been the same one for too long, until nothing is that late."""
        oldest = self._checkpoints.next_due_at()
        if oldest is None or oldest > self._clock() - timedelta(seconds=STUCK_SECONDS):
            self._stuck, self._helps = (None, 0.0), False
        elif oldest != self._stuck[0]:
            self._stuck = (oldest, time.monotonic())
        elif not self._helps and time.monotonic() - self._stuck[1] > STUCK_SECONDS:
            log.warning("timekeeper.helps", overdue_since=oldest.isoformat())
            self._helps = True
        return self._helps


def _is_unreachable(error: Exception) -> bool:
    """True if it was the database that failed, rather than a request."""
    return isinstance(error, DBAPIError) and error.connection_invalidated
