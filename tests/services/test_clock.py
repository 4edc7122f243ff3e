"""The portal's clock is the database's, whatever the machine's own says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.services.clock import DatabaseClock, system_clock
from app.store.engine import make_engine

CLOSE = timedelta(seconds=1)
"""More than the clock may be off, and less than tests set it off."""

Off = Callable[..., None]


@pytest.fixture
def off(database_url: str) -> Iterator[Off]:
    """Sets how many seconds the server's clock is ahead, and how long it takes to say so."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("""
            create schema off;
            create table off.by (ahead interval, takes float);
            insert into off.by values ('0', 0);
            create function off.clock_timestamp() returns timestamptz language plpgsql as $$
            declare
                told timestamptz;
            begin
                perform pg_catalog.pg_sleep(takes / 2) from off.by;
                select pg_catalog.clock_timestamp() + ahead into told from off.by;
                perform pg_catalog.pg_sleep(takes / 2) from off.by;
                return told;
            end $$""")

        def set_off(seconds: float, takes: float = 0.0) -> None:
            connection.execute("update off.by set ahead = make_interval(secs => %s), takes = %s", (seconds, takes))

        yield set_off


@pytest.fixture
def engine(database_url: str, off: Off) -> Iterator[Engine]:
    """On a server whose clock the test sets."""
    engine = make_engine(database_url, options="-c search_path=off,pg_catalog,public")
    yield engine
    engine.dispose()


def ahead(clock: DatabaseClock) -> timedelta:
    """Of this machine's clock."""
    return clock() - datetime.now(UTC)


@pytest.mark.parametrize("seconds", [-180.0, -3.0, 3.0, 180.0])
def test_it_gives_the_databases_time_and_follows_it_when_it_is_set(engine: Engine, off: Off, seconds: float) -> None:
    off(seconds)
    clock = DatabaseClock(engine)
    assert abs(ahead(clock)) < CLOSE, "it was never read"
    for now in (seconds, -2 * seconds, 0.0):
        off(now)
        clock.read()
        assert abs(ahead(clock) - timedelta(seconds=now)) < CLOSE
        assert clock().tzinfo is UTC


def test_setting_the_machines_clock_does_not_move_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = DatabaseClock(engine)
    clock.read()
    before = clock()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr("app.services.clock.system_clock", lambda: datetime(1970, 1, 1, tzinfo=UTC))
    assert timedelta(0) <= clock() - before < CLOSE
    clock.read()
    assert timedelta(0) <= clock() - before < CLOSE


def test_a_slow_answer_does_not_make_the_time_jump(engine: Engine, off: Off) -> None:
    clock = DatabaseClock(engine)
    clock.read()
    off(0.1, takes=0.5)
    for _ in range(2):
        before = ahead(clock)
        clock.read()
        assert abs(ahead(clock) - before) < timedelta(milliseconds=1)
    off(20.0, takes=0.5)
    clock.read()
    assert abs(ahead(clock) - timedelta(seconds=20)) < CLOSE, "but it is followed when the clock was set"


def test_without_the_database_it_goes_on_by_itself() -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    clock = DatabaseClock(nowhere)
    with pytest.raises(SQLAlchemyError):
        clock.read()
    clock.try_to_read()
    assert abs(clock() - system_clock()) < CLOSE


def test_a_process_goes_on_reading_it(engine: Engine, off: Off, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.clock.READ_SECONDS", 0.01)
    off(10.0)
    with DatabaseClock(engine).followed() as clock:
        assert abs(ahead(clock) - timedelta(seconds=10)) < CLOSE, "it is read before anything is done"
        off(-50.0)
        deadline = time.monotonic() + 30
        while abs(ahead(clock) + timedelta(seconds=50)) > CLOSE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
