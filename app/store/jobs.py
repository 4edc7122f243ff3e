"""The jobs by name; the worker knows what the names mean. They are enqueued by `app.store.batch`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

ADVANCE = "runs.advance"
EXPIRE = "requests.expire"

RUNS_QUEUE = "runs"
TIMERS_QUEUE = "timers"
_RUNS_FIRST = 10
"""Priority of runs: the queue's index then finds them before the many timers that are not due yet."""


def advance_job(run_id: str) -> dict[str, Any]:
    """Advance the run, one job at a time per run."""
    return _job(RUNS_QUEUE, ADVANCE, _RUNS_FIRST, {"run_id": run_id}, lock=f"run:{run_id}")


def expire_job(request_id: str, at: datetime) -> dict[str, Any]:
    """Expire the request at its deadline; does nothing if the request moved on."""
    return _job(TIMERS_QUEUE, EXPIRE, 0, {"request_id": request_id}, queueing_lock=expire_lock(request_id), at=at)


def expire_lock(request_id: str) -> str:
    """The queueing lock by which the job of a request's deadline is found."""
    return f"expire:{request_id}"


def _job(
    queue: str,
    task: str,
    priority: int,
    args: dict[str, str],
    lock: str | None = None,
    queueing_lock: str | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    """A row of procrastinate's type `procrastinate_job_to_defer_v1`."""
    return {
        "queue_name": queue,
        "task_name": task,
        "priority": priority,
        "lock": lock,
        "queueing_lock": queueing_lock,
        "args": args,
        "scheduled_at": at.isoformat() if at else None,
    }
