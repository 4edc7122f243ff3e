"""The streams of an MSI: a compound file whose streams have names in an encoding of their own.

`olefile` reads the compound file. Two things are done here instead: its file allocation table is put together without
copying it for each sector, and large streams are read piece by piece, because it would hold them in memory as a whole.
"""

from __future__ import annotations

import io
import struct
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import olefile

from workflows.package_deployment.installers.problems import InstallerError

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_TABLE_MARK = "\u4840"
_DEEPEST = 20_000
_END_OF_CHAIN = 0xFFFFFFFE
_FREE = 0xFFFFFFFF
_DAMAGED = (OSError, ValueError, IndexError, OverflowError, struct.error)
"""What olefile raises for files that are damaged."""
_PART_DAMAGED = "A part of its content is damaged or missing."


def decode_name(name: str) -> str:
    """Return the name of a stream as Windows Installer shows it; that of a table begins with an exclamation mark."""
    found: list[str] = []
    for char in name:
        code = ord(char)
        if char == _TABLE_MARK and not found:
            found.append("!")
        elif 0x3800 <= code < 0x4800:
            found.append(_DIGITS[(code - 0x3800) & 0x3F] + _DIGITS[(code - 0x3800) >> 6])
        elif 0x4800 <= code < 0x4840:
            found.append(_DIGITS[code - 0x4800])
        else:
            found.append(char)
    return "".join(found)


class _CompoundFile(olefile.OleFileIO):
    """A compound file whose allocation table is read in linear time."""

    def loadfat_sect(self, sect: Any) -> int | None:
        """Append to the table the sectors that are listed in `sect`; returns the number that ended the list."""
        number = None
        for number in sect if isinstance(sect, array) else self.sect2array(sect):
            if number in (_END_OF_CHAIN, _FREE):
                break
            self.fat.extend(self.sect2array(self.getsect(number)))
        return number


class Streams:
    """The streams and storages of a compound file, by their decoded names."""

    def __init__(self, source: Path | BinaryIO) -> None:
        """Open a file, or a stream that stays open. Raises InstallerError: it is no compound file, or damaged."""
        try:
            with _deep_recursion():
                opened = str(source) if isinstance(source, Path) else source
                self._ole = _CompoundFile(opened, raise_defects=olefile.DEFECT_FATAL)
        except _DAMAGED as error:
            raise InstallerError("It is not a complete compound file, which every MSI is.") from error
        try:
            self._entries = {decode_name(kid.name): kid for kid in self._ole.root.kids}
        except BaseException:
            self.close()
            raise
        self._file_size = self._ole.fp.seek(0, io.SEEK_END)
        self.class_id = str(self._ole.root.clsid).upper()

    def close(self) -> None:
        """Close the file."""
        self._ole.close()

    def names(self) -> list[str]:
        """Return the names of all streams at the top."""
        return [name for name, entry in self._entries.items() if entry.entry_type == olefile.STGTY_STREAM]

    def storages(self) -> list[str]:
        """Return the names of all storages at the top, such as embedded transforms."""
        return [name for name, entry in self._entries.items() if entry.entry_type == olefile.STGTY_STORAGE]

    def size(self, name: str) -> int | None:
        """Return the size of a stream in bytes; None: there is none."""
        entry = self._entries.get(name)
        return None if entry is None else int(entry.size)

    def read(self, name: str, most: int) -> bytes | None:
        """Return the content of a stream; None: there is none.

        Raises:
            InstallerError: it is larger than `most` bytes, or damaged.
        """
        entry = self._entries.get(name)
        if entry is None or entry.entry_type != olefile.STGTY_STREAM:
            return None
        if entry.size > self._file_size:
            raise InstallerError(_PART_DAMAGED)
        if entry.size > most:
            raise InstallerError(f"A part of its database has {entry.size:,} bytes, more than are read.")
        try:
            content: bytes = self._ole.openstream([entry.name]).read()
        except _DAMAGED as error:
            raise InstallerError(_PART_DAMAGED) from error
        return content

    def open(self, name: str) -> io.BufferedReader | None:
        """Open a stream of any size for reading in pieces; None: there is none."""
        entry = self._entries.get(name)
        if entry is None or entry.entry_type != olefile.STGTY_STREAM:
            return None
        if entry.size > self._file_size:
            raise InstallerError(_PART_DAMAGED)
        if entry.is_minifat:
            return io.BufferedReader(io.BytesIO(self.read(name, 1 << 20) or b""))
        runs = _runs(self._ole.fat, entry.isectStart, entry.size, self._ole.sectorsize)
        return io.BufferedReader(_Pieces(self._ole.fp, runs, entry.size), 1 << 16)


def _runs(fat: array[int], first: int, size: int, sector_size: int) -> list[tuple[int, int, int]]:
    """Return a chain of sectors as (place in the stream, place in the file, bytes), adjacent sectors joined."""
    found: list[tuple[int, int, int]] = []
    sector, left, at = first, size, 0
    while left > 0:
        if not 0 <= sector < len(fat):
            raise InstallerError(_PART_DAMAGED)
        length = min(sector_size, left)
        place = (sector + 1) * sector_size
        if found and found[-1][1] + found[-1][2] == place:
            found[-1] = (found[-1][0], found[-1][1], found[-1][2] + length)
        else:
            found.append((at, place, length))
        at, left, sector = at + length, left - length, fat[sector]
    return found


class _Pieces(io.RawIOBase):
    """A stream that is read from the file as it is asked for."""

    def __init__(self, file: Any, runs: list[tuple[int, int, int]], size: int) -> None:
        super().__init__()
        self._file, self._runs, self._size = file, runs, size
        self._at = self._run = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        self._run = 0
        return self._at

    def readinto(self, buffer: Any) -> int:
        while self._run < len(self._runs):
            start, place, length = self._runs[self._run]
            if start <= self._at < start + length:
                inside = self._at - start
                self._file.seek(place + inside)
                content = self._file.read(min(len(buffer), length - inside))
                buffer[: len(content)] = content
                self._at += len(content)
                return len(content)
            self._run += 1
        return 0


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Allow for directories that are lists instead of balanced trees, as libgsf writes them."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
