"""One LISTEN connection per web process, which receives every committed event soon, and only committed ones.

PostgreSQL delivers notifications in commit order and, on one connection, without gaps; so while the connection lasts,
reading the rows that notifications name is complete. Events from the time without a connection are found by comparing
two snapshots: those that are visible now and were not at the last check. The check is repeated regularly, so that an
event that gets lost on the way is late, but not missing. Where snapshots cannot be compared, because the database was
restored on another server meanwhile, open pages read everything again.

It runs as a thread, under eventlet a green one; waiting yields because the web process has configured psycopg to wait
with `select`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

import psycopg
import structlog
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from app.services.record import events
from app.services.record.event_numbering import Here, settle_if_writable
from app.services.record.events import EventView
from app.store.engine import Sessions

EVENTS_CHANNEL = "assent_events"
LOOK_SECONDS = 15.0
"""Seconds between comparisons of snapshots while the connection lasts."""
TICK_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
START_SECONDS = 10.0

log = structlog.get_logger("live")


class Listener:
    """Passes committed events to `deliver`, each at least once, while running.

    Args:
        database_url: where to LISTEN, which a pooler in transaction mode does not support.
        sessions: for reading the rows.
        deliver: takes an event; its exceptions are logged.
        channels: further channels, each with a function that takes a notification's text.
        connected: called after each connect, before anything is delivered.
        lost: called if events may have been missed, because the database was restored meanwhile.
        tick: called about once per second while connected.
    """

    def __init__(
        self,
        database_url: str,
        sessions: Sessions,
        deliver: Callable[[EventView], None],
        channels: dict[str, Callable[[str], None]] | None = None,
        connected: Callable[[], None] = lambda: None,
        tick: Callable[[], None] = lambda: None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = database_url
        self._sessions = sessions
        self._deliver = deliver
        self._channels = channels or {}
        self._connected = connected
        self._tick = tick
        self._lost = lost
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._hears = threading.Event()
        self._lock_key = secrets.randbits(63)
        self._seen: Here | None = None
        self._heard: set[int] = set()

    def start(self) -> None:
        """Start listening, unless started already; returns once connected, or after `START_SECONDS`."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="live-listener", daemon=True)
                self._thread.start()
        if not self._hears.is_set():
            self._hears.wait(START_SECONDS)

    def stop(self) -> None:
        """Stop listening; returns once the thread has ended."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        if thread is not None:
            thread.join()

    @property
    def hearing(self) -> bool:
        """True while connected."""
        return self._hears.is_set()

    def lock_key(self) -> int | None:
        """Start listening, and return the key of the advisory lock that the connection holds while it lasts.

        It shows other processes that this one is alive. None while there is no connection.
        """
        if self._thread is None:
            self.start()
        return self._lock_key if self.hearing else None

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped:
            try:
                with self._connect() as connection:
                    settle_if_writable(self._sessions)
                    self._look()
                    self._connected()
                    self._hears.set()
                    log.info("listening for events")
                    pause = FIRST_PAUSE
                    self._follow(connection)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                if not self._stopped:
                    log.warning("listening interrupted", error=str(error).splitlines()[0][:300] if str(error) else "")
            except Exception as error:
                # Whatever the error is, open pages must receive events again later.
                log.error("listening failed", exc_info=error)
            finally:
                self._hears.clear()
            if not self._stopped:
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(
            self._url, autocommit=True, application_name="assent live", connect_timeout=10,
            keepalives=1, keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
        )  # fmt: skip
        # Shared, because the server may still keep a broken connection of this process, which holds the lock, too.
        connection.execute("select pg_advisory_lock_shared(%s)", (self._lock_key,))
        for channel in (EVENTS_CHANNEL, *self._channels):
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        return connection

    def _follow(self, connection: psycopg.Connection) -> None:
        next_look = time.monotonic() + LOOK_SECONDS
        while not self._stopped:
            notes = list(connection.notifies(timeout=TICK_SECONDS, stop_after=1))
            payloads = [note.payload.split(",") for note in notes if note.channel == EVENTS_CHANNEL]
            ids = [int(event_id) for some in payloads for event_id in some if event_id.isdigit()]
            self._read([event_id for event_id in ids if event_id not in self._heard])
            for note in notes:
                if note.channel in self._channels:
                    self._guarded(self._channels[note.channel], note.payload)
            self._guarded(lambda _tick: self._tick(), None)
            if time.monotonic() >= next_look:
                self._look()
                next_look = time.monotonic() + LOOK_SECONDS

    def _read(self, ids: list[int]) -> None:
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            with self._sessions() as session:
                found = events.by_ids(session, some)
            for event in found:
                self._guarded(self._deliver, event)
            self._heard.update(some)

    def _look(self) -> None:
        """Deliver events that became visible since the last check and were not received as notifications."""
        with self._sessions() as session:
            # One snapshot for both statements: the next check sees what the second one does not.
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            now = events.snapshot(session)
            late: set[int] = set()
            if self._seen is not None and not now.follows(self._seen):
                log.warning("the database was restored; open pages read everything again")
                self._guarded(lambda _lost: self._lost(), None)
            elif self._seen is not None:
                for event in events.appeared_since(session, self._seen):
                    if event.id not in self._heard:
                        late.add(event.id)
                        self._guarded(self._deliver, event)
        # Events of received notifications are visible by now, so a later check cannot return them again;
        # only notifications of the events just found may still arrive.
        self._seen, self._heard = now, late

    @staticmethod
    def _guarded(act: Callable[..., None], value: object) -> None:
        """Call `act`, so that its failure does not keep events from others."""
        try:
            act(value)
        except Exception as error:
            log.error("delivery failed", exc_info=error)
