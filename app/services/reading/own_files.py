"""The files that a person and their agents have uploaded, and whether runs use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from app.domain.lifecycle import RunState
from app.domain.people import Action, Actor
from app.services.clock import Clock
from app.services.files.rules import SMALLEST_COUNTED
from app.services.files.uploads import Files
from app.services.record.exports import ExportFormat, ListExport, exported
from app.store.engine import Sessions
from app.store.files import FileUse, StoredFile
from app.store.runs import Run

MOST = 200
"""How many files are listed."""


@dataclass(frozen=True)
class OwnFile:
    """A file, with the number of runs that use it, and of those that have not ended."""

    file: StoredFile
    runs: int
    live_runs: int


@dataclass(frozen=True)
class OwnFiles:
    """The files of an account, the newest first, at most `MOST`.

    Attributes:
        bytes: what all of them count, those that are not listed among them.
        most_bytes: what they may count.
    """

    listed: list[OwnFile]
    total: int
    bytes: int
    most_bytes: int


def own_files(sessions: Sessions, files: Files, actor: Actor) -> OwnFiles:
    """Return the files of the actor's account. Raises ForbiddenError: the actor may see nothing."""
    listed = files.own(actor, limit=MOST)
    live = func.count().filter(Run.state.in_([state.value for state in RunState if not state.finished]))
    query = select(FileUse.file_id, func.count(), live).join(Run, Run.id == FileUse.run_id)
    query = query.where(FileUse.file_id.in_([file.id for file in listed])).group_by(FileUse.file_id)
    counted = func.sum(func.greatest(StoredFile.size, SMALLEST_COUNTED))
    with sessions.reads() as session:
        uses = {file_id: (runs, live_runs) for file_id, runs, live_runs in session.execute(query)}
        total, size = session.execute(
            select(func.count(), func.coalesce(counted, 0)).where(StoredFile.owner_id == actor.id)
        ).one()
    views = [OwnFile(file, *uses.get(file.id, (0, 0))) for file in listed]
    return OwnFiles(views, total, int(size), files.rules.per_person)


def own_files_export(sessions: Sessions, clock: Clock, actor: Actor, form: ExportFormat) -> Iterator[str]:
    """All files of the actor's account, without their content, as pieces of a file, newest first.

    Raises:
        ForbiddenError: the actor may see nothing.
    """
    actor.require(Action.SEE)
    row = StoredFile
    query = select(
        row.id, row.name, row.size, row.received, row.state, row.sha256, row.owner_agent.label("agent"), row.created_at,
        row.updated_at,
    ).where(row.owner_id == actor.id)  # fmt: skip
    listed = ListExport("their own files", query, (row.created_at, row.id))
    return exported(sessions, clock, actor, listed, form, {})
