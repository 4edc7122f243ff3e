"""A database is dumped and restored on another server while the portal is open: nothing comes again or is lost."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from sqlalchemy import text

from app.domain.events import EventKind
from app.embedded import EmbeddedServer, programs
from app.http.wakeups import Wakeups
from app.live import listener as live_listener
from app.live.hub import Hub
from app.live.listener import Listener
from app.services.bundle import Services, build_services
from app.services.record import events
from app.services.record.event_numbering import EPOCH_BITS, settle
from app.store.engine import make_engine
from tests.factories import add_event, make_run

SOON = 60.0
_AGE = "do $$ begin for n in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$"
"""Transactions that make a server's numbers higher than those of a new one."""


class Page:
    """What an open page receives; an `Emitter`."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, str]] = queue.Queue()

    def emit(self, event: str, *args: Any, **_to: Any) -> None:
        self.told.put((event, args[0].get("label", "")))

    def next(self) -> tuple[str, str]:
        return self.told.get(timeout=SOON)


class Address:
    """The address of a database, which leads from one server to another."""

    def __init__(self, folder: Path) -> None:
        self._link = folder / "now"
        self.url = f"postgresql://postgres@/assent?host={quote(str(self._link), safe='')}"

    def lead_to(self, server_url: str) -> None:
        host = parse_qs(urlsplit(server_url).query)["host"][0]
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(host)


@pytest.fixture
def folder() -> Iterator[Path]:
    # A socket's path is short.
    made = tempfile.mkdtemp(prefix="assent-restore-", dir="/tmp")
    yield Path(made)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def old(folder: Path, database_url: str) -> Iterator[EmbeddedServer]:
    """A server that has worked for long, with a migrated database."""
    with EmbeddedServer(folder / "old", throwaway=True) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(_AGE)
        move(database_url, server.ensure_database("assent"))
        yield server


def move(source: str, target: str) -> None:
    """Dump and restore, as operators do."""
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "30"}
    with tempfile.TemporaryFile() as file:
        dump = [str(programs() / "pg_dump"), "--format=custom", "--compress=0", source]
        subprocess.run(dump, stdout=file, env=environment, check=True)
        file.seek(0)
        restore = [str(programs() / "pg_restore"), "--exit-on-error", f"--dbname={target}"]
        subprocess.run(restore, stdin=file, env=environment, check=True)


def tell(services: Services, run_id: str, label: str) -> None:
    with services.sessions.begin() as session:
        add_event(session, EventKind.RUN_CHANGED, run_id=run_id, label=label)


def cut(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'assent%'"
        )


def cursor_after_all(services: Services, run_id: str, cursor: str = "") -> tuple[list[str], str]:
    with services.sessions() as session:
        page = events.of_run(session, run_id, cursor)
        assert not page.more
        return [event.payload["label"] for event in page.events], page.cursor


def test_restoring_on_another_server_repeats_nothing_and_loses_nothing(
    folder: Path, old: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_listener, "LOOK_SECONDS", 0.0)  # at each chance
    monkeypatch.setattr(live_listener, "TICK_SECONDS", 0.05)
    address, page = Address(folder), Page()
    address.lead_to(old.url())
    engine = make_engine(address.url)
    services = build_services(engine)
    wakeups = Wakeups()
    hub = Hub(page, wakeups)
    ticks: queue.Queue[None] = queue.Queue()
    listener = Listener(address.url, services.sessions, hub.deliver, lost=hub.lost, tick=lambda: ticks.put(None))
    listener.start()
    with EmbeddedServer(folder / "new", throwaway=True) as new:
        try:
            run = make_run(services.sessions)
            for number in range(3):
                tell(services, run.id, f"old {number}")
            assert [page.next()[1] for _ in range(3)] == ["old 0", "old 1", "old 2"]
            with services.sessions() as session:
                shown_at = events.position(session)
            labels, cursor = cursor_after_all(services, run.id)
            assert labels == ["old 0", "old 1", "old 2"]

            move(old.url(), new.ensure_database("assent"))
            address.lead_to(new.url())
            cut(old.url())
            engine.dispose()
            with wakeups.waiting("a request") as waiter:
                assert page.next() == ("events_lost", "")
                assert waiter.wait(time.monotonic() + SOON)
            tell(services, run.id, "new")
            assert page.next() == ("workflow_update", "new")

            # Looked at several times meanwhile, the old events have not come again.
            while not ticks.empty():
                ticks.get()
            for _ in range(5):
                ticks.get(timeout=SOON)
            assert page.told.empty()
            with services.sessions() as session:
                missed = events.missed_since(session, shown_at)
                assert (missed.events, missed.complete) == ([], False)
                assert missed.position > shown_at and missed.position >> EPOCH_BITS == 1
                assert events.missed_since(session, missed.position).events == []
            again, after = cursor_after_all(services, run.id, cursor)
            assert again == ["old 0", "old 1", "old 2", "new"]
            tell(services, run.id, "newer")
            assert cursor_after_all(services, run.id, after)[0] == ["newer"]
            with services.sessions() as session:
                caught_up = events.missed_since(session, missed.position)
                assert [event.payload["label"] for event in caught_up.events] == ["newer"]
        finally:
            listener.stop()
            engine.dispose()


def test_a_server_that_stays_begins_no_epoch(database_url: str) -> None:
    engine = make_engine(database_url)
    services = build_services(engine)
    try:
        run = make_run(services.sessions)
        tell(services, run.id, "before the first start")
        assert not settle(services.sessions) and not settle(services.sessions)
        with services.sessions.begin() as session:
            assert events.position(session) >> EPOCH_BITS == 0
            session.execute(text("update event_numbering set server = 'another'"))
        assert settle(services.sessions) and not settle(services.sessions)
    finally:
        engine.dispose()


def test_a_position_from_an_undone_future_is_recognized(services: Services) -> None:
    """After a restore of the server's files to an earlier moment, the server is the same."""
    with services.sessions() as session:
        future = events.position(session) + 1_000_000
        assert not events.missed_since(session, future).complete
        run = make_run(services.sessions)
        tell(services, run.id, "first")
    assert cursor_after_all(services, run.id, f"{future}.{2**63 - 1}.0")[0] == ["first"]
