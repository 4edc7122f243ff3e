"""The names of jobs, and SQL on procrastinate's tables, which only this module and `migrate` know.

The worker executes the jobs. `app.store.batch` enqueues them.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

ADVANCE = "runs.advance"
RUNS_QUEUE = "runs"
DELIVER = "notify.deliver"
REWRITE = "notify.rewrite"
SIGN_IN = "notify.sign_in"
NOTIFY_QUEUE = "notify"
"""Jobs that send notifications."""
JOBS_CHANNEL = "assent_jobs"
"""Workers listen on this channel for available jobs: the IDs of the job and its run, separated by a space."""

DEFER = """procrastinate_defer_jobs_v1(array(
        select each::procrastinate_job_to_defer_v1 from json_populate_recordset(
            null::procrastinate_job_to_defer_v1, %(jobs)s::json) as each {where}))"""
"""An expression that enqueues `jobs`, or some of them, which the statement selects with `where`."""
END = "delete from procrastinate_jobs where id = any(%(ended)s)"
"""Removes the jobs `ended` from the queue."""
END_ONE = "delete from procrastinate_jobs where id = :id"
"""Removes a job from the queue."""
DUE_DELIVERIES = """
    select coalesce(json_agg(json_build_object('id', id, 'delivery', args ->> 'delivery')
        order by scheduled_at nulls first, id), '[]') from procrastinate_jobs where queue_name = %(queue)s
        and (scheduled_at is null or scheduled_at <= %(now)s)"""
"""The jobs of a queue that are due at `now`, with their deliveries, as JSON."""
NEXT_SCHEDULED = "select min(scheduled_at) from procrastinate_jobs where queue_name = %(queue)s"
"""When the next job of a queue is due that is put off."""
HASTEN = """
    update procrastinate_jobs set scheduled_at = null
    where status = 'todo' and task_name = 'notify.deliver' and args ->> 'delivery' = :delivery and scheduled_at > :now
    returning id"""
"""Moves up the job that attempts a delivery later; returns nothing if it is due or being run."""
HASTEN_ALL = """
    update procrastinate_jobs set scheduled_at = null
    where status = 'todo' and task_name = 'notify.deliver' and args ->> 'delivery' = any(:deliveries)
        and scheduled_at > :now
    returning args ->> 'delivery'"""
"""Moves up the jobs that attempt these deliveries later; returns the deliveries whose job was moved."""
TAKE = """
    update procrastinate_jobs as job set status = 'doing', worker_id = %(worker)s
    where id = %(job)s and status = 'todo' and (scheduled_at is null or scheduled_at <= now())
        and not exists (select from procrastinate_jobs as other
            where other.lock = job.lock and (other.status = 'doing' or other.status = 'todo' and other.id < job.id))
    returning id"""
"""Claims a job for the worker, as procrastinate's own function does, if the job is available.

That function checks the lock, too; a unique index of procrastinate enforces it.
"""
WAITING = """
    select queue_name as queue, count(*) as waiting from procrastinate_jobs where status = 'todo' group by queue_name"""
LAST_SIGN = "select max(last_heartbeat) from procrastinate_workers"
"""The time of the workers' last heartbeat; null if there is no worker."""
LIVE_WORKERS = """
    select id from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(silent)s) order by id"""
A_WORKER_LIVES = """exists (
    select from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(silent)s))"""
"""A condition: a worker has sent a heartbeat lately."""
WORKERS_EXIST = "select to_regclass('procrastinate_workers') is not null"


def advance_job(run_id: str) -> dict[str, Any]:
    """Return a job that advances a run, one at a time per run, as procrastinate's `procrastinate_job_to_defer_v1`."""
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
    """Return a job, in the same form, that attempts a delivery at once or at a time. Jobs of runs take priority."""
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
    """Return a job, in the same form, that updates a sent message, one at a time per message.

    Args:
        seen: The request's version that the message shows; if it is unchanged, nothing is done. 0 if unknown.
        tries: The number of failed attempts, the first of them at `since`.
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


def sign_in_job(email: str, source: str, at: datetime) -> str:
    """Return, as JSON, a list of one job, in the same form, that looks for the account and sends it a sign-in link."""
    job = {
        "queue_name": NOTIFY_QUEUE,
        "task_name": SIGN_IN,
        "priority": -10,
        "lock": None,
        "queueing_lock": None,
        "args": {"email": email, "source": source, "asked_at": at.isoformat()},
        "scheduled_at": None,
    }
    return json.dumps([job])
