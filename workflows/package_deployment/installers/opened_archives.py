"""The archives inside programs, opened with one interface: a list of files, and their content in pieces."""

from __future__ import annotations

import io
import lzma
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from workflows.package_deployment.installers.budget import Budget
from workflows.package_deployment.installers.cabinets import Cabinet
from workflows.package_deployment.installers.contained import Unpacked, unpack
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.rar import read_rar
from workflows.package_deployment.installers.seven_zip import SevenZip
from workflows.package_deployment.installers.texts import clean

MOST_FILES = 20_000
LARGEST_CONTENT = 64 << 20
"""Bytes of a file that are kept."""
_CHUNK = 1 << 18
_SECONDS = 5.0


class ArchivedFile(NamedTuple):
    """A file: its path with backslashes, as it is shown, its size in bytes, and its place in the archive's own list."""

    path: str
    size: int | None
    number: int


class Archive(Protocol):
    """An archive that can be read."""

    files: list[ArchivedFile]

    def content(self, file: ArchivedFile) -> bytes:
        """Return the content of a file. Raises InstallerError: it cannot be unpacked, or is too large."""
        ...

    def unpacked(self, budget: Budget) -> Iterator[tuple[int, Unpacked]]:
        """Yield what the files are, by their numbers, until there is no time left."""
        ...


class ZipArchive:
    """A ZIP archive."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises InstallerError: it is damaged."""
        try:
            self._zip = zipfile.ZipFile(stream)
            self._entries = self._zip.infolist()[: MOST_FILES + 1]
        except (zipfile.BadZipFile, OSError, struct.error, ValueError, NotImplementedError) as error:
            raise InstallerError("The ZIP archive is damaged.") from error
        self.files = [
            ArchivedFile(shown(entry.filename), entry.file_size, number)
            for number, entry in enumerate(self._entries) if not entry.is_dir()
        ]  # fmt: skip

    def open(self, file: ArchivedFile) -> BinaryIO:
        """Open a file for reading. Raises InstallerError: it is damaged, encrypted, or in an unknown format."""
        try:
            opened = self._zip.open(self._entries[file.number])
        except (zipfile.BadZipFile, RuntimeError, OSError, ValueError) as error:
            raise InstallerError("A file in the ZIP archive is damaged or encrypted.") from error
        return opened  # type: ignore[return-value]

    def is_stored(self, file: ArchivedFile) -> bool:
        """Whether a file is in it without compression."""
        return self._entries[file.number].compress_type == zipfile.ZIP_STORED

    def head(self, file: ArchivedFile, size: int) -> bytes:
        """Return the first bytes of a file."""
        return next(self._pieces(file, size), b"")[:size]

    def content(self, file: ArchivedFile) -> bytes:
        found = bytearray()
        for piece in self._pieces(file):
            found += piece
            if len(found) > LARGEST_CONTENT:
                raise InstallerError("A file in the ZIP archive is larger than is unpacked.")
        return bytes(found)

    def unpacked(self, budget: Budget) -> Iterator[tuple[int, Unpacked]]:
        for file in self.files:
            found = unpack(self._pieces(file), budget, with_digest=True)
            if found is None:
                return
            yield file.number, found

    def _pieces(self, file: ArchivedFile, size: int = _CHUNK) -> Iterator[bytes]:
        try:
            with self.open(file) as opened:
                while piece := opened.read(size):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError) as error:
            raise InstallerError("A file in the ZIP archive is damaged or encrypted.") from error


class CabinetArchive:
    """A cabinet."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises InstallerError: it is damaged."""
        self._cabinet = Cabinet(stream)
        self.files = [
            ArchivedFile(shown(file.name), file.size, number)
            for number, file in enumerate(self._cabinet.files[: MOST_FILES + 1])
        ]

    def content(self, file: ArchivedFile) -> bytes:
        most = LARGEST_CONTENT // 4 if "LZX" in self._cabinet.methods else LARGEST_CONTENT
        return self._cabinet.content(self._cabinet.files[file.number], most, time.monotonic() + _SECONDS)

    def unpacked(self, budget: Budget) -> Iterator[tuple[int, Unpacked]]:
        numbers: dict[str, list[int]] = {}
        for file in self.files:
            numbers.setdefault(self._cabinet.files[file.number].name, []).append(file.number)
        for found in self._cabinet.unpacked(time.monotonic() + _SECONDS):
            same = numbers.get(found.name)
            if same:
                number = same.pop(0)
                yield number, Unpacked(self._cabinet.files[number].size, found.sha256, found.head, b"")
            if budget.is_spent:
                return


