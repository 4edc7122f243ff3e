"""Where the content of uploaded files lies: in the database, or in a folder that all processes share.

Both stores write inside the transaction that holds the file's row locked, so one part is written at a time. Each part
is encrypted for its file and its place, and its row says with which key. What lies in the folder without a row does not
count, such as what a process that died has written. Parts from before there was encryption are read as they are.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
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
from app.services.vault.ring import KeyRing, SealError, key_id_of
from app.store.engine import Sessions
from app.store.files import FileChunk, FilePlace, StoredFile

READ_BYTES = 1 << 20
"""Most bytes of a file that are in memory at once."""
_PARTS_SUFFIX = ".parts"
_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARTS = """
    select start, size, key_id, content from file_chunks
    where file_id = %(file)s and start < %(start)s::bigint + %(length)s::bigint and start + size > %(start)s::bigint
        and start >= coalesce((select max(start) from file_chunks where file_id = %(file)s and start <= %(start)s), 0)
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

    def __init__(self, sessions: Sessions, ring: KeyRing) -> None:
        self._sessions = sessions
        self._ring = ring

    def prepare(self) -> None:
        """Nothing: writing a part blocks nobody."""

    def write(self, session: Session, file: StoredFile, start: int, content: bytes) -> None:
        """Add a row."""
        sealed = seal_part(self._ring, file.id, start, content)
        session.execute(insert(FileChunk).values(
            file_id=file.id, start=start, size=len(content), key_id=key_id_of(sealed), content=sealed,
        ))  # fmt: skip

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Read the rows that contain these bytes."""
        values = {"file": file.id, "start": start, "length": length}
        [rows] = self._sessions.together([Statement(_PARTS, values, binary=True)])
        found = []
        for row in rows:
            content = bytes(row["content"])
            if row["key_id"]:
                content = open_part(self._ring, file, row["start"], content)
            found.append(content[max(start - row["start"], 0) : start + length - row["start"]])
        return b"".join(found)

    def clear(self, session: Session, file: StoredFile) -> None:
        """Delete the rows."""
        session.execute(delete(FileChunk).where(FileChunk.file_id == file.id))

    def forget(self, file_id: str) -> None:
        """Nothing: the rows are deleted together with that of the file."""


class FolderContents:
    """Contents as files of a folder that all processes share: a folder for each file, and in it a file for each part.

    Before there was encryption, the content of a file was one file. What no row covers is read from there.
    """

    place = FilePlace.FOLDER

    def __init__(self, folder: Path, sessions: Sessions, ring: KeyRing) -> None:
        self._folder = folder
        self._sessions = sessions
        self._ring = ring

    def prepare(self) -> None:
        """Waiting for the disk would keep everybody else waiting in the web process."""
        weigh(MOST + 1)

    def write(self, session: Session, file: StoredFile, start: int, content: bytes) -> None:
        """Write a part, wait until it is on the disk, and add its row."""
        key_id = self.put(file.id, start, content)
        session.execute(insert(FileChunk).values(
            file_id=file.id, start=start, size=len(content), key_id=key_id, content=b"",
        ))  # fmt: skip

    def put(self, file_id: str, start: int, content: bytes) -> str:
        """Write a part completely or not at all, instead of an earlier one. Returns the id of the key."""
        sealed = seal_part(self._ring, file_id, start, content)
        folder = self._parts(file_id)
        scratch = folder / f".{start}-{secrets.token_hex(4)}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(sealed)
                stream.flush()
                os.fsync(stream.fileno())
            scratch.rename(folder / str(start))
            _sync(folder)
        except OSError as error:
            with suppress(OSError):
                scratch.unlink()
            raise UnavailableFileError(f"This part cannot be stored: {error.strerror}.") from error
        return key_id_of(sealed)

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Read from the folder."""
        try:
            return self._read(file, start, length)
        except FileNotFoundError:
            pass  # it may just have been encrypted
        except OSError as error:
            raise self._unavailable(file, error) from error
        try:
            return self._read(file, start, length)
        except OSError as error:
            raise self._unavailable(file, error) from error

    def _read(self, file: StoredFile, start: int, length: int) -> bytes:
        values = {"file": file.id, "start": start, "length": length}
        [rows] = self._sessions.together([Statement(_PARTS, values, binary=True)])
        found, at, end = [], start, min(start + length, file.received)
        for row in rows:
            if row["start"] > at:
                found.append(self.plain(file.id, at, row["start"] - at))
            content = self.part(file, row["start"])
            found.append(content[max(start - row["start"], 0) : end - row["start"]])
            at = row["start"] + row["size"]
        if at < end:
            found.append(self.plain(file.id, at, end - at))
        return b"".join(found)

    def part(self, file: StoredFile, start: int) -> bytes:
        """A part that has a row, decrypted. Raises OSError, UnavailableFileError."""
        return open_part(self._ring, file, start, (self._parts(file.id) / str(start)).read_bytes())

    def plain(self, file_id: str, start: int, length: int) -> bytes:
        """Bytes from before there was encryption. Raises OSError."""
        with self._path(file_id).open("rb") as stream:
            stream.seek(start)
            return stream.read(length)

    def has_plain(self, file_id: str) -> bool:
        """True if there is content from before there was encryption."""
        return self._path(file_id).is_file()

    def clear(self, session: Session, file: StoredFile) -> None:
        """Delete the rows; the next parts take the places of the old ones."""
        session.execute(delete(FileChunk).where(FileChunk.file_id == file.id))

    def forget_plain(self, file_id: str) -> None:
        """Remove the content from before there was encryption."""
        with suppress(FileNotFoundError):
            self._path(file_id).unlink()

    def forget(self, file_id: str) -> None:
        """Remove the file."""
        self.forget_plain(file_id)
        shutil.rmtree(self._parts(file_id), ignore_errors=True)

    def ids(self) -> Iterator[tuple[str, float]]:
        """The ids of all files in the folder, and when each was last written, in seconds since 1970."""
        for entry in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if _NAME.fullmatch(entry.name.removesuffix(_PARTS_SUFFIX)):
                with suppress(FileNotFoundError):
                    yield entry.name.removesuffix(_PARTS_SUFFIX), entry.stat().st_mtime

    def _unavailable(self, file: StoredFile, error: OSError) -> UnavailableFileError:
        return UnavailableFileError(
            f"The file “{file.name}” is not in ASSENT_FILES_DIR of this process ({error.strerror}). All processes "
            "must share that folder."
        )

    def _path(self, file_id: str) -> Path:
        if not _NAME.fullmatch(file_id):
            raise ValueError(f"not the id of a file: {file_id!r}")
        return self._folder / file_id[:2] / file_id

    def _parts(self, file_id: str) -> Path:
        path = self._path(file_id)
        return path.with_name(path.name + _PARTS_SUFFIX)


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal_part(ring: KeyRing, file_id: str, start: int, content: bytes) -> bytes:
    """Encrypt a part for its file and place. Raises UnavailableFileError: there is no key."""
    try:
        return ring.seal(f"file {file_id}", f"part {start}", content)
    except SealError as error:
        raise UnavailableFileError(f"This part cannot be stored. {error}") from error


def open_part(ring: KeyRing, file: StoredFile, start: int, sealed: bytes) -> bytes:
    """Decrypt a part. Raises UnavailableFileError: its key is missing, it was changed, or it belongs elsewhere."""
    try:
        return ring.open(f"file {file.id}", f"part {start}", sealed)
    except SealError as error:
        raise UnavailableFileError(f"The content of the file “{file.name}” cannot be read. {error}") from error


def pieces(contents: Contents, file: StoredFile, at_once: int = READ_BYTES) -> Iterator[bytes]:
    """The content of a file in pieces of at most `at_once` bytes. Raises UnavailableFileError if some is missing."""
    start = 0
    while start < file.received:
        piece = contents.read(file, start, min(at_once, file.received - start))
        if not piece:
            raise UnavailableFileError(f"The content of the file “{file.name}” is not complete.")
        start += len(piece)
        yield piece
