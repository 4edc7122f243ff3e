"""The jobs by name; the worker knows what the names mean. They are enqueued by `app.store.batch`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

ADVANCE = "runs.advance"
RUNS_QUEUE = "runs"
DELIVER = "notify.deliver"
REWRITE = "notify.rewrite"
NOTIFY_QUEUE = "notify"
"""Jobs that send notifications."""
JOBS_CHANNEL = "assent_jobs"
"""Workers listen here for jobs that can be taken: the job's id and its run's, with a blank between."""

DEFER = """procrastinate_defer_jobs_v1(array(
        select each::procrastinate_job_to_defer_v1 from json_populate_recordset(
            null::procrastinate_job_to_defer_v1, %(jobs)s::json) as each {where}))"""
"""An expression that enqueues `jobs`, in a statement that may say which of them with `where`."""


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


def rewrite_job(
    delivery_id: str, seen: int = 0, tries: int = 0, since: datetime | None = None, at: datetime | None = None
) -> dict[str, Any]:
    """Bring a sent message up to date, one job at a time per message; in the same form.

    Args:
        seen: the request's version that the message tells; if it is still the same, nothing is done. 0: not known.
        tries: how often it was tried in vain, the first time at `since`.
    """
    return {
        "queue_name": NOTIFY_QUEUE,
        "task_name": REWRITE,
        "priority": -15,
        "lock": f"message:{delivery_id}",
        "queueing_lock": None,
        "args": {
            "delivery": delivery_id, "seen": seen, "tries": tries, "since": since.isoformat() if since else None,
        },
        "scheduled_at": at.isoformat() if at else None,
    }  # fmt: skip
