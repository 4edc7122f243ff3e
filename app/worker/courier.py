"""The worker's second queue: notifications. It yields to runs, and never delays them.

Its jobs are claimed with the worker's number, so that they are put back like those of runs when the worker dies
(`app.worker.queue.RunQueue.put_back`). Slow work runs in its own threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.manager import JobManager

from app.services.clock import Clock
from app.store.jobs import NOTIFY_QUEUE, REWRITE, SIGN_IN
from app.worker.post import Post

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
PLAN_SECONDS = 0.5
"""How often deliveries of events are planned; half as often while runs are being advanced.

A longer interval plans more at once, but notifies people later."""
AT_ONCE = 4
"""Deliveries that one worker attempts at the same time."""
GIVE_WAY_SECONDS = 0.1
"""Pause before each job while runs are being advanced; jobs then run one after the other."""
PATIENCE_SECONDS, IMPATIENT_SECONDS = 60.0, 0.04
"""After this time with a backlog, the pauses get shorter, so that notifications do not fall behind forever."""
BUSY_SECONDS = 1.0
"""For this time after a run was last advanced, another one is expected."""
LONGEST_WAIT_SECONDS = 30.0
PRUNE_SECONDS = 3600.0
FORGET_SECONDS = 60.0
"""How often browsers are removed whose session is over."""


class Courier:
    """Runs the jobs of the post.

    Args:
        busy: Returns whether runs are being advanced here.
        clock: The database's clock. The database uses it to decide when a job may be retried.
    """

    def __init__(self, jobs: JobManager, post: Post, busy: Callable[[], bool], clock: Clock) -> None:
        self._jobs = jobs
        self._post = post
        self._busy = busy
        self._clock = clock
        self._hand: dict[asyncio.Task[None], int] = {}
        self._stopped = asyncio.Event()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="courier")
        # Separate from the other threads, which may all be waiting for a slow mail server.
        self._planner = ThreadPoolExecutor(1, thread_name_prefix="planner")
        self._tasks: list[asyncio.Task[None]] = []
        self._pruned = 0.0
        self._forgot = -FORGET_SECONDS
        self._seen_busy = -BUSY_SECONDS
        self._idle_at = 0.0

    def start(self, worker: int) -> None:
        """Start, as this worker of the job queue."""
        self._idle_at = asyncio.get_running_loop().time()
        self._tasks = [
            asyncio.create_task(self._run(worker), name="courier"),
            asyncio.create_task(self._plan(), name="planner"),
        ]

    def stop(self) -> None:
        """Accept no more jobs."""
        self._stopped.set()

    async def ended(self) -> None:
        """Wait until the current jobs have ended."""
        self.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._hand:
            await asyncio.wait(self._hand)
        for threads in (self._threads, self._planner):
            threads.shutdown(wait=False)

    @property
    def hand(self) -> set[int]:
        """IDs of the jobs that are being run."""
        return set(self._hand.values())

    async def _run(self, worker: int) -> None:
        while not self._stopped.is_set():
            try:
                await self._prune()
                if await self._take_one(worker):
                    continue
            except ConnectorException:
                # The connection was lost. A job that was claimed nevertheless is put back.
                log.warning("courier.unreachable", exc_info=True)
            except Exception:
                log.error("courier.failed", exc_info=True)
            await self._pause(POLL_SECONDS)

    async def _plan(self) -> None:
        """Plan due deliveries in a thread, repeatedly."""
        plan = self._post.planning.plan_due
        while not self._stopped.is_set():
            try:
                if await asyncio.get_running_loop().run_in_executor(self._planner, plan):
                    continue
            except Exception:
                log.warning("planning.unreachable", exc_info=True)
            await self._pause(PLAN_SECONDS * (2 if self._gives_way() else 1))

    async def _take_one(self, worker: int) -> bool:
        """Start the next job. Returns False if there is none."""
        if self._gives_way():
            waited = asyncio.get_running_loop().time() - self._idle_at
            await self._pause(GIVE_WAY_SECONDS if waited < PATIENCE_SECONDS else IMPATIENT_SECONDS)
        while len(self._hand) >= (1 if self._gives_way() else AT_ONCE):
            await asyncio.wait(self._hand, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped.is_set():
            return True
        job = await self._jobs.fetch_job([NOTIFY_QUEUE], worker)
        if job is None:
            self._idle_at = asyncio.get_running_loop().time()
            return False
        task = asyncio.create_task(self._work(job), name=f"job {job.id}")
        self._hand[task] = job.id or 0
        task.add_done_callback(self._hand.pop)
        return True

    def _gives_way(self) -> bool:
        """Return True while runs are being advanced here, and for a moment after that."""
        now = asyncio.get_running_loop().time()
        if self._busy():
            self._seen_busy = now
        return now - self._seen_busy < BUSY_SECONDS

    async def _work(self, job: QueuedJob) -> None:
        job_id = job.id or 0
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._do, job)
        except Exception:
            # The environment failed, not a delivery, whose failures are recorded. The job is retried forever.
            log.error("courier.job_failed", job=job_id, exc_info=True)
            wait = min(0.5 * 2 ** min(job.attempts, 10), LONGEST_WAIT_SECONDS)
            with suppress(ConnectorException):
                await self._jobs.retry_job_by_id_async(job_id, retry_at=self._clock() + timedelta(seconds=wait))

    def _do(self, job: QueuedJob) -> None:
        given: dict[str, Any] = dict(job.task_kwargs)
        if job.task_name == REWRITE:
            self._post.rewrite(given, job.id or 0)
        elif job.task_name == SIGN_IN:
            self._post.sign_in(given, job.id or 0)
        elif self._post.deliver(given["delivery"], job.id) is None:
            self._post.deliveries.end_job(job.id or 0)

    async def _prune(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._forgot > FORGET_SECONDS:
            self._forgot = now
            await asyncio.get_running_loop().run_in_executor(self._threads, self._post.forget_browsers)
        if now - self._pruned > PRUNE_SECONDS:
            self._pruned = now
            for tidy in (self._post.deliveries.blank, self._post.deliveries.prune):
                await asyncio.get_running_loop().run_in_executor(self._threads, tidy)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
