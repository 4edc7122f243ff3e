"""Where the content of uploaded files lies: in the database, or in a folder that all processes share.

Both stores write inside the transaction that holds the file's row locked, so one part is written at a time. What a
process that died has written beyond `StoredFile.received` does not count, and the next part overwrites it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.errors import UnavailableFileError
from app.domain.run_protocol import Statement
from app.domain.weight import MOST, weigh
from app.store.engine import Sessions
from app.store.files import FileChunk, FilePlace, StoredFile

READ_BYTES = 1 << 20
"""Most bytes of a file that are in memory at once."""
_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARTS = """
    select start, substr(content, (greatest(%(start)s - start, 0) + 1)::int, %(length)s::int) as content
    from file_chunks where file_id = %(file)s and start < %(start)s::bigint + %(length)s::bigint
        and start >= (select max(start) from file_chunks where file_id = %(file)s and start <= %(start)s)
    order by start"""


class Contents(Protocol):
    """A store of files' contents."""

    place: FilePlace

    def prepare(self) -> None:
        """Called before a part is received, while it can still be handed over to a helper process."""

    def write(self, session: Session, file: StoredFile, start: int, content: bytes) -> None:
        """Store a part at byte `start`, the end of what has been received."""

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """At most `length` bytes from byte `start`. Raises UnavailableFileError."""

    def clear(self, session: Session, file: StoredFile) -> None:
        """Forget all parts; the file itself stays."""

    def forget(self, file_id: str) -> None:
        """Remove what is left of a file whose row has been deleted."""


class DatabaseContents:
    """Contents as rows, which every process reaches, and which a backup of the database contains."""

    place = FilePlace.DATABASE

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def prepare(self) -> None:
        """Nothing: writing a part blocks nobody."""

    def write(self, session: Session, file: StoredFile, start: int, content: bytes) -> None:
        """Add a row."""
        session.execute(insert(FileChunk).values(file_id=file.id, start=start, content=content))

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Read the rows that contain these bytes."""
        values = {"file": file.id, "start": start, "length": length}
        [rows] = self._sessions.together([Statement(_PARTS, values, binary=True)])
        return b"".join(bytes(row["content"]) for row in rows)[:length]

    def clear(self, session: Session, file: StoredFile) -> None:
        """Delete the rows."""
        session.execute(delete(FileChunk).where(FileChunk.file_id == file.id))

    def forget(self, file_id: str) -> None:
        """Nothing: the rows are deleted together with that of the file."""


class FolderContents:
    """Contents as files of a folder that all processes share, named by their ids; a file's own name is in its row."""

    place = FilePlace.FOLDER

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Waiting for the disk would keep everybody else waiting in the web process."""
        weigh(MOST + 1)

    def write(self, session: Session, file: StoredFile, start: int, content: bytes) -> None:
        """Write at the place, and wait until it is on the disk."""
        path = self._path(file.id)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.ftruncate(descriptor, start)
                with os.fdopen(os.dup(descriptor), "wb") as stream:
                    stream.seek(start)
                    stream.write(content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise UnavailableFileError(f"This part cannot be stored: {error.strerror}.") from error

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Read from the folder."""
        try:
            with self._path(file.id).open("rb") as stream:
                stream.seek(start)
                return stream.read(length)
        except OSError as error:
            raise UnavailableFileError(
                f"The file “{file.name}” is not in ASSENT_FILES_DIR of this process ({error.strerror}). All processes "
                "must share that folder."
            ) from error

    def clear(self, session: Session, file: StoredFile) -> None:
        """Nothing: the next part at the beginning cuts the old content off."""

    def forget(self, file_id: str) -> None:
        """Remove the file."""
        with suppress(FileNotFoundError):
            self._path(file_id).unlink()

    def ids(self) -> Iterator[tuple[str, float]]:
        """The ids of all files in the folder, and when each was last written, in seconds since 1970."""
        for entry in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if _NAME.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat().st_mtime

    def _path(self, file_id: str) -> Path:
        if not _NAME.fullmatch(file_id):
            raise ValueError(f"not the id of a file: {file_id!r}")
        return self._folder / file_id[:2] / file_id


def pieces(contents: Contents, file: StoredFile, at_once: int = READ_BYTES) -> Iterator[bytes]:
    """The content of a file in pieces of at most `at_once` bytes. Raises UnavailableFileError if some is missing."""
    start = 0
    while start < file.received:
        piece = contents.read(file, start, min(at_once, file.received - start))
        if not piece:
            raise UnavailableFileError(f"The content of the file “{file.name}” is not complete.")
        start += len(piece)
        yield piece
