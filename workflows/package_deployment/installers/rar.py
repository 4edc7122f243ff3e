"""RAR archives, from their public descriptions (technote.txt, and that of RAR 5): the list of files, and the comment.

Nothing is unpacked: there is no library for it with a permissive license. What is stored without compression is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.problems import InstallerError

MOST_FILES = 20_000
_MOST_BLOCKS = 100_000
_LARGEST_HEADER = 1 << 21
_LARGEST_COMMENT = 1 << 16
_OLD, _NEW = b"Rar!\x1a\x07\0", b"Rar!\x1a\x07\1\0"
_OLD_MAIN, _OLD_FILE, _OLD_SERVICE, _OLD_END = 0x73, 0x74, 0x7A, 0x7B
_MAIN, _FILE, _SERVICE, _ENCRYPTION, _END = 1, 2, 3, 4, 5
_STORED = 0x30


class RarFile(NamedTuple):
    """A file: its name, its size in bytes, and, if it is stored without compression, where it is in the program."""

    name: str
    size: int
    place: int | None


class RarList(NamedTuple):
    """The files of an archive, and its comment, which holds the commands of WinRAR's module."""

    files: list[RarFile]
    comment: str


def read_rar(program: Executable, start: int, end: int) -> RarList:
    """Read the list of an archive in a program.

    Raises:
        InstallerError: it is damaged, or its list is encrypted.
    """
    head = program.read(start, 8)
    blocks = _new_blocks(program, start + 8, end) if head == _NEW else _old_blocks(program, start + 7, end)
    files: list[RarFile] = []
    comment = ""
    try:
        for is_service, file in blocks:
            if is_service:
                if file.name == "CMT" and file.place is not None:
                    comment = program.read(file.place, min(file.size, _LARGEST_COMMENT)).decode("utf-8", "replace")
            elif len(files) < MOST_FILES:
                files.append(file)
    except (struct.error, IndexError) as error:
        raise InstallerError("The RAR archive is damaged.") from error
    return RarList(files, comment.split("\0")[0])


def _new_blocks(program: Executable, at: int, end: int) -> Iterator[tuple[bool, RarFile]]:
    for _ in range(_MOST_BLOCKS):
        if at >= end:
            return
        reader = _Numbers(program.read(at + 4, 16))
        size = reader.number()
        if not 0 < size <= _LARGEST_HEADER:
            raise IndexError
        body_at = at + 4 + reader.at
        reader = _Numbers(program.read(body_at, size))
        kind, flags = reader.number(), reader.number()
        if flags & 1:
            reader.number()
        data = reader.number() if flags & 2 else 0
        if kind == _ENCRYPTION:
            raise InstallerError("The list of the RAR archive is encrypted with a password.")
        if kind in (_FILE, _SERVICE):
            found = _new_file(reader, body_at + size)
            if found is not None:
                yield kind == _SERVICE, found
        if kind == _END:
            return
        at = body_at + size + data


def _new_file(reader: _Numbers, data_at: int) -> RarFile | None:
    flags, size = reader.number(), reader.number()
    reader.number()
    reader.at += (4 if flags & 2 else 0) + (4 if flags & 4 else 0)
    method = reader.number() >> 7 & 7
    reader.number()
    name = reader.take(reader.number()).decode("utf-8", "replace")
    if flags & 1:  # a folder
        return None
    return RarFile(name, size, data_at if method == 0 else None)


def _old_blocks(program: Executable, at: int, end: int) -> Iterator[tuple[bool, RarFile]]:
    for _ in range(_MOST_BLOCKS):
        if at >= end:
            return
        kind, flags, size = struct.unpack_from("<2xBHH", program.read(at, 7))
        if size < 7:
            raise IndexError
        body = program.read(at + 7, size - 7)
        if kind == _OLD_END:
            return
        if kind == _OLD_MAIN and flags & 0x80:
            raise InstallerError("The list of the RAR archive is encrypted with a password.")
        data = 0
        if kind in (_OLD_FILE, _OLD_SERVICE):
            data, unpacked, method, length = struct.unpack_from("<II10xBH", body)
            place = 25
            if flags & 0x100:
                high_data, high_unpacked = struct.unpack_from("<II", body, place)
                data, unpacked, place = data | high_data << 32, unpacked | high_unpacked << 32, place + 8
            if flags & 0xE0 != 0xE0:  # not a folder
                name = body[place : place + length].split(b"\0")[0].decode("utf-8", "replace")
                is_plain = method == _STORED and not flags & 4
                yield kind == _OLD_SERVICE, RarFile(name, unpacked, at + size if is_plain else None)
        elif flags & 0x8000:
            (data,) = struct.unpack_from("<I", body)
        at += size + data


class _Numbers:
    """Reads numbers of seven bits a byte, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise IndexError

    def take(self, size: int) -> bytes:
        if self.at + size > len(self._data):
            raise IndexError
        self.at += size
        return self._data[self.at - size : self.at]
