"""The jobs: what their names mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import procrastinate
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from app.domain.running import RunBusyError
from app.runtime.advance import Advancer
from app.store.jobs import ADVANCE, RUNS_QUEUE
from app.worker.jobs import RunJobs

BUSY_SECONDS = 0.3
LONGEST_WAIT_SECONDS = 30.0


class UntilItWorks(BaseRetryStrategy):
    """Try again for ever, ever more slowly: what fails here is the surroundings, never a decision of ours."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Soon for a run that is held elsewhere, with growing pauses for anything else."""
        busy = isinstance(exception, RunBusyError)
        wait = BUSY_SECONDS if busy else min(0.5 * 2 ** min(job.attempts, 10), LONGEST_WAIT_SECONDS)
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=wait))


def register_tasks(app: procrastinate.App, jobs: RunJobs, advancer: Advancer) -> None:
    """Tell the application what to do for each job's name."""

    @app.task(name=ADVANCE, queue=RUNS_QUEUE, retry=UntilItWorks(), pass_context=True)
    async def advance(context: JobContext, run_id: str) -> None:
        job_id = context.job.id
        if await advancer.advance(run_id, job_id) and job_id is not None:
            jobs.ended(job_id)
