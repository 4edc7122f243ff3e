"""The jobs by name, and procrastinate's tables in SQL, which only this module knows (and `migrate`, which makes them).

What the names mean the worker knows. Jobs are enqueued by `app.store.batch`.
"""

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
END = "delete from procrastinate_jobs where id = any(%(ended)s)"
"""Takes the jobs `ended` out of the queue."""
TAKE = """
    update procrastinate_jobs as job set status = 'doing', worker_id = %(worker)s
    where id = %(job)s and status = 'todo' and (scheduled_at is null or scheduled_at <= now())
        and not exists (select from procrastinate_jobs as other
            where other.lock = job.lock and (other.status = 'doing' or other.status = 'todo' and other.id < job.id))
    returning id"""
"""Takes the job for the worker, as procrastinate's own function does, if it is there to be taken.

The lock is what that function looks at, too; a unique index of procrastinate's makes sure of it.
"""
WAITING = """
    select queue_name as queue, count(*) as waiting from procrastinate_jobs where status = 'todo' group by queue_name"""
LAST_SIGN = "select max(last_heartbeat) from procrastinate_workers"
"""When a worker last said that it lives; null: there is none."""
LIVE_WORKERS = """
    select id from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(silent)s) order by id"""
WORKERS_EXIST = "select to_regclass('procrastinate_workers') is not null"


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
