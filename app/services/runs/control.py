"""Starting and controlling runs: the use cases behind the run pages, the API, and the command line."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    NotFoundError,
    TooLargeError,
)
from app.domain.events import EventKind
from app.domain.lifecycle import RUN_TRANSITIONS, RequestState, RunState, origins
from app.domain.misfits import check_schema
from app.domain.people import Action, Actor, Role
from app.domain.run_protocol import Journal
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.files.decided import deleted_meanwhile
from app.services.files.fields import file_fields
from app.services.files.uploads import Files
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests.comments import clean_comment
from app.services.requests.concern import is_concerned
from app.services.requests.endings import end_held, end_pending
from app.services.requests.grace import require_no_refusal
from app.services.runs.catalog import OFFERED_SECONDS, broken_workflows, is_offered
from app.services.runs.journal import CANCELLED, conclude, open_receipts
from app.services.runs.run_list import listed_runs
from app.services.sight import is_starter, sees_run
from app.store.batch import Batch, made_once
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest
from app.store.runs import CatalogueEntry, Run
from assent.digests import canonical
from assent.files import FORMAT, PREFIX, references_in
from assent.json_values import read_back
from assent.masking import mask

CONTROL_CHANNEL = "assent_control"
"""Workers listen here for the ids of runs to pause or cancel, each with a space and its `Run.control`."""
MAX_INPUT_BYTES = 1_000_000
_CONTROLS = {
    RunState.QUEUED: ("pause", "ask", "cancel"),
    RunState.RUNNING: ("pause", "ask", "cancel"),
    RunState.SUSPENDED: ("pause", "ask", "cancel"),
    RunState.PAUSED: ("resume", "ask", "cancel"),
    RunState.FAILED: ("retry",),
}
"""How a run in each state can be controlled."""
_ENTRY = f"""
select version, title, input_schema, coalesce(error, '') as error, offered is not false as offered
from workflows left join lateral (
    select bool_or(o.error = '' and o.name = workflows.name) as offered,
           max(o.error) filter (where o.name = workflows.name) as error
    from workflow_offers o where o.seen_at > now() - interval '{OFFERED_SECONDS:.0f} seconds') as offers on true
