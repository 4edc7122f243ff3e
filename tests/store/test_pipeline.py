"""Statements that are sent straight to libpq behave as psycopg's own cursors do, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.exc import DBAPIError

from app.domain.run_protocol import Statement
from app.store import pipeline
from app.store.engine import make_engine, make_sessions
from app.store.loop import LoopSessions, make_loop_engine, on_loop
from app.store.pipeline import Connections, _Line, run_together

Connection = psycopg.AsyncConnection[Any]


@pytest.fixture
def on_connection(empty_database_url: str) -> Callable[[Callable[[Connection], Awaitable[Any]]], Any]:
    """What calls a function with a connection that commits each statement, and with the table `notes`."""

    def call(work: Callable[[Connection], Awaitable[Any]]) -> Any:
        async def with_connection() -> Any:
            async with await psycopg.AsyncConnection.connect(empty_database_url, autocommit=True) as connection:
                await connection.execute("create table if not exists notes (id int primary key, text text, raw bytea)")
                return await asyncio.wait_for(work(connection), 30)

        return asyncio.run(with_connection())

    return call


def put(number: int, text: str = "") -> Statement:
    """The statement that stores a note."""
    return Statement("insert into notes (id, text) values (%(id)s, %(text)s)", {"id": number, "text": text})


COUNT = Statement("select count(*) as notes from notes", {})


def test_values_arrive_and_come_back_as_psycopg_converts_them(on_connection: Any) -> None:
    moment = datetime(2026, 11, 30, 1, 2, 3, tzinfo=UTC)
    text = (
        "select %(word)s::text as word, %(none)s::text as none, %(number)s::bigint as number, "
        "%(at)s::timestamptz as at, %(raw)s::bytea as raw, %(some)s::text[] as some, "
        "%(word)s || '%%' as again, %(json)s::json as json"
    )
    values = {
        "word": "wörd", "none": None, "number": 2**40, "at": moment, "raw": b"\0\xff", "some": ["a", "b"],
        "json": '{"a": [1]}',
    }  # fmt: skip

    async def ask(connection: Connection) -> Any:
        return [await run_together(connection, [Statement(text, values, binary)]) for binary in (False, True, False)]

    for [[row]] in on_connection(ask):
        assert row == {**values, "again": "wörd%", "json": {"a": [1]}}


def test_statements_are_one_transaction(on_connection: Any) -> None:
    async def ask(connection: Connection) -> Any:
        await run_together(connection, [put(1)])
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            await run_together(connection, [put(2), put(1), put(3)])
        assert refused.value.diag.constraint_name == "notes_pkey"
        # The connection can be used again, by this and by psycopg.
        [_, [row], none] = await run_together(connection, [put(4), COUNT, Statement("select 1 where false", {})])
        assert none == []
        return row, await (await connection.execute("select id from notes order by id")).fetchall()

    assert on_connection(ask) == ({"notes": 2}, [(1,), (4,)])


def test_a_statement_that_could_not_be_prepared_is_prepared_the_next_time(on_connection: Any) -> None:
    missing = Statement("select text from later where id = %(id)s", {"id": 1})

    async def ask(connection: Connection) -> Any:
        for _ in range(2):
            with pytest.raises(psycopg.errors.UndefinedTable):
                await run_together(connection, [put(1), missing, put(2)])
        await run_together(connection, [Statement("create table later as select 1 as id, 'here' as text", {})])
        return await run_together(connection, [put(1), missing, put(2)])

    assert on_connection(ask) == [[], [{"text": "here"}], []]


def test_prepared_statements_that_are_gone_or_outdated_are_prepared_again(on_connection: Any) -> None:
    every = Statement("select * from notes order by id", {})

    async def ask(connection: Connection) -> Any:
        await run_together(connection, [put(1), every])
        # psycopg's cursors do this after a rollback.
        await connection.execute("deallocate all")
        await run_together(connection, [put(2), every])
        await connection.execute("alter table notes drop column raw")
        [_, rows] = await run_together(connection, [put(3), every])
        return rows

    assert on_connection(ask) == [{"id": number, "text": ""} for number in (1, 2, 3)]


def test_a_connection_keeps_a_limited_number_of_prepared_statements(
    on_connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "MOST_PREPARED", 3)
    prepared = Statement("select count(*) as kept from pg_prepared_statements where name like 'assent%%'", {})

    async def ask(connection: Connection) -> Any:
        for number in range(10):
            await run_together(connection, [Statement(f"select {number} as number", {}), COUNT])
        [[row]] = await run_together(connection, [prepared])
        return row

    assert on_connection(ask) == {"kept": 3}


def test_more_than_a_socket_holds_goes_both_ways(on_connection: Any) -> None:
    long = "x" * 3_000_000

    async def ask(connection: Connection) -> Any:
        echo = Statement("select text from notes where id = %(id)s", {"id": 1})
        return await run_together(connection, [put(1, long), echo, put(2, long), echo])

    [_, [first], _, [second]] = on_connection(ask)
    assert first == second == {"text": long}


def test_other_work_goes_on_while_the_server_works(on_connection: Any) -> None:
    async def ask(connection: Connection) -> Any:
        done: list[str] = []

        async def slowly() -> None:
            await run_together(connection, [Statement("select pg_sleep(0.2)", {})])
            done.append("statement")

        slow = asyncio.create_task(slowly())
        await asyncio.sleep(0)
        done.append("other")
        await slow
        return done

    assert on_connection(ask) == ["other", "statement"]


def test_a_connection_is_closed_if_its_caller_does_not_wait(on_connection: Any) -> None:
    async def ask(connection: Connection) -> Any:
        task = asyncio.create_task(run_together(connection, [Statement("select pg_sleep(20)", {})]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return connection.closed

    assert on_connection(ask) is True


UNFIT = Statement("select %(word)s::text as word", {"word": "no such text: \0"})
"""No connection can send this."""


def test_a_value_that_cannot_be_sent_does_not_cost_the_connection(on_connection: Any) -> None:
    async def ask(connection: Connection) -> Any:
        with pytest.raises(psycopg.DataError):
            await run_together(connection, [put(1), UNFIT])
        [[row]] = await run_together(connection, [COUNT])
        return row, connection.closed

    assert on_connection(ask) == ({"notes": 0}, False)


def test_nor_does_it_cost_the_connections_of_others(empty_database_url: str) -> None:
    sessions = make_sessions(make_engine(empty_database_url, pool_size=1))
    who = "select pg_backend_pid() as pid"
    try:
        before = sessions.execute(who, {})
        with pytest.raises(DBAPIError) as refused:
            sessions.together([UNFIT])
        assert not refused.value.connection_invalidated
        assert sessions.execute(who, {}) == before
    finally:
        sessions.engine.dispose()


@pytest.mark.parametrize("midway", [True, False])
def test_a_lost_connection_is_an_operational_error(on_connection: Any, empty_database_url: str, midway: bool) -> None:
    async def ask(connection: Connection) -> Any:
        await run_together(connection, [COUNT])
        end = Statement("select pg_terminate_backend(%(pid)s)", {"pid": connection.info.backend_pid})
        if not midway:
            async with await psycopg.AsyncConnection.connect(empty_database_url, autocommit=True) as other:
                await run_together(other, [end])
        with pytest.raises(psycopg.OperationalError):
            await run_together(connection, [put(1), end, COUNT] if midway else [put(1)])
        return connection.closed

    assert on_connection(ask) is True


def test_the_connection_used_last_is_used_next_and_a_lost_one_is_replaced(empty_database_url: str) -> None:
    who = Statement("select pg_backend_pid() as pid", {})

    async def ask() -> Any:
        async with AsyncConnectionPool(empty_database_url, min_size=3, max_size=3, kwargs={"autocommit": True}) as pool:
            await pool.wait()
            connections = Connections(pool)

            async def backend() -> int:
                [[row]] = await connections.run([who])
                return int(row["pid"])

            first = await backend()
            # A thread that waits for a connection gets one, although some are kept.
            at_once = await asyncio.gather(*(backend() for _ in range(9)))
            assert len(set(at_once)) == 3
            last = await backend()
            assert [await backend() for _ in range(3)] == [last] * 3
            with pytest.raises(psycopg.OperationalError):
                await connections.run([Statement("select pg_terminate_backend(%(pid)s)", {"pid": last})])
            assert last not in [await backend() for _ in range(3)]
            await connections.give_back()
            return first in at_once

    assert asyncio.run(asyncio.wait_for(ask(), 30)) is True


def test_only_what_is_hasty_does_not_wait_for_the_disk(empty_database_url: str) -> None:
    synchronous = "select current_setting('synchronous_commit') as wanted"

    async def ask() -> Any:
        engine = make_loop_engine(empty_database_url, pool_size=1, application_name="tests")
        synced = {"autocommit": True, "options": "-c synchronous_commit=on"}
        async with AsyncConnectionPool(empty_database_url, min_size=1, max_size=1, kwargs=synced) as pool:
            connections = Connections(pool)
            sessions = [LoopSessions(engine, connections, hasty=hasty) for hasty in (True, False, True)]
            found = [(await on_loop(some.execute, synchronous, {}))[0]["wanted"] for some in sessions]
            await connections.give_back()
        await engine.dispose()
        return found

    assert asyncio.run(asyncio.wait_for(ask(), 30)) == ["off", "on", "off"]


def test_a_lost_connection_does_not_disturb_the_one_that_gets_its_descriptor(
    on_connection: Any, empty_database_url: str
) -> None:
    async def ask(connection: Connection) -> Any:
        lost, descriptor = _Line(connection), connection.pgconn.socket
        end = Statement("select pg_terminate_backend(%(pid)s)", {"pid": connection.info.backend_pid})
        with pytest.raises(psycopg.OperationalError):
            await lost.run([end])
        async with await psycopg.AsyncConnection.connect(empty_database_url, autocommit=True) as other:
            assert other.pgconn.socket == descriptor, "the lowest free one"
            line = _Line(other)
            # As its user does who gives it back to the pool.
            lost.release()
            [[row]] = await asyncio.wait_for(line.run([COUNT]), 10)
            line.release()
        return row

    assert on_connection(ask) == {"notes": 0}
