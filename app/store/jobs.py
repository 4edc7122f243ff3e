"""The jobs by name; the worker knows what the names mean. They are enqueued by `app.store.batch`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

ADVANCE = "runs.advance"
RUNS_QUEUE = "runs"
FAN_OUT = "notify.fan_out"
DELIVER = "notify.deliver"
NOTIFY_QUEUE = "notify"
"""Jobs that tell people; those of kind `FAN_OUT` are enqueued by a trigger on events (migration 0008)."""
JOBS_CHANNEL = "assent_jobs"
"""Workers listen here for jobs that can be taken: the job's id and its run's, with a blank between."""


def advance_job(run_id: str) -> dict[str, Any]:
    """Advance the run, one job at a time per run: a row of procrastinate's type `procrastinate_job_to_defer_v1`."""
    return {
        "queue_name": RUNS_QUEUE,
        "task_name": ADVANCE,
        "priority": 0,
        "lock": f"run:{run_id}",
        "queueing_lock": None,
        "args": {"run_id": run_id},
        "scheduled_at": None,
    }


def deliver_job(delivery_id: str, at: datetime | None = None, priority: int = -20) -> dict[str, Any]:
    """Try a delivery, at once or at a time; in the same form. Runs' jobs have a higher priority."""
    return {
        "queue_name": NOTIFY_QUEUE,
        "task_name": DELIVER,
        "priority": priority,
        "lock": None,
        "queueing_lock": None,
        "args": {"delivery": delivery_id},
        "scheduled_at": at.isoformat() if at else None,
    }
