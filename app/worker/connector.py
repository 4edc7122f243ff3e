"""The job queue's way to the database: procrastinate's own statements, over the worker's lean connections."""

from __future__ import annotations

from typing import Any, LiteralString, cast

from procrastinate import PsycopgConnector
from procrastinate.exceptions import NoResult
from procrastinate.sync_psycopg_connector import wrap_exceptions
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from app.domain.run_protocol import Statement
from app.store.pipeline import Connections


class QueueConnector(PsycopgConnector):
    """A connector for procrastinate's `JobManager`, for statements whose parameters are not JSON.

    Workers look for jobs several times a second, and psycopg's cursors take longer for that than the server does.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        super().__init__()
        self._async_pool = cast(Any, pool)
        self._pool_externally_set = True
        self._connections = Connections(pool)

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        """Execute a statement."""
        await self.execute_query_all_async(query, **arguments)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        """Execute a statement and return its first row. Raises NoResult if there is none."""
        for row in await self.execute_query_all_async(query, **arguments):
            return row
        raise NoResult

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        """Execute a statement and return its rows."""
        with wrap_exceptions():
            return (await self._connections.run([Statement(query, arguments)]))[0]

    async def give_back(self) -> None:
        """Give the connections back to the pool."""
        await self._connections.give_back()
