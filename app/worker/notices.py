"""What the database announces, passed on as soon as it arrives, with one callback of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import Notify, sql

Handler = Callable[[str, str], None]


async def listen(connection: psycopg.AsyncConnection[Any], channels: Sequence[str], handle: Handler) -> None:
    """Listen on the channels. What is announced while `connection` executes something else is handled, too.

    Args:
        handle: Called with the channel and the payload of each announcement.
    """

    def passed_on(notice: Notify) -> None:
        handle(notice.channel, notice.payload)

    connection.add_notify_handler(passed_on)
    for channel in channels:
        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))


async def follow(connection: psycopg.AsyncConnection[Any], handle: Handler) -> None:
    """Handle announcements for as long as the connection lasts; nothing else may use it.

    psycopg's own generator wakes up ten times a second, and takes longer for an announcement than its way here.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    pgconn, loop = connection.pgconn, asyncio.get_running_loop()
    lost = loop.create_future()

    def read() -> None:
        try:
            pgconn.consume_input()
            while notice := pgconn.notifies():
                handle(notice.relname.decode(), notice.extra.decode())
        except Exception as error:
            # At once: the descriptor of a lost connection may be that of another one soon.
            loop.remove_reader(descriptor)
            if not lost.done():
                lost.set_exception(error)

    descriptor = pgconn.socket
    loop.add_reader(descriptor, read)
    # What arrived with an earlier answer is here already, and makes the socket ready for nobody.
    read()
    try:
        await lost
    except asyncio.CancelledError:
        loop.remove_reader(descriptor)
        raise
