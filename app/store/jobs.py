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


class JobQueue:
    """Defers procrastinate jobs by name; the worker knows what the names mean."""

    def __init__(self) -> None:
        # The connector is never opened: every job is inserted over the caller's connection.
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def advance(self, session: Session, run_id: str, at: datetime | None = None) -> None:
        """Have a worker advance the run, one job at a time per run."""
        self._defer(session, ADVANCE, queue=RUNS_QUEUE, lock=f"run:{run_id}", at=at, run_id=run_id)

    def expire(self, session: Session, request_id: str, at: datetime) -> None:
        """Have a worker expire the request at its deadline; it does nothing if the request moved on."""
        self._defer(session, EXPIRE, queue=TIMERS_QUEUE, lock=None, at=at, request_id=request_id)

    def _defer(
        self, session: Session, task: str, *, queue: str, lock: str | None, at: datetime | None, **args: Any
    ) -> None:
        connection = session.connection().connection.dbapi_connection
        self._app.configure_task(
            task, allow_unknown=True, queue=queue, lock=lock, schedule_at=at, connection=connection
        ).defer(**args)
