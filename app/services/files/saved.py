"""Files that the steps of runs save. They lie where uploads do, and belong to their run.

A step can run again after a crash, and a worker that only seemed dead can still be running it. Therefore a file is
complete or does not exist, a step that saves the same content again gets the file that is there, and only the worker
that has acquired the run can complete one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError, TooLargeError
from app.domain.events import EventKind
from app.domain.people import SYSTEM
from app.domain.run_protocol import LostRunError, Statement
from app.services.clock import Clock
from app.services.files.checks import complaints, facts
from app.services.files.rules import SMALLEST_COUNTED
from app.services.files.uploads import LOCK, Files
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.store.engine import Sessions
from app.store.files import FileState, FileUse, StoredFile
from app.store.runs import Run
from assent.files import WORKING
from assent.masking import mask_text

_HELD = "exists (select from runs where id = %(run_id)s and attempt = %(attempt)s and state = 'running')"
_CLEAR = f"delete from files where run_id = %(run_id)s and name = %(name)s and state = '{FileState.UPLOADING}'"
_BEGIN = f"""
    with taken as (
        select coalesce(sum(greatest(size, {SMALLEST_COUNTED})), 0) as total,
            coalesce(sum(greatest(size, {SMALLEST_COUNTED})) filter (where run_id = %(run_id)s), 0) as own
        from files where run_id <> %(run_id)s or name <> %(name)s)
    insert into files (id, name, size, received, state, place, wanted_sha256, sha256, version, owner_id, owner_name,
        owner_agent, run_id, created_at, updated_at)
    select %(id)s, %(name)s, %(size)s::bigint, 0, '{FileState.UPLOADING}', %(place)s, %(sha256)s, '', 1, '', '', '',
        %(run_id)s, %(now)s, %(now)s
    from taken where total + greatest(%(size)s::bigint, {SMALLEST_COUNTED}) <= %(most)s::bigint
        and own + greatest(%(size)s::bigint, {SMALLEST_COUNTED}) <= %(most_own)s::bigint and {_HELD}
    returning id"""


@dataclass(frozen=True)
class FileToSave:
    """What a step saves.

    Attributes:
        attempt: The run's attempt in which the step runs.
        pieces: The content, of `size` bytes with the digest `sha256`, in pieces of at most `FileRules.part_bytes`.
    """

    run_id: str
    attempt: int
    name: str
    size: int
    sha256: str
    pieces: Iterator[bytes]


class SavedFiles:
    """The files that runs save."""

    def __init__(self, files: Files, sessions: Sessions, clock: Clock) -> None:
        self._files = files
        self._sessions = sessions
        self._clock = clock

    def save(self, wanted: FileToSave) -> StoredFile:
        """Save a file of a run. An earlier one of this name is replaced, or returned if it has the same content.

        Raises:
            InvalidInputError: The name is not valid.
            TooLargeError: There is no room for it. The limit of one upload does not count: what a run makes of the
                largest upload is larger than that.
            LostRunError: Another worker has acquired the run, or it has ended.
            UnavailableFileError: It cannot be stored.
        """
        if wrong := complaints(wanted.name, wanted.size, wanted.sha256):
            raise InvalidInputError(f"A file cannot have this name: {wrong.get('name', '')}.", wrong)
        name = mask_text(wanted.name)
        found = self._complete_file(wanted.run_id, name)
        if found is not None and (found.sha256, found.size) == (wanted.sha256, wanted.size):
            return found
        file_id = self._begin(wanted, name)
        start = 0
        for piece in wanted.pieces:
            self._add(file_id, start, piece)
            start += len(piece)
        return self._complete(wanted, file_id)

    def of(self, run_id: str) -> list[StoredFile]:
        """The complete files that a run has saved, by name."""
        query = select(StoredFile).where(StoredFile.run_id == run_id, StoredFile.state == FileState.COMPLETE.value)
        with self._sessions.reads() as session:
            return list(session.scalars(query.order_by(StoredFile.name)))

    def listed(self, run_id: str) -> list[StoredFile]:
        """Those that people are offered for download: all but working files."""
        return [file for file in self.of(run_id) if not file.name.startswith(WORKING)]

    def _complete_file(self, run_id: str, name: str) -> StoredFile | None:
        return next((file for file in self.of(run_id) if file.name == name), None)

    def _begin(self, wanted: FileToSave, name: str) -> str:
        rules, file_id = self._files.rules, str(uuid.uuid4())
        values: dict[str, Any] = {
            "id": file_id, "name": name, "size": wanted.size, "place": self._files.place, "sha256": wanted.sha256,
            "run_id": wanted.run_id, "attempt": wanted.attempt, "now": self._clock(), "most": rules.total,
            "most_own": rules.per_person,
        }  # fmt: skip
        own = {key: values[key] for key in ("run_id", "name")}
        # What a worker that died has left of this file makes room first.
        [_, _, made] = self._sessions.together([Statement(LOCK, {}), Statement(_CLEAR, own), Statement(_BEGIN, values)])
        if made:
            return file_id
        with self._sessions.reads() as session:
            self._held(session, wanted)
        raise TooLargeError(
            f"There is no room for “{wanted.name}”: all files together may have {rules.total:,} bytes, and those of a "
            f"run {rules.per_person:,}."
        )

    def _add(self, file_id: str, start: int, piece: bytes) -> None:
        with self._sessions.begin() as session:
            file = session.get(StoredFile, file_id, with_for_update=True)
            if file is None or file.received != start:
                raise LostRunError("Another worker saves this file.")
            self._files.store_of(file).write(session, file, start, piece)
            file.received = start + len(piece)

    def _complete(self, wanted: FileToSave, file_id: str) -> StoredFile:
        """Make the file take the place of an earlier one, unless the run has been lost meanwhile."""
        now, replaced = self._clock(), None
        with self._sessions.begin() as session:
            self._held(session, wanted, lock=True)
            file = session.get(StoredFile, file_id, with_for_update=True)
            if file is None or file.received != wanted.size:
                raise LostRunError("Another worker saves this file.", run_id=wanted.run_id)
            replaced = self._replace(session, wanted.run_id, file.name)
            file.state, file.sha256, file.updated_at = FileState.COMPLETE.value, wanted.sha256, now
            session.flush()
            session.add(FileUse(run_id=wanted.run_id, file_id=file_id))
            record(session, SYSTEM, "file.saved", now, run_id=wanted.run_id, **facts(file), sha256=file.sha256)
            publish(session, event_row(EventKind.RUN_ARTIFACT, now, run_id=wanted.run_id, name=file.name))
        if replaced is not None:
            self._files.store_of(replaced).forget(replaced.id)
        return file

    def _replace(self, session: Session, run_id: str, name: str) -> StoredFile | None:
        """Take the earlier file of this name from the run; return it if that has deleted it."""
        query = select(StoredFile).where(StoredFile.run_id == run_id, StoredFile.name == name)
        old = session.scalar(query.where(StoredFile.state == FileState.COMPLETE.value).with_for_update())
        if old is None:
            return None
        session.execute(delete(FileUse).where(FileUse.file_id == old.id, FileUse.run_id == run_id))
        if session.scalar(select(FileUse.run_id).where(FileUse.file_id == old.id).limit(1)) is not None:
            # Another run has it as its input, and keeps it. Written at once: the newer file may be flushed before it.
            session.execute(update(StoredFile).where(StoredFile.id == old.id).values(run_id=""))
            return None
        session.execute(delete(StoredFile).where(StoredFile.id == old.id))
        session.expunge(old)
        return old

    @staticmethod
    def _held(session: Session, wanted: FileToSave, lock: bool = False) -> None:
        """Raise LostRunError unless the run is still advanced in this attempt."""
        query = select(Run.id).where(Run.id == wanted.run_id, Run.attempt == wanted.attempt, Run.state == "running")
        if session.scalar(query.with_for_update(read=True) if lock else query) is None:
            raise LostRunError("Another worker has taken over this run, or it has ended.", run_id=wanted.run_id)
