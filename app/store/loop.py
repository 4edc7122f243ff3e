"""Use cases on an event loop: synchronous code that lets other work continue while it waits for the server.

This is SQLAlchemy's own way of running synchronous code on an asynchronous driver. A use case runs in a greenlet on the
loop's thread, and each statement yields to the loop until its result has arrived. A thread per use case would work too,
but switching to a thread and back costs more than most statements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_, greenlet_spawn

from app.domain.run_protocol import Statement
from app.store.engine import Sessions, engine_arguments, sqlalchemy_url
from app.store.pipeline import run_together

Result = TypeVar("Result")


class LoopSessions(Sessions):
    """Sessions for use cases that are called with `on_loop`.

    Args:
        engine: For reading with sessions.
        pool: For statements of the driver. Its connections commit each statement and return rows as dictionaries.
    """

    def __init__(self, engine: AsyncEngine, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(engine.sync_engine)
        self._pool = pool

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `Sessions.execute`."""
        return self.together([Statement(statement, parameters)])[0]

    def together(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """See `Sessions.together`; this takes one trip to the server."""
        return await_(self._together(statements))

    def pause(self, seconds: float) -> None:
        """See `Sessions.pause`."""
        await_(asyncio.sleep(seconds))

    async def _together(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        try:
            async with self._pool.connection() as connection:
                return await run_together(connection, statements)
        except psycopg.OperationalError:
            # A connection is rarely lost alone, so the idle ones are checked before anybody retries.
            await self._pool.check()
            raise


async def on_loop(use_case: Callable[..., Result], *arguments: Any) -> Result:
    """Call a use case that is built on `LoopSessions`."""
    return await greenlet_spawn(use_case, *arguments)


def make_loop_engine(database_url: str, *, pool_size: int, application_name: str) -> AsyncEngine:
    """Create an engine for `LoopSessions`, as `app.store.engine.make_engine` does."""
    return create_async_engine(sqlalchemy_url(database_url), **engine_arguments(pool_size, application_name))
