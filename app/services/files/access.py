"""Who has read stored files: each download is on the audit log, and for runs the first time that each opens a file."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import update

from app.domain.people import SYSTEM, Actor
from app.domain.text import storable
from app.domain.weight import note_write
from app.services.clock import Clock
from app.services.files.checks import facts
from app.services.files.uploads import Files
from app.services.record.audit import record
from app.store.engine import Sessions
from app.store.files import FileUse, StoredFile

MAX_CLIENT = 200
"""Characters of what a client says it is that are recorded."""


class FileAccess:
    """Hands out contents, and records to whom. What cannot be recorded is not handed out."""

    def __init__(self, sessions: Sessions, clock: Clock, files: Files) -> None:
        self._sessions = sessions
        self._clock = clock
        self._files = files

    def content(self, viewer: Actor, file_id: str, client: str) -> tuple[StoredFile, Iterator[bytes]]:
        """A complete file, and its content in pieces.

        Args:
            client: What the viewer's program says it is, such as a browser.

        Raises:
            NotFoundError, ConflictError, UnavailableFileError.
        """
        file, pieces = self._files.content(viewer, file_id)
        note_write()
        with self._sessions.begin() as session:
            shown = {"client": storable(client)[:MAX_CLIENT], "owner": file.owner_name}
            record(session, viewer, "file.read", self._clock(), run_id=file.run_id or None, **facts(file), **shown)
        return file, pieces

    def note_artifact(self, viewer: Actor, run_id: str, name: str, client: str) -> None:
        """Record that somebody gets a text that a run has stored."""
        note_write()
        with self._sessions.begin() as session:
            shown = {"artifact": name, "client": storable(client)[:MAX_CLIENT]}
            record(session, viewer, "run.artifact_read", self._clock(), run_id=run_id, **shown)

    def note_opened(self, run_id: str, file: StoredFile) -> None:
        """Record that a step of a run has opened a file, once for each run and file."""
        now = self._clock()
        first = update(FileUse).where(FileUse.run_id == run_id, FileUse.file_id == file.id, FileUse.opened_at.is_(None))
        with self._sessions.begin() as session:
            if session.scalar(first.values(opened_at=now).returning(FileUse.file_id)) is not None:
                record(session, SYSTEM, "file.opened", now, run_id=run_id, **facts(file), owner=file.owner_name)
