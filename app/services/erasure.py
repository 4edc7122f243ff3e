"""Deletes what runs hold, on request: inputs, files, checkpoints, artifacts, lessons, and the contents of requests.

What remains is that there were a run and its requests, who decided, the digests of what they decided on, and the audit
log. All of it goes in one transaction: a process that dies in between has deleted nothing, or has left at most contents
in the operator's folder that no row names, which workers sweep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.domain.errors import ForbiddenError, IllegalTransitionError, NotFoundError
from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM, Action, Actor
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.files.checks import facts, no_file
from app.services.files.uploads import Files
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.sight import is_starter, sees_run
from app.store.engine import Sessions
from app.store.erasure import delete_held, empty_requests, held
from app.store.files import FileUse, StoredFile
from app.store.requests import ApprovalRequest
from app.store.runs import Run

SWEPT_AT_ONCE = 100
GONE = "Deleted on request."
"""Stands where the content of a request was."""


@dataclass
class Holdings:
    """What would be deleted, or was.

    Attributes:
        runs: The runs whose data it is.
        deleted: Files that go, with their contents.
        kept: Files that stay because other runs use them.
        counts: How much else there is, by what it is.
        refusal: Why nothing can be deleted now; empty if it can.
    """

    runs: list[Run] = field(default_factory=list)
    deleted: list[StoredFile] = field(default_factory=list)
    kept: list[StoredFile] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refusal: str = ""


class Erasure:
    """Deletes what runs hold. Only administrators may, and not what was decided about their own runs."""

    def __init__(self, sessions: Sessions, clock: Clock, files: Files) -> None:
        self._sessions = sessions
        self._clock = clock
        self._files = files

    def preview(self, actor: Actor, run_id: str) -> Holdings:
        """What deleting the data of a run would delete. Raises ForbiddenError, NotFoundError."""
        actor.require(Action.ERASE)
        with self._sessions() as session:
            return self._preview(session, actor, [_run(session, actor, run_id)], None)

    def preview_file(self, actor: Actor, file_id: str) -> Holdings:
        """What deleting a file with everything derived from it would delete. Raises ForbiddenError, NotFoundError."""
        actor.require(Action.ERASE)
        with self._sessions() as session:
            file = _file(session, file_id)
            return self._preview(session, actor, _derived(session, file), file)

    def erase(self, actor: Actor, run_id: str) -> Holdings:
        """Delete what a run holds. Repeating it changes nothing.

        Raises:
            ForbiddenError: The actor is no administrator, or the run is their own.
            NotFoundError: There is no such run.
            IllegalTransitionError: It has not ended.
        """
        actor.require(Action.ERASE)
        with self._sessions.begin() as session:
            gone = self._erase(session, actor, [_run(session, actor, run_id, lock=True)], None)
        self._forget(gone.deleted)
        return gone

    def erase_file(self, actor: Actor, file_id: str) -> Holdings:
        """Delete a file, and what the runs hold that used it, or a file that was derived from it. Raises as `erase`."""
        actor.require(Action.ERASE)
        with self._sessions.begin() as session:
            # A run that begins with it holds this row until it has begun.
            file = _file(session, file_id, lock=True)
            runs = [_run(session, actor, run.id, lock=True) for run in _derived(session, file)]
            gone = self._erase(session, actor, runs, file)
        self._forget(gone.deleted)
        return gone

    def sweep(self, kept: timedelta) -> int:
        """Delete what runs hold that ended longer ago than they are kept. Returns their number, at most 100."""
        old = Run.finished_at < self._clock() - kept
        ended = Run.state.in_([state.value for state in RunState if state.finished])
        query = select(Run.id).where(ended, old, Run.erased_at.is_(None)).order_by(Run.finished_at).limit(SWEPT_AT_ONCE)
        with self._sessions.reads() as session:
            ids = list(session.scalars(query))
        count = 0
        for run_id in ids:
            try:
                self.erase(SYSTEM, run_id)
                count += 1
            except IllegalTransitionError:
                continue  # somebody has just retried it
        return count

    def _preview(self, session: Session, actor: Actor, runs: list[Run], source: StoredFile | None) -> Holdings:
        found = Holdings(runs, refusal=_refusal(actor, runs))
        found.deleted, found.kept = _files_of(session, runs, source)
        for run in runs:
            found.counts.update(held(session, run.id))
        session.expunge_all()
        return found

    def _erase(self, session: Session, actor: Actor, runs: list[Run], source: StoredFile | None) -> Holdings:
        if refusal := _refusal(actor, runs):
            live = any(not RunState(run.state).finished for run in runs)
            raise IllegalTransitionError(refusal) if live else ForbiddenError(refusal)
        gone, now = Holdings(runs), self._clock()
        gone.deleted, gone.kept = _files_of(session, runs, source)
        ids = [run.id for run in runs]
        for run in runs:
            counts = held(session, run.id)
            gone.counts.update(counts)
            if run.erased_at is None:
                record(session, actor, "run.erased", now, run_id=run.id, holdings=counts)
                publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=run.id, state=run.state))
            delete_held(session, run.id)
            empty_requests(session, _requests_of(session, run.id), GONE)
            run.input, run.result, run.error = {}, None, None
            run.erased_at, run.erased_by_name = run.erased_at or now, run.erased_by_name or actor.name
            run.version += 1
        for file in gone.deleted:
            session.execute(delete(FileUse).where(FileUse.file_id == file.id))
            session.execute(delete(StoredFile).where(StoredFile.id == file.id))
            record(session, actor, "file.deleted", now, **facts(file), owner=file.owner_name)
            session.expunge(file)
        session.execute(delete(FileUse).where(FileUse.run_id.in_(ids)))
        kept = [file.id for file in gone.kept]
        session.execute(update(StoredFile).where(StoredFile.id.in_(kept), StoredFile.run_id.in_(ids)).values(run_id=""))
        return gone

    def _forget(self, files: Sequence[StoredFile]) -> None:
        for file in files:
            self._files.forget(file)


def _run(session: Session, actor: Actor, run_id: str, lock: bool = False) -> Run:
    run = session.get(Run, run_id, with_for_update=lock or None) if is_storable(run_id) else None
    if run is None or not sees_run(run, actor):
        raise NotFoundError("There is no such run.", run_id=run_id)
    return run


def _file(session: Session, file_id: str, lock: bool = False) -> StoredFile:
    file = session.get(StoredFile, file_id, with_for_update=lock or None) if is_storable(file_id) else None
    if file is None:
        raise no_file(file_id)
    return file


def _derived(session: Session, file: StoredFile) -> list[Run]:
    """The runs that used a file, or one that such a run saved, and so on; oldest first."""
    runs: dict[str, Run] = {}
    files = [file.id]
    while files:
        using = select(Run).join(FileUse, FileUse.run_id == Run.id).where(FileUse.file_id.in_(files))
        new = [run for run in session.scalars(using.order_by(Run.created_at)).unique() if run.id not in runs]
        runs |= {run.id: run for run in new}
        files = list(session.scalars(select(StoredFile.id).where(StoredFile.run_id.in_([run.id for run in new]))))
    return list(runs.values())


def _files_of(
    session: Session, runs: Sequence[Run], source: StoredFile | None
) -> tuple[list[StoredFile], list[StoredFile]]:
    """The files that the runs used and saved: those that nobody else uses, and those that other runs use."""
    ids = [run.id for run in runs]
    used = select(FileUse.file_id).where(FileUse.run_id.in_(ids))
    query = select(StoredFile).where(StoredFile.id.in_(used) | StoredFile.run_id.in_(ids)).order_by(StoredFile.name)
    found = {file.id: file for file in session.scalars(query)}
    if source is not None:
        found[source.id] = source
    others = select(FileUse.file_id).where(FileUse.file_id.in_(list(found)), FileUse.run_id.not_in(ids))
    shared = set(session.scalars(others))
    # One that a run saved belongs to that run, also where another used it.
    shared |= {file.id for file in found.values() if file.run_id and file.run_id not in ids}
    return [file for file in found.values() if file.id not in shared], [found[one] for one in shared]


def _refusal(actor: Actor, runs: Sequence[Run]) -> str:
    """Why the actor cannot delete what these runs hold; empty if they can."""
    for run in runs:
        if not RunState(run.state).finished:
            return f"The run “{run.title}” ({run.id}) has not ended. Cancel it first, or wait until it has ended."
        if is_starter(run, actor) or (actor.id and actor.id in run.makers):
            return "Only another administrator can delete what a run of your own holds, as it was decided on."
    return ""


def _requests_of(session: Session, run_id: str) -> Sequence[ApprovalRequest]:
    return session.scalars(select(ApprovalRequest).where(ApprovalRequest.run_id == run_id)).all()
