"""The worker's side of the job queue: which jobs this worker claims, and how they end.

procrastinate stores the jobs. Its own `Worker` queries for a job in every process each time one is announced, and needs
a second statement to claim the run. Here, the worker whose turn it is claims an announced job together with its run,
and the others check a little later whether it was left over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from zlib import crc32

import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from psycopg.errors import OperationalError, RaiseException

from app.domain.run_protocol import Job, JobNotTakenError, RunBusyError
from app.runtime.advance import Advancer
from app.runtime.leases import Leases
from app.services.clock import Clock
from app.store.jobs import LIVE_WORKERS, RUNS_QUEUE
from app.worker.courier import Courier

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
"""How late a job is found whose announcement was missed, or that was scheduled for a time."""
LATER_SECONDS = 0.1
"""Delay before looking for an announced job that was another worker's turn, or could not be claimed.

It doubles each time another worker has taken its job as it should, until polling would find the job as soon."""
BUSY_SECONDS = 0.3
LONGEST_WAIT_SECONDS = 30.0
ROUND_SECONDS = 1.0
"""How often workers look for each other, and for abandoned jobs."""
BEAT_SECONDS = 10.0
SILENT_SECONDS = 30.0
"""Workers without a heartbeat for this time are no longer counted."""


class RunQueue:
    """The jobs of one worker process. They advance runs; each run has its own lock in the queue.

    Args:
        concurrency: How many jobs run at once.
        clock: The database's clock. The database uses it to decide when a job may be retried.
        courier: Runs the jobs of the other queue, as the same worker.
    """

    def __init__(
        self,
        jobs: JobManager,
        leases: Leases,
        advancer: Advancer,
        concurrency: int,
        clock: Clock,
        courier: Courier | None = None,
    ) -> None:
        self._courier = courier
        self._jobs = jobs
        self._leases = leases
        self._advancer = advancer
        self._concurrency = concurrency
        self._clock = clock
        self._worker: int | None = None
        self._workers: list[int] = []
        self._hand: dict[asyncio.Task[None], int] = {}
        self._strays: set[int] = set()
        self._look = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self._pause = LATER_SECONDS
        self._checking = False
        self._stopped = False

    async def run(self) -> None:
        """Run jobs until stopped, and until the current jobs have ended."""
        await self._jobs.prune_stalled_workers(SILENT_SECONDS)
        self._worker = await self._jobs.register_worker()
        # Held before the first job, so that nobody considers a living worker dead.
        await self._leases.claim_worker(self._worker)
        rounds = asyncio.create_task(self._go_round(), name="queue rounds")
        if self._courier is not None:
            self._courier.start(self._worker)
        try:
            while not self._stopped:
                self._look.clear()
                await self._take_all()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), POLL_SECONDS)
            while self._hand:
                await asyncio.wait(self._hand)
            if self._courier is not None:
                await self._courier.ended()
        finally:
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)
        await self._jobs.unregister_worker(self._worker)

    def stop(self) -> None:
        """Accept no more jobs."""
        self._stopped = True
        self._look.set()
        if self._courier is not None:
            self._courier.stop()

    def announce(self, job_id: int, run_id: str) -> None:
        """Handle a new job, or a job whose lock was released."""
        if self._worker is None or self._stopped:
            return
        if len(self._hand) < self._concurrency and self._is_mine(run_id):
            self._start(Job(job_id, self._worker), run_id)
        elif self._is_mine(run_id):
            self._look_later(LATER_SECONDS)
        elif self._pause < POLL_SECONDS:
            self._checking = True
            self._look_later(self._pause)

    def _is_mine(self, run_id: str) -> bool:
        """Return True for exactly one of the workers, if they know about each other.

        A run's jobs are the turn of the same worker, whose caches and connections have just dealt with that run.
        """
        return not self._workers or self._workers[crc32(run_id.encode()) % len(self._workers)] == self._worker

    def _look_later(self, seconds: float) -> None:
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(seconds, self._look_now)

    def _look_now(self) -> None:
        self._later = None
        self._look.set()

    async def _take_all(self) -> None:
        """Claim unclaimed jobs, as many as there is room for."""
        while not self._stopped and len(self._hand) < self._concurrency:
            try:
                job = await self._jobs.fetch_job([RUNS_QUEUE], self._worker or 0)
            except ConnectorException as error:
                if not isinstance(error.__cause__, OperationalError):
                    raise
                # The connection was lost. A job that was claimed nevertheless is found by `put_back`.
                log.warning("queue.unreachable", exc_info=True)
                return
            if job is None:
                if self._checking:
                    self._pause *= 2
                    self._checking = False
                return
            self._pause, self._checking = LATER_SECONDS, False
            self._start(Job(job.id or 0), str(job.task_kwargs["run_id"]))

    def _start(self, job: Job, run_id: str) -> None:
        task = asyncio.create_task(self._work(job, run_id), name=f"job {job.id}")
        self._hand[task] = job.id
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if len(self._hand) >= self._concurrency:
            self._look.set()
        del self._hand[task]

    async def _work(self, job: Job, run_id: str) -> None:
        if job.worker is None:
            # This job was found by polling and announced at the same time. The attempt to claim the announced job
            # fails, and until then the run seems to be busy.
            twins = [task for task, held in self._hand.items() if held == job.id and task is not asyncio.current_task()]
            if twins:
                await asyncio.wait(twins)
        try:
            if not await self._advancer.advance(run_id, job):
                await self._finish(job.id)
        except JobNotTakenError:
            self._look_later(LATER_SECONDS)
        except Exception as error:
            # Only the environment can fail here, so the job is retried forever.
            busy = isinstance(error, RunBusyError)
            if not busy:
                log.error("job.failed", job=job.id, run_id=run_id, exc_info=True)
            with suppress(ConnectorException):
                await self._again(job.id, busy)

    async def _finish(self, job_id: int) -> None:
        """Remove a job from the queue for which there was nothing to do."""
        try:
            await self._jobs.finish_job_by_id_async(job_id, Status.SUCCEEDED, delete_job=True)
        except ConnectorException as error:
            if not isinstance(error.__cause__, RaiseException):
                raise
            # It was unknown whether the statement that ended the job had been executed.
            log.info("job.gone", job=job_id)

    async def _again(self, job_id: int, busy: bool) -> None:
        """Retry a job: soon if its run is held elsewhere, or else after increasing pauses."""
        wait = BUSY_SECONDS
        if not busy:
            for job in await self._jobs.list_jobs_async(id=job_id):
                wait = min(0.5 * 2 ** min(job.attempts, 10), LONGEST_WAIT_SECONDS)
        await self._jobs.retry_job_by_id_async(job_id, retry_at=self._clock() + timedelta(seconds=wait))

    async def _go_round(self) -> None:
        beat = 0.0
        while True:
            try:
                if (now := asyncio.get_running_loop().time()) - beat > BEAT_SECONDS:
                    await self._jobs.update_heartbeat(self._worker or 0)
                    await self._jobs.prune_stalled_workers(SILENT_SECONDS)
                    beat = now
                    self._pause = LATER_SECONDS
                rows = await self._jobs.connector.execute_query_all_async(LIVE_WORKERS, silent=SILENT_SECONDS)
                self._workers = [row["id"] for row in rows]
                await self.put_back()
            except Exception:
                # The next round retries. The lease's heartbeat ends the process if the database stays unreachable.
                log.warning("queue.round_failed", exc_info=True)
            await asyncio.sleep(ROUND_SECONDS)

    async def put_back(self) -> None:
        """Put abandoned jobs back into the queue, where polling finds them.

        procrastinate leaves the job of a killed worker in the state ``doing``, where its lock blocks the run. A
        worker's advisory lock is free as soon as its process has ended, so nobody has to wait for its heartbeat to
        expire. A job of this worker that it does not know in two rounds was claimed by a statement whose result was
        lost.
        """
        doing = await self._jobs.list_jobs_async(status=Status.DOING.value)
        owners = {job.id: job.worker_id for job in doing if job.id is not None}
        dead = await self._dead({owner for owner in owners.values() if owner is not None and owner != self._worker})
        hand = set(self._hand.values()) | (self._courier.hand if self._courier is not None else set())
        unknown = {job for job, owner in owners.items() if owner == self._worker and job not in hand}
        left = {job for job, owner in owners.items() if owner is None or owner in dead} | (unknown & self._strays)
        self._strays = unknown - left
        for job in sorted(left):
            await self._jobs.retry_job_by_id_async(job, retry_at=self._clock())
            log.warning("job.rescued", job=job, worker=owners[job])
        if left:
            self._look.set()

    async def _dead(self, workers: Collection[int]) -> set[int]:
        return {worker for worker in workers if await self._leases.is_dead(worker)}
