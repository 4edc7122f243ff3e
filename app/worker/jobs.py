"""The worker's side of the job queue: fewer trips to the server than procrastinate makes by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback
from psycopg.errors import RaiseException

from app.runtime.leases import Leases

log = structlog.get_logger(__name__)
POLL_SECONDS = 0.5
"""How late a job is found whose notification was missed, or that waited for its time."""


class RunJobs(JobManager):
    """The jobs of one procrastinate worker.

    It holds the worker's own lock before its first job, so that nobody takes a living worker for dead. It looks for a
    job only if one was announced that it has not seen yet, or if it has not looked for a while: procrastinate looks
    once more after each job that it found. And it does not end jobs that have ended with what they wrote.
    """

    def __init__(self, connector: procrastinate.BaseConnector, leases: Leases) -> None:
        super().__init__(connector)
        self._leases = leases
        self._announced: set[int] = set()
        self._looked_at = 0.0
        self._ended: set[int] = set()

    async def register_worker(self) -> int:
        """As procrastinate's, and claims the id."""
        worker_id = await super().register_worker()
        await self._leases.claim_worker(worker_id)
        return worker_id

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """As procrastinate's, and remembers which jobs were announced."""

        async def remember(*, channel: str, notification: Notification) -> None:
            if notification["type"] == "job_inserted":
                self._announced.add(notification["job_id"])
            await on_notification(channel=channel, notification=notification)

        await super().listen_for_jobs(on_notification=remember, queues=queues)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """A job, if there may be one. What is announced while the server looks is looked for at once."""
        while self._announced or time.monotonic() - self._looked_at > POLL_SECONDS / 2:
            known = set(self._announced)
            job = await super().fetch_job(queues, worker_id)
            if job is not None:
                self._announced.discard(job.id or 0)
                return job
            # All that were announced before are with other workers, or wait for a lock, whose end is announced, too.
            self._announced -= known
            self._looked_at = time.monotonic()
        return None

    def ended(self, job_id: int) -> None:
        """The job is gone from the queue already, with the statement that wrote what came of it."""
        self._ended.add(job_id)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """As procrastinate's, unless the job has ended already."""
        if job.id in self._ended:
            self._ended.discard(job.id)
            return
        try:
            await super().finish_job(job, status, delete_job)
        except ConnectorException as error:
            if not isinstance(error.__cause__, RaiseException):
                raise
            # It was not known whether the statement that ended it has been carried out.
            log.info("job.gone", job=job.id)