class SevenZipArchive:
    """A 7-Zip archive."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises InstallerError: it is damaged or encrypted."""
        self._archive = SevenZip(stream)
        self._entries = self._archive.files[: MOST_FILES + 1]
        self.files = [ArchivedFile(shown(entry.name), entry.size, number) for number, entry in enumerate(self._entries)]

    def content(self, file: ArchivedFile) -> bytes:
        entry = self._entries[file.number]
        end = entry.offset + entry.size
        if entry.size > LARGEST_CONTENT or entry.folder < 0:
            raise InstallerError("A file in the 7-Zip archive is larger than is unpacked.")
        budget = Budget.of_seconds(_SECONDS)
        found, at = bytearray(), 0
        for piece in self._archive.content(entry.folder):
            found += piece[max(entry.offset - at, 0) : max(end - at, 0)]
            at += len(piece)
            if at >= end:
                return bytes(found)
            if budget.is_spent:
                break
        raise InstallerError("A file in the 7-Zip archive takes too long to unpack.")

    def unpacked(self, budget: Budget) -> Iterator[tuple[int, Unpacked]]:
        by_folder: dict[int, list[int]] = {}
        for number, entry in enumerate(self._entries):
            by_folder.setdefault(entry.folder, []).append(number)
        for number in by_folder.pop(-1, []):
            empty = unpack([], budget, with_digest=True)
            if empty is not None:
                yield number, empty
        for folder, numbers in by_folder.items():
            stream = _Cut(self._archive.content(folder))
            for number in numbers:
                found = unpack(stream.pieces(self._entries[number].size), budget, with_digest=True)
                if found is None:
                    return
                yield number, found


class StoredFile(NamedTuple):
    """A file that lies in another as it is, apart from its first bytes, whose bits may be inverted."""

    path: str
    offset: int
    size: int
    inverted: int


class StoredArchive:
    """Files that lie one after the other in a program."""

    def __init__(self, stream: BinaryIO, entries: list[StoredFile]) -> None:
        self._stream = stream
        self._entries = entries[: MOST_FILES + 1]
        self.files = [ArchivedFile(shown(entry.path), entry.size, number) for number, entry in enumerate(self._entries)]

    def content(self, file: ArchivedFile) -> bytes:
        if self._entries[file.number].size > LARGEST_CONTENT:
            raise InstallerError("A file in the program is larger than is unpacked.")
        return b"".join(self._pieces(file.number))

    def unpacked(self, budget: Budget) -> Iterator[tuple[int, Unpacked]]:
        for file in self.files:
            found = unpack(self._pieces(file.number), budget, with_digest=True)
            if found is None:
                return
            yield file.number, found

    def _pieces(self, number: int) -> Iterator[bytes]:
        entry = self._entries[number]
        at = 0
        while at < entry.size:
            self._stream.seek(entry.offset + at)
            piece = self._stream.read(min(_CHUNK, entry.size - at))
            if not piece:
                raise InstallerError("A file in the program is cut off.")
            if at < entry.inverted:
                first = piece[: entry.inverted - at]
                piece = bytes(byte ^ 0xFF for byte in first) + piece[len(first) :]
            at += len(piece)
            yield piece


class RarArchive:
    """A RAR archive. Only what is stored in it without compression can be read."""

    def __init__(self, program: Executable, start: int, end: int) -> None:
        """Raises InstallerError: it is damaged or encrypted."""
        self._program = program
        found = read_rar(program, start, end)
        self._entries = found.files
        self.comment = found.comment
        self.files = [ArchivedFile(shown(entry.name), entry.size, number) for number, entry in enumerate(self._entries)]

    def content(self, file: ArchivedFile) -> bytes:
        entry = self._entries[file.number]
        if entry.place is None or entry.size > LARGEST_CONTENT:
            raise InstallerError("Files that RAR has packed are not unpacked.")
        return self._program.read(entry.place, entry.size)

    def unpacked(self, budget: Budget) -> Iterator[tuple[int, Unpacked]]:
        for file in self.files:
            if self._entries[file.number].place is not None:
                found = unpack([self.content(file)], budget, with_digest=True)
                if found is None:
                    return
                yield file.number, found


class _Cut:
    """Cuts a stream of pieces into files."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self._piece = b""

    def pieces(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self._piece:
                self._piece = next(self._stream, b"")
                if not self._piece:
                    raise InstallerError("The content of an archive ends too early.")
            part, self._piece = self._piece[:size], self._piece[size:]
            size -= len(part)
            yield part


def shown(name: str) -> str:
    """Return a path as it is shown: with backslashes, and cleaned."""
    return clean(name.replace("/", "\\"))


def stream_of(content: bytes) -> BinaryIO:
    """Return bytes as a stream."""
    return io.BytesIO(content)
