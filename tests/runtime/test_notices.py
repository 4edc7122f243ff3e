"""Announcements of the database reach a worker, whatever its connection is doing."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from app.worker.notices import follow, listen


def test_what_is_announced_arrives_until_the_connection_is_lost(empty_database_url: str) -> None:
    async def hear() -> list[tuple[str, str]]:
        heard: list[tuple[str, str]] = []
        arrived = asyncio.Event()

        def handle(channel: str, payload: str) -> None:
            heard.append((channel, payload))
            arrived.set()

        async def until(count: int) -> None:
            while len(heard) < count:
                arrived.clear()
                await arrived.wait()

        connect = psycopg.AsyncConnection.connect
        async with (
            await connect(empty_database_url, autocommit=True) as listening,
            await connect(empty_database_url, autocommit=True) as speaking,
        ):
            await listen(listening, ["tests_one", "tests_two"], handle)
            await speaking.execute("notify tests_one, 'before it follows'")
            await listening.execute("select 1")
            following = asyncio.create_task(follow(listening, handle))
            await until(1)
            await speaking.execute("select pg_notify('tests_two', 'wörd'), pg_notify('tests_one', 'wörd')")
            await speaking.execute("notify tests_three, 'nobody listens'")
            await speaking.execute("notify tests_two, ''")
            await until(4)
            await speaking.execute("select pg_terminate_backend(%s)", (listening.info.backend_pid,))
            with pytest.raises(psycopg.OperationalError):
                await following
        return heard

    assert asyncio.run(asyncio.wait_for(hear(), 30)) == [
        ("tests_one", "before it follows"), ("tests_two", "wörd"), ("tests_one", "wörd"), ("tests_two", ""),
    ]  # fmt: skip


def test_what_libpq_has_received_already_is_handled_without_another_announcement(empty_database_url: str) -> None:
    async def hear() -> list[str]:
        heard: list[str] = []
        connect = psycopg.AsyncConnection.connect
        async with (
            await connect(empty_database_url, autocommit=True) as listening,
            await connect(empty_database_url, autocommit=True) as speaking,
        ):
            await listen(listening, ["tests_one"], lambda _channel, payload: heard.append(payload))
            await speaking.execute("notify tests_one, 'with the end of another answer'")
            readable = asyncio.Event()
            asyncio.get_running_loop().add_reader(listening.pgconn.socket, readable.set)
            await readable.wait()
            asyncio.get_running_loop().remove_reader(listening.pgconn.socket)
            listening.pgconn.consume_input()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(follow(listening, lambda _channel, payload: heard.append(payload)), 0.2)
        return heard

    assert asyncio.run(asyncio.wait_for(hear(), 30)) == ["with the end of another answer"]
