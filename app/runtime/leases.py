"""Who advances what: session advisory locks that die with their connection.

One connection per worker process holds a lock for the process itself and one for each run that it advances. When a
process dies, however it dies, PostgreSQL lets go of its locks at once, and others may take over its jobs and runs.
When only the connection dies, this process can no longer know that it is alone, so it must stop: see `on_lost`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import psycopg
import structlog

log = structlog.get_logger(__name__)

_WORKERS = 0x0A55E7
"""First key of the pair of a worker's lock; runs use the one-key form, which never collides with pairs."""
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

    Args:
        database_url: of PostgreSQL; a connection pooler in transaction mode would lose the locks.
        on_lost: called once when the connection is gone. It must end the process: a step that runs in a thread cannot
            be stopped in any other way, and another worker may be repeating it already.
    """

    def __init__(self, database_url: str, on_lost: Callable[[], None]) -> None:
        self._url = database_url
        self._on_lost = on_lost
        self._held: set[int] = set()
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection | None = None
        self._heart: asyncio.Task[None] | None = None
        self.lost = False

    async def __aenter__(self) -> Self:
        self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **_KEEPALIVE)
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

    @asynccontextmanager
    async def run(self, run_id: str) -> AsyncIterator[bool]:
        """Hold the lock of a run, if it is free; yields whether it is held.

        Whoever is cancelled keeps the lock until the process ends: what runs in a thread cannot be cancelled and goes
        on, and nobody else may repeat it beside.
        """
        key = _key(run_id)
        if key in self._held:
            # The same session would be given the lock a second time: the server cannot tell our own tasks apart.
            yield False
            return
        self._held.add(key)
        cut_short = False
        try:
            if not await self._ask("select pg_try_advisory_lock(%s)", key):
                yield False
                return
            try:
                yield True
            except (asyncio.CancelledError, GeneratorExit):
                cut_short = True
                raise
            finally:
                if not cut_short and not self.lost:
                    await self._ask("select pg_advisory_unlock(%s)", key)
        finally:
            if not cut_short:
                self._held.discard(key)

    async def claim_worker(self, worker_id: int) -> None:
        """Hold this process's own lock, by which others can tell that it lives."""
        await self._ask("select pg_try_advisory_lock(%s, %s)", _WORKERS, worker_id)

    async def is_dead(self, worker_id: int) -> bool:
        """True if no process holds that worker's lock."""
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
            log.error("lease.lost", held=len(self._held))
            self._on_lost()


def _key(run_id: str) -> int:
    """A 64-bit key of a run's id."""
    return int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:8], "big", signed=True)
