"""Jobs enqueued in the caller's own transaction: a decision and its resume job commit together or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import procrastinate
from sqlalchemy.orm import Session

ADVANCE = "runs.advance"
EXPIRE = "requests.expire"

RUNS_QUEUE = "runs"
TIMERS_QUEUE = "timers"
_RUNS_FIRST = 10
"""Priority of runs: the queue's index then finds them before the many timers that are not due yet."""


class JobQueue:
    """Defers procrastinate jobs by name; the worker knows what the names mean."""

    def __init__(self) -> None:
        # The connector is never opened: every job is inserted over the caller's connection.
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def advance(self, session: Session, run_id: str) -> None:
        """Have a worker advance the run, one job at a time per run."""
        self._defer(session, ADVANCE, queue=RUNS_QUEUE, lock=f"run:{run_id}", priority=_RUNS_FIRST, run_id=run_id)

    def expire(self, session: Session, request_id: str, at: datetime) -> int:
        """Have a worker expire the request at its deadline; it does nothing if the request moved on.

        Returns:
            The job's id, for `forget`.
        """
        return self._defer(session, EXPIRE, queue=TIMERS_QUEUE, at=at, request_id=request_id)

    def forget(self, session: Session, job_id: int) -> None:
        """Remove a job that has not begun and is not needed any more."""
        self._app.job_manager.cancel_job_by_id(job_id, delete_job=True, connection=_raw(session))

    def _defer(
        self,
        session: Session,
        task: str,
        *,
        queue: str,
        lock: str | None = None,
        at: datetime | None = None,
        priority: int = 0,
        **args: Any,
    ) -> int:
        deferrer = self._app.configure_task(
            task,
            allow_unknown=True,
            queue=queue,
            lock=lock,
            schedule_at=at,
            priority=priority,
            connection=_raw(session),
        )
        return deferrer.defer(**args)


def _raw(session: Session) -> Any:
    return session.connection().connection.dbapi_connection
