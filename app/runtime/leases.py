"""Leases that show which workers are alive: session-level advisory locks, which end with their connection.

One connection per worker process holds a lock for the process. The row of each run that it advances has the key of that
lock. When a process dies, for whatever reason, PostgreSQL releases its locks at once, and others may take over its jobs
and runs. When only the connection breaks, this process can no longer know that it alone holds its runs, so it must
stop: see `on_lost`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psycopg
import structlog

log = structlog.get_logger(__name__)

_WORKERS = 0x0A55E7
"""First key of the pair that identifies a worker of the job queue; it never collides with one-key locks."""
HEARTBEAT_SECONDS = 1.0
_KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4000,
    "connect_timeout": 10,
    "application_name": "assent worker lease",
}


class Leases:
    """The locks of one worker process.

    Attributes:
        key: The key of the process's own lock. Each process draws a new one, so that no two processes share it.

    Args:
        database_url: Address of PostgreSQL. A connection pooler in transaction mode would lose the locks.
        on_lost: Called once when the connection is lost. It must end the process: a step that runs in a thread cannot
            be stopped in any other way, and another worker may already be repeating it.
    """

    def __init__(self, database_url: str, on_lost: Callable[[], None]) -> None:
        self._url = database_url
        self._on_lost = on_lost
        self.key = secrets.randbits(63)
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection | None = None
        self._heart: asyncio.Task[None] | None = None
        self.lost = False

    async def __aenter__(self) -> Self:
        self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **_KEEPALIVE)
        await self._ask("select pg_try_advisory_lock(%s)", self.key)
        self._heart = asyncio.create_task(self._beat(), name="lease heartbeat")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heart is not None:
            self._heart.cancel()
            with suppress(asyncio.CancelledError):
                await self._heart
        if self._connection is not None:
            await self._connection.close()

    async def claim_worker(self, worker_id: int) -> None:
        """Hold this process's own lock, which shows others that it is alive."""
        await self._ask("select pg_try_advisory_lock(%s, %s)", _WORKERS, worker_id)

    async def is_dead(self, worker_id: int) -> bool:
        """Return True if no process holds that worker's lock."""
        if not await self._ask("select pg_try_advisory_lock(%s, %s)", _WORKERS, worker_id):
            return False
        await self._ask("select pg_advisory_unlock(%s, %s)", _WORKERS, worker_id)
        return True

    async def _ask(self, query: str, *parameters: int) -> bool:
        if self._connection is None:
            raise RuntimeError("the leases are not open")
        async with self._lock:
            try:
                cursor = await self._connection.execute(query, parameters)
                row = await cursor.fetchone()
            except psycopg.OperationalError:
                self._lose()
                raise
        return bool(row and row[0])

    async def _beat(self) -> None:
        while not self.lost:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(psycopg.OperationalError):
                await self._ask("select true")

    def _lose(self) -> None:
        if not self.lost:
            self.lost = True
            log.error("lease.lost")
            self._on_lost()