where name = %(name)s
"""


class Runs:
    """Starts, pauses, resumes, cancels, and retries runs. Workers execute them."""

    def __init__(self, sessions: Sessions, clock: Clock, files: Files | None = None) -> None:
        self._sessions = sessions
        self._clock = clock
        self._files = files or Files(sessions, clock)

    def catalog(self) -> list[CatalogueEntry]:
        """All workflows that can be started, by title: those of workers with a recent heartbeat, if there are any."""
        with self._sessions.reads() as session:
            return list(session.scalars(select(CatalogueEntry).where(is_offered()).order_by(CatalogueEntry.title)))

    def broken(self) -> dict[str, str]:
        """Why workers cannot run workflows, masked, by name; or by path if it could not even be imported."""
        with self._sessions.reads() as session:
            return broken_workflows(session)

    def workflow(self, name: str) -> CatalogueEntry:
        """One workflow that can be started. Raises NotFoundError, ConflictError."""
        self._entry(name)
        with self._sessions.reads() as session:
            entry = session.get(CatalogueEntry, name) if is_storable(name) else None
        if entry is None:
            raise NotFoundError(f"There is no workflow {name!r}.")
        return entry

    def described(self, name: str) -> tuple[CatalogueEntry, str, bool]:
        """A workflow of the catalog, its file if it is written in YAML, masked, and whether it can be started.

        It may be one that no worker has any longer, but that runs were started with. Raises NotFoundError.
        """
        wanted = select(CatalogueEntry, CatalogueEntry.source, is_offered()).where(CatalogueEntry.name == name)
        with self._sessions.reads() as session:
            found = session.execute(wanted).one_or_none() if is_storable(name) else None
        if found is None:
            raise NotFoundError(f"There is no workflow {name!r}.")
        entry, source, offered = found
        return entry, source, offered

    def _entry(self, name: str) -> tuple[str, str, Any, bool]:
        """Version, title, and input schema of a workflow that can be started, and whether it may have fields for files.

        Raises:
            NotFoundError: there is none, or no worker has it any longer.
            ConflictError: it is broken.
        """
        rows = self._sessions.execute(_ENTRY, {"name": name}) if is_storable(name) else []
        if not rows:
            raise NotFoundError(f"There is no workflow {name!r}.")
        if not rows[0]["offered"]:
            if error := rows[0]["error"]:
                raise ConflictError(f"The workflow “{rows[0]['title']}” is broken: {error}")
            raise NotFoundError(f"No worker has the workflow {name!r} any longer.")
        text = rows[0]["input_schema"]
        return rows[0]["version"], rows[0]["title"], read_back(text), FORMAT in text

    def start(self, actor: Actor, workflow: str, run_input: Any, title: str = "", made_as: str = "") -> Run:
        """Start a run. A worker picks it up as soon as the transaction commits.

        Secrets in the input are masked before it is stored, so workflows take names of targets instead of credentials.

        Args:
            made_as: the run's id, if the same call may be repeated; empty: a new one.

        Raises:
            ForbiddenError: the actor may not start runs.
            NotFoundError: there is no such workflow, or no worker has it any longer.
            ConflictError: it is broken on the workers that have it.
            TooLargeError: the input has more than `MAX_INPUT_BYTES`.
            InvalidInputError: the input does not match the workflow's schema, or the title cannot be stored; `fields`
                says where.
        """
        actor.require(Action.START_RUN)
        version, named, schema, has_files = self._entry(workflow)
        if not isinstance(run_input, dict):
            raise InvalidInputError("The input of a run must be an object.", {"input": "not an object"})
        names_files = _refuse_too_large(run_input)
        check_schema(run_input, schema, "input")
        masked, _ = mask(run_input)
        shown = " ".join(clean_comment(title).split()) or named
        now = self._clock()
        run_id = made_as or str(uuid.uuid4())
        values: dict[str, Any] = {
            "id": run_id, "workflow": workflow, "workflow_version": version, "title": shown[:200],
            "state": RunState.QUEUED.value, "version": 1, "attempt": 0, "control": "", "input": masked,
            **actor.makers.columns, "started_by_id": actor.id or None, "started_by_name": actor.name,
            "started_by_agent": actor.name if actor.kind == "agent" else "", "created_at": now, "updated_at": now,
        }  # fmt: skip
        batch = Batch()
        batch.add(Run, **values)
        record(batch, actor, "run.started", now, run_id=run_id, workflow=workflow, version=version)
        publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=RunState.QUEUED.value))
        batch.advance(run_id)
        if names_files or has_files:
            fields = file_fields(schema, run_input) if has_files else {}
            self._files.use(batch, actor, run_id, references_in(run_input) if names_files else {}, fields)
        try:
            made_once(batch, self._sessions, made_as)
        except IntegrityError as error:
            if (deleted := deleted_meanwhile(error)) is not None:
                raise deleted from error
            raise
        return Run(**values)

    def recent(
        self,
        state: str = "",
        before: tuple[datetime, str] | None = None,
        limit: int = 50,
        viewer: Actor | None = None,
    ) -> list[Run]:
        """Runs that `viewer` sees, newest first, optionally of one state and older than `before` (created_at, id)."""
        query = select(Run).order_by(Run.created_at.desc(), Run.id.desc()).limit(min(limit, 200))
        query = query.where(*listed_runs(state, viewer))
        if before is not None:
            # One comparison, which begins in the index; two joined by OR would read all pages before.
            query = query.where(tuple_(Run.created_at, Run.id) < tuple_(*before))
        with self._sessions.reads() as session:
            return list(session.scalars(query))

    def held(self, runs: Sequence[Run]) -> dict[str, datetime]:
        """Those of these runs that only wait for their change window, and until when, by id."""
        ids = [run.id for run in runs if run.state == RunState.SUSPENDED.value]
        if not ids:
            return {}
        waits = func.count().filter(ApprovalRequest.state == RequestState.PENDING.value)
        query = (
            select(ApprovalRequest.run_id, func.min(ApprovalRequest.held_until))
            .where(ApprovalRequest.run_id.in_(ids))
            .group_by(ApprovalRequest.run_id)
            .having(waits == 0, func.min(ApprovalRequest.held_until).is_not(None))
        )
        with self._sessions.reads() as session:
            return {run_id: until for run_id, until in session.execute(query) if run_id and until}

    def live_count(self) -> int:
        """How many runs are not finished, up to 1,000."""
        # The states are listed because an index on the state cannot be searched for what it is not.
        live = [state.value for state in RunState if not state.finished]
        with self._sessions.reads() as session:
            some = select(Run.id).where(Run.state.in_(live)).limit(1000).subquery()
            return session.scalar(select(func.count()).select_from(some)) or 0

    def pause(self, actor: Actor, run_id: str) -> Run:
        """Stop the run before its next step; decisions meanwhile are kept. Raises NotFoundError, ConflictError."""
        return self._steer(actor, run_id, "pause", RunState.PAUSED)

    def ask_before_next_step(self, actor: Actor, run_id: str) -> Run:
        """Open an approval request before the run's next step; a step that is under way ends first.

        Raises:
            NotFoundError, ForbiddenError: there is none, or the actor may not control it.
            ConflictError: somebody has asked for this already, or the run has ended or changed its state.
        """
        now = self._clock()
        run = self._steerable(actor, run_id)
        state = RunState(run.state)
        if "ask" not in _CONTROLS.get(state, ()):
            raise _refusal(run, "ask before its next step")
        if run.ask_next:
            raise ConflictError(f"{run.ask_next} has already asked for that: this run asks before its next step.")
        batch = move_run(
            run, {state}, state, now, control=run.control, tell_worker=state is RunState.RUNNING,
            ask_next=actor.name or actor.kind,
        )  # fmt: skip
        record(batch, actor, "run.ask", now, run_id=run_id)
        return self._done(batch, run, "ask before its next step")

    def cancel(self, actor: Actor, run_id: str, reason: str = "") -> Run:
        """End the run before its next step, and cancel the requests that it waits for.

        Raises:
            NotFoundError, ForbiddenError: there is none, or the actor may not cancel it.
            NotAskedError: it has requests that the actor may not cancel (`may_cancel`).
            ConflictError: the run has changed state.
            IllegalTransitionError: people have rejected one of its requests or requested changes to it, which takes
                effect soon.
        """
        return self._steer(actor, run_id, "cancel", RunState.CANCELLED, clean_comment(reason))

    def resume(self, actor: Actor, run_id: str) -> Run:
        """Continue a paused run. Raises NotFoundError, ConflictError."""
        return self._requeue(actor, run_id, "resume", RunState.PAUSED)

    def retry(self, actor: Actor, run_id: str) -> Run:
        """Continue a failed run at the step that failed. Raises NotFoundError, ConflictError."""
        return self._requeue(actor, run_id, "retry", RunState.FAILED)

    def _requeue(self, actor: Actor, run_id: str, act: str, expected: RunState) -> Run:
        now = self._clock()
        run = self._steerable(actor, run_id)
        if run.erased_at is not None:
            raise IllegalTransitionError("What this run held has been deleted, so it cannot continue.")
        batch = move_run(run, {expected}, RunState.QUEUED, now, finished_at=None, error=None)
        record(batch, actor, f"run.{act}", now, run_id=run_id)
        batch.advance(run_id)
        return self._done(batch, run, act)

    def _steer(self, actor: Actor, run_id: str, act: str, ending: RunState, reason: str = "") -> Run:
        """Do it at once if no worker is running it, else leave it to the worker that does."""
        now = self._clock()
        run = self._steerable(actor, run_id)
        if act == "cancel":
            self._refuse_unless_cancelable(actor, run, now)
        if run.control:
            raise ConflictError(f"Someone has already asked to {run.control} this run.")
        if run.state == RunState.RUNNING.value:
            batch = move_run(run, {RunState.RUNNING}, RunState.RUNNING, now, tell_worker=True, control=act)
        else:
            finished: dict[str, Any] = {"finished_at": now} if ending.finished else {}
            at_rest = set(origins(RUN_TRANSITIONS, ending)) - {RunState.RUNNING}
            batch = move_run(run, at_rest, ending, now, **finished)
            if ending is RunState.CANCELLED:
                why = reason or "the run was canceled"
                end_pending(batch, actor, run_id, RequestState.CANCELLED, now, why)
                end_held(batch, run_id, now)
                conclude(batch, Journal(run_id), open_receipts(self._sessions, run_id), now, CANCELLED)
        record(batch, actor, f"run.{act}", now, run_id=run_id, reason=reason)
        return self._done(batch, run, act)

    def _steerable(self, actor: Actor, run_id: str) -> Run:
        """The run, if the actor may control it; agents may only control runs that they started."""
        actor.require(Action.CONTROL_RUN)
        run = self._get(run_id)
        if not sees_run(run, actor):
            raise NotFoundError("There is no such run.", run_id=run_id)
        if not may_steer(actor, run):
            raise ForbiddenError("Agents can only control runs that they started.")
        return run

    def _refuse_unless_cancelable(self, actor: Actor, run: Run, now: datetime) -> None:
        with self._sessions.reads() as session:
            allowed = may_cancel(session, run, actor, now)
            if allowed:
                decided = select(ApprovalRequest).where(
                    ApprovalRequest.run_id == run.id, ApprovalRequest.state == RequestState.PENDING.value,
                    ApprovalRequest.resolves_at.is_not(None),
                )  # fmt: skip
                for request in session.scalars(decided):
                    require_no_refusal(session, request)
        if not allowed:
            raise NotAskedError(
                "This run has approval requests that require the approval of others. Only they, the person who "
                "started the run, and administrators can cancel it.",
                asked=[],
            )

    def _done(self, batch: Batch, run: Run, act: str) -> Run:
        if batch.run(self._sessions) is None:
            raise _refusal(self._get(run.id), act)
        return self._get(run.id)

    def _get(self, run_id: str) -> Run:
        with self._sessions.reads() as session:
            run = session.get(Run, run_id) if is_storable(run_id) else None
        if run is None:
            raise NotFoundError("There is no such run.", run_id=run_id)
        return run


def may_cancel(session: Session, run: Run, actor: Actor, now: datetime) -> bool:
    """True if the actor may cancel the run: its starter, an administrator, or someone who may cancel each of its
    requests that wait for people or for their change window. If no request is waiting, anyone who may control the
    run may cancel it."""
    if not may_steer(actor, run):
        return False
    if actor.kind == "system" or Role.ADMIN in actor.roles or is_starter(run, actor):
        return True
    waiting = select(ApprovalRequest).where(
        ApprovalRequest.run_id == run.id,
        or_(ApprovalRequest.state == RequestState.PENDING.value, ApprovalRequest.held_until.is_not(None)),
    )
    return all(is_concerned(session, request, actor, now) for request in session.scalars(waiting))


def may_steer(actor: Actor, run: Run) -> bool:
    """True if the actor may pause, resume, cancel, and retry this run."""
    return actor.may(Action.CONTROL_RUN) and (actor.kind != "agent" or is_starter(run, actor))


def run_controls(run: Run) -> tuple[str, ...]:
    """How a run can be controlled in its current state."""
    if run.control or run.erased_at is not None:
        return ()
    possible = _CONTROLS.get(RunState(run.state), ())
    return tuple(act for act in possible if act != "ask") if run.ask_next else possible


def _refuse_too_large(run_input: dict[str, Any]) -> bool:
    """Raise TooLargeError for a large input. Returns True if it seems to name uploaded files."""
    try:
        text = canonical(run_input)
    except ValueError as error:
        raise InvalidInputError(f"The input is not JSON: {error}", {"input": "not JSON"}) from error
    if (size := len(text)) > MAX_INPUT_BYTES:
        raise TooLargeError(f"The input of a run has at most {MAX_INPUT_BYTES:,} bytes; this one has {size:,}.")
    return PREFIX in text


def move_run(
    run: Run,
    old: set[RunState],
    new: RunState,
    now: datetime,
    *,
    control: str = "",
    tell_worker: bool = False,
    **values: Any,
) -> Batch:
    """A batch that changes a run's state if it has not changed since it was read and is in one of the `old` states.

    Args:
        control: the request to the worker that runs it.
        tell_worker: notify `CONTROL_CHANNEL`.
    """
    columns = {"state": new.value, "control": control, "updated_at": now, **values}
    assignments = ", ".join(f"{name} = %(set_{name})s" for name in columns)
    told = f", pg_notify('{CONTROL_CHANNEL}', id || ' ' || control)" if tell_worker else ""
    batch = Batch(
        f"update runs set {assignments}, version = version + 1 "
        f"where id = %(run)s and version = %(version)s and state = any(%(old)s) returning id{told}",
        {f"set_{name}": value for name, value in columns.items()}
        | {"run": run.id, "version": run.version, "old": [state.value for state in old]},
    )
    publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=run.id, state=new.value, control=control))
    return batch


def _refusal(run: Run, act: str) -> IllegalTransitionError:
    return IllegalTransitionError(f"A run that is {run.state} cannot be asked to {act}.", state=run.state)
