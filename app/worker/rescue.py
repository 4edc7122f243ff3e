"""Taking over the jobs of workers that died.

procrastinate leaves the job of a killed worker in the state `doing`, where its lock blocks the run. A worker's advisory
lock is free as soon as its process is gone, so the others need not wait for a heartbeat to grow old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import procrastinate
import structlog
from procrastinate.jobs import Status
from procrastinate.worker import Worker

from app.runtime.leases import Leases

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 1.0


async def rescue_jobs(app: procrastinate.App, leases: Leases, own: set[int]) -> int:
    """Put the jobs of dead workers back into the queue. Returns how many."""
    doing = list(await app.job_manager.list_jobs_async(status=Status.DOING.value))
    dead = {
        worker: worker is None or await leases.is_dead(worker)
        for worker in {job.worker_id for job in doing}
        if worker is None or worker not in own
    }
    rescued = 0
    for job in doing:
        if dead.get(job.worker_id, False) and job.id is not None:
            await app.job_manager.retry_job_by_id_async(job.id, retry_at=datetime.now(UTC))
            rescued += 1
            log.warning("job.rescued", job=job.id, task=job.task_name, worker=job.worker_id)
    return rescued


async def keep_rescuing(app: procrastinate.App, leases: Leases, workers: Sequence[Worker]) -> None:
    """Rescue again and again until cancelled; the workers' polling finds what was rescued."""
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        try:
            await rescue_jobs(app, leases, {each.worker_id for each in workers if each.worker_id is not None})
        except Exception:
            # The next round tries again; the lease's heartbeat ends the process if the database is gone for good.
            log.warning("rescue.failed", exc_info=True)
