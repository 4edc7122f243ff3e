"""An adapter that offers the services to the runtime as its `RunStore`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.util import await_

from app.domain.reading_tools import ReadingTools
from app.domain.risk import Assessment
from app.domain.run_protocol import Job, Journal, RunSnapshot, Statement
from app.risk.apart import assess_apart
from app.risk.assess import assess_proposal
from app.services.approvals.manager import CheckpointManager
from app.services.bundle import services_over
from app.services.clock import Clock
from app.services.runs.progress import RunProgress
from app.services.usage.calls import ModelCalls
from app.store.loop import LoopSessions, make_loop_engine, on_loop
from app.store.pipeline import Connections
from assent.dialects.base import Asked
from assent.models.metering import Account, Kept, ModelUse

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
LONG_PROPOSAL = 4_000
"""Length in characters above which a proposal is assessed in another process, because it could block the event loop."""

READERS = 4
"""Connections for reading; most operations on a run need none."""


class WorkerStore:
    """`app.domain.run_protocol.RunStore` over the database.

    Attributes:
        now: The portal's clock.

    Args:
        quick: Writes data that may be lost in a crash of the database, because the work is then only repeated. This
            does not include LangGraph's data.
    """

    def __init__(
        self,
        progress: RunProgress,
        quick: RunProgress,
        checkpoints: CheckpointManager,
        models: ModelCalls,
        clock: Clock,
    ) -> None:
        self._progress = progress
        self._quick = quick
        self._checkpoints = checkpoints
        self._models = models
        self.now = clock

    async def begin(
        self, run_id: str, holder: int, job: Job | None = None, read: Statement | None = None
    ) -> RunSnapshot | None:
        """Call `RunProgress.begin`."""
        return await on_loop(self._quick.begin, run_id, holder, job, read)

    async def begin_call(self, run_id: str, attempt: int, key: str) -> bool:
        """Call `RunProgress.begin_call`."""
        return await on_loop(self._progress.begin_call, run_id, attempt, key)

    async def model_account(self, run_id: str, key: str) -> Account:
        """Call `ModelCalls.account`."""
        return await on_loop(self._models.account, run_id, key)

    async def begin_model(self, run_id: str, attempt: int, agent: str, use: ModelUse) -> None:
        """Call `ModelCalls.begin`."""
        await on_loop(self._models.begin, run_id, attempt, agent, use)

    async def end_model(self, use: ModelUse, kept: Kept | None) -> None:
        """Call `ModelCalls.end`."""
        await on_loop(self._models.end, use, kept)

    async def note(self, attempt: int, journal: Journal) -> None:
        """Call `RunProgress.note`."""
        await on_loop((self._progress if journal.stored else self._quick).note, attempt, journal)

    async def refuse(self, run_id: str, attempt: int, request_id: str, reason: str) -> None:
        """Call `RunProgress.refuse`."""
        await on_loop(self._progress.refuse, run_id, attempt, request_id, reason)

    async def doubt(self, run_id: str, attempt: int) -> None:
        """Call `RunProgress.doubt`."""
        await on_loop(self._progress.doubt, run_id, attempt)

    async def hold(self, run_id: str, attempt: int, until: Mapping[str, datetime]) -> None:
        """Call `RunProgress.hold`."""
        await on_loop(self._progress.hold, run_id, attempt, until)

    async def passed_on_request(self, run_id: str, attempt: int) -> None:
        """Call `RunProgress.passed_on_request`."""
        await on_loop(self._progress.passed_on_request, run_id, attempt)

    async def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Call `CheckpointManager.suspend`."""
        return await on_loop(self._checkpoints.suspend, run_id, attempt, asked, journal)

    async def complete(self, attempt: int, journal: Journal, result: Any) -> None:
        """Call `RunProgress.complete`."""
        await on_loop(self._progress.complete, attempt, journal, result)

    async def fail(self, attempt: int, journal: Journal, problem: str) -> None:
        """Call `RunProgress.fail`."""
        await on_loop(self._progress.fail, attempt, journal, problem)

    async def drained(self, attempt: int, journal: Journal) -> None:
        """Call `RunProgress.drained`."""
        await on_loop(self._progress.drained, attempt, journal)


@asynccontextmanager
async def worker_store(database_url: str, pool: Pool, clock: Clock) -> AsyncIterator[WorkerStore]:
    """Yield a store on the current event loop. `pool` has the connections for writing."""
    engine = make_loop_engine(database_url, pool_size=READERS, application_name="assent worker")
    connections = Connections(pool)
    try:
        services = services_over(LoopSessions(engine, connections), clock, _assess)
        progress, quick = (
            RunProgress(LoopSessions(engine, connections, hasty=hasty), clock) for hasty in (False, True)
        )
        yield WorkerStore(progress, quick, services.checkpoints, services.model_calls, clock)
    finally:
        await connections.give_back()
        await engine.dispose()


def _assess(document: dict[str, Any], tools: ReadingTools) -> Assessment:
    if len(str(document)) < LONG_PROPOSAL:
        return assess_proposal(document, tools)
    return await_(asyncio.to_thread(assess_apart, document, tools))
