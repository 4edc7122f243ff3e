"""One LISTEN connection per web process: hears of every committed event, exactly the committed ones, and soon.

PostgreSQL delivers notifications in the order of commits, on one connection without gaps; so while the connection
lives, reading the rows that notifications name is complete. What happened while it was away is found by comparing two
snapshots: the events that are visible now and were not at the last look. The same look is repeated now and then, so
that whatever might get lost on the way is late and not lost.

It runs as a thread; under eventlet that is a green one, and waiting yields because the web entry has told psycopg to
wait with `select`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import structlog
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from app.services.record import events
from app.services.record.events import EventView
from app.store.engine import Sessions

EVENTS_CHANNEL = "assent_events"
LOOK_SECONDS = 15.0
"""How often the snapshots are compared while the connection lives."""
TICK_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
START_SECONDS = 10.0

log = structlog.get_logger("live")


class Listener:
    """Hands committed events to `deliver`, each at least once, while running.

    Args:
        database_url: where to LISTEN; a pooler in transaction mode does not support it.
        sessions: for reading the rows.
        deliver: takes an event; what it raises is logged.
        channels: further channels, each with a function that takes a notification's text.
        connected: called each time the connection stands, before anything is delivered.
        tick: called about every second while the connection stands.
    """

    def __init__(
        self,
        database_url: str,
        sessions: Sessions,
        deliver: Callable[[EventView], None],
        channels: dict[str, Callable[[str], None]] | None = None,
        connected: Callable[[], None] = lambda: None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = database_url
        self._sessions = sessions
        self._deliver = deliver
        self._channels = channels or {}
        self._connected = connected
        self._tick = tick
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._hears = threading.Event()
        self._seen: str | None = None
        self._heard: set[int] = set()

    def start(self) -> None:
        """Begin to listen, if that has not happened; returns once it hears, or after `START_SECONDS`."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="live-listener", daemon=True)
                self._thread.start()
        if not self._hears.is_set():
            self._hears.wait(START_SECONDS)

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        if thread is not None:
            thread.join()

    @property
    def hearing(self) -> bool:
        """True while the connection stands."""
        return self._hears.is_set()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped:
            try:
                with self._connect() as connection:
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
                # Whatever it is, open pages must not go silent for good.
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
        for channel in (EVENTS_CHANNEL, *self._channels):
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        return connection

    def _follow(self, connection: psycopg.Connection) -> None:
        next_look = time.monotonic() + LOOK_SECONDS
        while not self._stopped:
            notes = list(connection.notifies(timeout=TICK_SECONDS, stop_after=1))
            told = [note.payload.split(",") for note in notes if note.channel == EVENTS_CHANNEL]
            ids = [int(event_id) for some in told for event_id in some if event_id.isdigit()]
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
        """Deliver what became visible since the last look and was not heard of."""
        with self._sessions() as session:
            # One snapshot for both statements: what the second does not see, the next look will.
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            now = events.snapshot(session)
            late: set[int] = set()
            if self._seen is not None:
                for event in events.appeared_since(session, self._seen):
                    if event.id not in self._heard:
                        late.add(event.id)
                        self._guarded(self._deliver, event)
        # A notification that was heard names an event that is visible by now, so a later look cannot return it again;
        # only notifications of what was just found may still be under way.
        self._seen, self._heard = now, late

    @staticmethod
    def _guarded(act: Callable[..., None], value: object) -> None:
        """One reader's failure must not keep events from the others."""
        try:
            act(value)
        except Exception as error:
            log.error("delivery failed", exc_info=error)
