"""The timekeeper: executes steps on requests, such as escalation and expiry, when they are due.

One worker at a time is the timekeeper: the one that holds a session-level advisory lock, which another worker takes
over when that one dies. The lock only saves work. The guard of each write ensures that a step happens only once, so a
second timekeeper does no harm. If the first one hangs without dying, the others help.

It uses its own threads and connections, so that this worker's runs cannot block it.
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
"""The longest sleep: meanwhile, a deadline or the clock may have changed, or the leader may have died."""
GATHER_SECONDS = 0.05
"""Pause after a round. Steps that become due meanwhile are written together."""
CHUNK = 50
"""Requests whose steps are written in one statement."""
THREADS = 2
STUCK_SECONDS = 5.0
"""How long the leading worker may leave overdue steps undone before this one helps."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 30.0
"""Pauses for a request whose step fails; the pause doubles each time."""
CONNECTION: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4000,
    # A request whose run is locked for longer gets a pause, and does not delay the others.
    "options": "-c lock_timeout=2000",
}
"""Options of its connections, with which a server that disappears silently is noticed."""
_LOCK = (0x0A55E8, 0)

ABSENCES_EVERY = timedelta(seconds=1)
ABSENCES_BEFORE = timedelta(hours=1)
"""A new leader also handles absences that ended within this time, because there may have been no leader then."""


class Timekeeper:
    """Runs while the context is entered.

    Args:
        checkpoints: Use an engine with at least `THREADS` + 1 connections of its own.
        clock: Decides what is due.
        database_url: For the lock. A connection pooler in transaction mode would lose it.
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
                    # The next round retries; steps that are due stay due.
                    log.warning("timekeeper.failed", exc_info=True)
                    self._sleep(LOOK_SECONDS)

    def _follow(self, connection: psycopg.Connection, threads: ThreadPoolExecutor) -> None:
        """Run rounds while this worker leads, and wait for the lock otherwise."""
        leads, asked = False, 0.0
        while not self._stopping.is_set():
            if not leads:
                row = connection.execute("select pg_try_advisory_lock(%s, %s)", _LOCK).fetchone()
                leads = bool(row and row[0])
                if leads:
                    log.info("timekeeper.leads")
            elif time.monotonic() - asked > LOOK_SECONDS:
                # The lock is lost with the connection.
                connection.execute("select 1")
                asked = time.monotonic()
            if leads:
                self._end_absences()
            if leads or self._must_help():
                self._round(threads)
            else:
                self._sleep(LOOK_SECONDS)

    def _end_absences(self) -> None:
        """Once a second, settle delegates' approvals for absences that ended (at first, in the last hour)."""
        now = self._clock()
        since = self._absences_until or now - ABSENCES_BEFORE
        if now - since >= ABSENCES_EVERY:
            try:
                self._checkpoints.settle_absences(since, now)
            except Exception:
                # Until the next attempt, every decision re-checks the approvals itself.
                log.warning("timekeeper.absences_failed", exc_info=True)
            else:
                self._absences_until = now

    def _round(self, threads: ThreadPoolExecutor) -> None:
        """Start the steps that are due, or sleep if there are none."""
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
        """Execute one step on each of these requests."""
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
        """Return the requests that are being handled or paused."""
        now = time.monotonic()
        with self._changed:
            # A request that failed long ago and is no longer due was handled by another worker.
            for old in [key for key, (_, until) in self._pauses.items() if until + LONGEST_PAUSE_SECONDS < now]:
                del self._pauses[old]
            return self._busy | {key for key, (_, until) in self._pauses.items() if until > now}

    def _seconds_left(self, besides: set[str]) -> float:
        """Return how long to sleep until something is due, as far as is known now."""
        ends = [until - time.monotonic() for key, (_, until) in list(self._pauses.items()) if key in besides]
        due_at = self._checkpoints.next_due_at(besides)
        if due_at is not None:
            ends.append((due_at - self._clock()) / timedelta(seconds=1))
        return max(min([LOOK_SECONDS, *ends]), 0.0)

    def _sleep(self, seconds: float) -> None:
        """Sleep for this time, or until a finished step makes room or makes another step due."""
        with self._changed:
            if not self._stopping.is_set():
                self._changed.wait(seconds)

    def _must_help(self) -> bool:
        """Return True once the most overdue step has been the same for too long, until no step is that late."""
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
    """Return True if the database failed, not a request."""
    return isinstance(error, DBAPIError) and error.connection_invalidated
