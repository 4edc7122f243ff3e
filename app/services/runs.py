"""Starting runs and steering them: the use cases behind the run pages, the API and the command line."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from app.domain.changes import check_schema
from app.domain.errors import ConflictError, IllegalTransitionError, InvalidInputError, NotFoundError
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Action, Actor
from app.domain.text import is_storable
from app.services.audit import record
from app.services.clock import Clock
from app.services.deciding import clean_comment
from app.services.events import EventKind, event_row, publish
from app.store.engine import Sessions
from app.store.jobs import JobQueue
from app.store.requests import ApprovalRequest
from app.store.runs import CatalogueEntry, Run
from assent.masking import mask

CONTROL_CHANNEL = "assent_control"
"""Workers listen here for the ids of runs that somebody wants paused or cancelled."""
MAX_INPUT_BYTES = 1_000_000


class Runs:
    """Starts, pauses, resumes, cancels and retries runs; workers do the advancing."""

    def __init__(self, sessions: Sessions, jobs: JobQueue, clock: Clock) -> None:
        self._sessions = sessions
        self._jobs = jobs
        self._clock = clock

    def catalogue(self) -> list[CatalogueEntry]:
        """All workflows that can be started, by title."""
        with self._sessions() as session:
            return list(session.scalars(select(CatalogueEntry).order_by(CatalogueEntry.title)))

    def workflow(self, name: str) -> CatalogueEntry:
        """One workflow. Raises NotFoundError."""
        with self._sessions() as session:
            entry = session.get(CatalogueEntry, name) if is_storable(name) else None
        if entry is None:
            raise NotFoundError(f"There is no workflow {name!r}.")
        return entry

    def start(self, actor: Actor, workflow: str, run_input: Any, title: str = "") -> Run:
        """Start a run; a worker takes it up as soon as this is committed.

        Secrets in the input are masked before it is stored, so workflows name targets instead of carrying addresses.

        Raises:
            ForbiddenError: the actor may not start runs.
            NotFoundError: there is no such workflow.
            InvalidInputError: the input does not fit the workflow's schema, or the title cannot be stored; `fields` says
                where.
        """
        actor.require(Action.START_RUN)
        entry = self.workflow(workflow)
        if not isinstance(run_input, dict):
            raise InvalidInputError("The input of a run is an object.", {"input": "not an object"})
        check_schema(run_input, entry.input_schema, "input")
        masked, _ = mask(run_input)
        shown = " ".join(clean_comment(title).split()) or entry.title
        now = self._clock()
        run_id = str(uuid.uuid4())
        with self._sessions.begin() as session:
            session.execute(
                insert(Run).values(
                    id=run_id,
                    workflow=entry.name,
                    workflow_version=entry.version,
                    title=shown[:200],
                    input=masked,
                    started_by_id=actor.id or None,
                    started_by_name=actor.name,
                    created_at=now,
                    updated_at=now,
                )
            )
            record(session, actor, "run.started", now, run_id=run_id, workflow=entry.name, version=entry.version)
            publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=RunState.QUEUED.value))
            self._jobs.advance(session, run_id)
            return session.get_one(Run, run_id)

    def recent(self, state: str = "", before: tuple[datetime, str] | None = None, limit: int = 50) -> list[Run]:
        """Runs, newest first, optionally of one state and older than `before` (created_at, id)."""
        query = select(Run).order_by(Run.created_at.desc(), Run.id.desc()).limit(min(limit, 200))
        if state:
            if state not in set(RunState):
                raise InvalidInputError(f"There is no run state {state!r}.", {"state": "unknown"})
            query = query.where(Run.state == state)
        if before is not None:
            query = query.where((Run.created_at < before[0]) | ((Run.created_at == before[0]) & (Run.id < before[1])))
        with self._sessions() as session:
            return list(session.scalars(query))

    def live_count(self) -> int:
        """How many runs are not finished, up to 1,000."""
        finished = [each.value for each in RunState if each.finished]
        with self._sessions() as session:
            some = select(Run.id).where(Run.state.not_in(finished)).limit(1000).subquery()
            return session.scalar(select(func.count()).select_from(some)) or 0

    def pause(self, actor: Actor, run_id: str) -> Run:
        """Stop the run before its next step; decisions made meanwhile are kept. Raises NotFoundError, ConflictError."""
        return self._steer(actor, run_id, "pause", {RunState.QUEUED, RunState.SUSPENDED}, RunState.PAUSED)

    def cancel(self, actor: Actor, run_id: str, reason: str = "") -> Run:
        """End the run before its next step and cancel what it waits for. Raises NotFoundError, ConflictError."""
        still = {RunState.QUEUED, RunState.SUSPENDED, RunState.PAUSED}
        return self._steer(actor, run_id, "cancel", still, RunState.CANCELLED, reason)

    def resume(self, actor: Actor, run_id: str) -> Run:
        """Let a paused run go on. Raises NotFoundError, ConflictError."""
        return self._requeue(actor, run_id, "resume", RunState.PAUSED)

    def retry(self, actor: Actor, run_id: str) -> Run:
        """Let a failed run try again from the step that failed. Raises NotFoundError, ConflictError."""
        return self._requeue(actor, run_id, "retry", RunState.FAILED)

    def _requeue(self, actor: Actor, run_id: str, act: str, expected: RunState) -> Run:
        actor.require(Action.CONTROL_RUN)
        now = self._clock()
        with self._sessions.begin() as session:
            run = self._get(session, run_id)
            if not self._move(session, run, {expected}, RunState.QUEUED, now, control="", finished_at=None, error=None):
                raise _refusal(run, act)
            record(session, actor, f"run.{act}", now, run_id=run_id)
            self._jobs.advance(session, run_id)
        return run

    def _steer(
        self, actor: Actor, run_id: str, act: str, still: set[RunState], ending: RunState, reason: str = ""
    ) -> Run:
        """Do it at once if nothing is being advanced, else leave word for the worker that advances the run."""
        actor.require(Action.CONTROL_RUN)
        reason = clean_comment(reason)
        now = self._clock()
        with self._sessions.begin() as session:
            run = self._get(session, run_id)
            if run.control:
                raise ConflictError(f"Somebody has already asked to {run.control} this run.")
            if run.state == RunState.RUNNING.value:
                done = self._move(session, run, {RunState.RUNNING}, RunState.RUNNING, now, control=act)
                session.execute(text("select pg_notify(:channel, :run)"), {"channel": CONTROL_CHANNEL, "run": run_id})
            else:
                finished = {"finished_at": now} if ending.finished else {}
                done = self._move(session, run, still, ending, now, **finished)
                if done and ending is RunState.CANCELLED:
                    cancel_pending(session, actor, run_id, now, reason or "the run was cancelled")
            if not done:
                raise _refusal(run, act)
            record(session, actor, f"run.{act}", now, run_id=run_id, reason=reason)
        return run

    @staticmethod
    def _get(session: Session, run_id: str) -> Run:
        run = session.get(Run, run_id) if is_storable(run_id) else None
        if run is None:
            raise NotFoundError("There is no such run.", run_id=run_id)
        return run

    @staticmethod
    def _move(session: Session, run: Run, old: set[RunState], new: RunState, now: datetime, **values: Any) -> bool:
        changed = session.execute(
            update(Run)
            .where(Run.id == run.id, Run.version == run.version, Run.state.in_([each.value for each in old]))
            .values(state=new.value, version=Run.version + 1, updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        if changed.rowcount != 1:  # type: ignore[attr-defined]
            return False
        session.refresh(run)
        publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=run.id, state=new.value, control=run.control))
        return True


def cancel_pending(session: Session, actor: Actor, run_id: str, now: datetime, reason: str) -> None:
    """Cancel what the run waits for, as part of ending the run."""
    cancelled = session.execute(
        update(ApprovalRequest)
        .where(ApprovalRequest.run_id == run_id, ApprovalRequest.state == RequestState.PENDING.value)
        .values(state=RequestState.CANCELLED.value, version=ApprovalRequest.version + 1, resolved_at=now, note=reason)
        .returning(ApprovalRequest.id)
    ).scalars()
    for request_id in cancelled:
        record(session, actor, "request.cancelled", now, request_id=request_id, run_id=run_id, reason=reason)
        publish(
            session,
            event_row(
                EventKind.REQUEST_RESOLVED,
                now,
                run_id=run_id,
                request_id=request_id,
                state=RequestState.CANCELLED.value,
            ),
        )


def _refusal(run: Run, act: str) -> IllegalTransitionError:
    return IllegalTransitionError(f"A run that is {run.state} cannot be asked to {act}.", state=run.state)
