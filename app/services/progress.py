"""The worker's side of a run: taking it up, noting what happens, and how it ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM
from app.domain.running import Delivery, Journal, LostRunError, RunSnapshot
from app.services.audit import record
from app.services.clock import Clock
from app.services.deciding import undelivered
from app.services.events import EventKind, event_row, publish
from app.services.journal import refuse_delivery, settle_receipts, write
from app.services.runs import cancel_pending
from app.store.engine import Sessions
from app.store.runs import Run


class RunProgress:
    """What workers write about the runs they advance."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def begin(self, run_id: str) -> RunSnapshot | None:
        """Take the run up if there is something to do; None if it rests or has ended.

        What a person asked of a run whose worker died (pause, cancel) is done here.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            run = session.get(Run, run_id, with_for_update=True)
            if run is None or run.state in _RESTING:
                return None
            waiting = undelivered(session, run_id)
            if run.state == RunState.SUSPENDED.value and not waiting:
                return None
            if run.control:
                self._obey(session, run, now)
                return None
            if run.state != RunState.RUNNING.value:
                publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=RunState.RUNNING.value))
            session.execute(
                update(Run)
                .where(Run.id == run_id)
                .values(
                    state=RunState.RUNNING.value,
                    attempt=run.attempt + 1,
                    version=run.version + 1,
                    started_at=run.started_at or now,
                    updated_at=now,
                )
                .execution_options(synchronize_session=False)
            )
            return RunSnapshot(
                id=run.id,
                workflow=run.workflow,
                version=run.workflow_version,
                input=run.input,
                attempt=run.attempt + 1,
                deliveries=[
                    Delivery(
                        request.id,
                        request.interrupt_id,
                        request.dialect,
                        request.value_digest,
                        request.node,
                        request.response_schema,
                        outcome.body,
                    )
                    for request, outcome in waiting
                ],
            )

    def note(self, attempt: int, journal: Journal) -> None:
        """Write what happened so far, while the run goes on. Raises LostRunError."""
        with self._sessions.begin() as session:
            self._held(session, journal.run_id, attempt)
            write(session, journal, self._clock())

    def refuse(self, run_id: str, attempt: int, request_id: str, reason: str) -> None:
        """Record that an outcome does not fit what the run asks now, so it will not be delivered."""
        with self._sessions.begin() as session:
            self._held(session, run_id, attempt)
            refuse_delivery(session, run_id, request_id, reason, self._clock())

    def complete(self, attempt: int, journal: Journal, result: Any) -> None:
        """The run has come to its end. Raises LostRunError."""
        self._end(attempt, journal, RunState.COMPLETED, result=result)

    def fail(self, attempt: int, journal: Journal, problem: str) -> None:
        """The run cannot go on; a person may retry it. Raises LostRunError."""
        self._end(attempt, journal, RunState.FAILED, problem=problem)

    def drained(self, attempt: int, journal: Journal) -> None:
        """The run stopped between two steps because a person, or the worker's shutdown, asked for it."""
        now = self._clock()
        with self._sessions.begin() as session:
            run = self._held(session, journal.run_id, attempt)
            write(session, journal, now)
            if run.control:
                self._obey(session, run, now)
            else:
                self._set(session, run, RunState.QUEUED, now)

    def _end(self, attempt: int, journal: Journal, state: RunState, result: Any = None, problem: str = "") -> None:
        now = self._clock()
        with self._sessions.begin() as session:
            run = self._held(session, journal.run_id, attempt)
            write(session, journal, now)
            settle_receipts(session, run.id, now, problem)
            error = {"message": problem} if problem else None
            self._set(session, run, state, now, result=result, error=error, finished_at=now)
            cancel_pending(session, SYSTEM, run.id, now, f"the run has {state.value}")
            record(session, SYSTEM, f"run.{state.value}", now, run_id=run.id, problem=problem)

    def _obey(self, session: Session, run: Run, now: datetime) -> None:
        """Do what a person asked of the run: it is at rest now."""
        if run.control == "cancel":
            settle_receipts(session, run.id, now, "The run was cancelled.")
            self._set(session, run, RunState.CANCELLED, now, finished_at=now)
            cancel_pending(session, SYSTEM, run.id, now, "the run was cancelled")
        else:
            self._set(session, run, RunState.PAUSED, now)

    @staticmethod
    def _held(session: Session, run_id: str, attempt: int) -> Run:
        run = session.get(Run, run_id, with_for_update=True)
        if run is None or run.attempt != attempt or run.state != RunState.RUNNING.value:
            raise LostRunError("This run has been taken up elsewhere.", run_id=run_id)
        return run

    @staticmethod
    def _set(session: Session, run: Run, state: RunState, now: datetime, **values: Any) -> None:
        session.execute(
            update(Run)
            .where(Run.id == run.id)
            .values(state=state.value, control="", version=run.version + 1, updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=run.id, state=state.value))


_RESTING = (
    RunState.PAUSED.value,
    RunState.COMPLETED.value,
    RunState.FAILED.value,
    RunState.CANCELLED.value,
)
