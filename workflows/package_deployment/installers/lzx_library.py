"""Content that is compressed with LZX, unpacked by libarchive where it is installed.

libarchive (BSD) is a library of the system. It refuses some valid cabinets, so that it never sees the cabinet itself:
each folder is given to it as a cabinet with one file that has all of the folder's content.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import Any

LIBRARY = "libarchive.so.13"
_NAME = b"x\0"
_HEADER, _FOLDER, _FILE = 36, 8, 16
_MOST_BYTES = 0x7FFFFFFF


class Block:
    """A block of a folder: where it is, its sizes in bytes, packed and unpacked, and its checksum (0: none)."""

    __slots__ = ("checksum", "packed", "place", "size")

    def __init__(self, place: int, packed: int, size: int, checksum: int) -> None:
        self.place, self.packed, self.size, self.checksum = place, packed, size, checksum


def is_there() -> bool:
    """Return whether libarchive can be used."""
    try:
        _library()
    except (ImportError, OSError, AttributeError, TypeError):
        return False
    return True


def unpacked(stream: Any, blocks: list[Block], method: int) -> Iterator[bytes]:
    """Yield the content of a folder, in pieces.

    Args:
        stream: the cabinet.
        method: the folder's, with the size of the window.

    Raises:
        EOFError: it is damaged.
    """
    library = _library()
    source = io.BufferedReader(_OneFile(stream, blocks, method), 1 << 16)
    try:
        with library.stream_reader(source, format_name="cab", filter_name="none", block_size=1 << 16) as archive:
            for entry in archive:
                yield from entry.get_blocks()
                return
    except library.ArchiveError as error:
        raise EOFError from error


def _library() -> Any:
    # Otherwise it would start programs to find the library, which the sandbox does not allow.
    os.environ.setdefault("LIBARCHIVE", LIBRARY)
    import libarchive

    return libarchive


class _OneFile(io.RawIOBase):
    """A cabinet with the blocks of one folder, as if they were one file."""

    def __init__(self, stream: Any, blocks: list[Block], method: int) -> None:
        super().__init__()
        self._parts = self._all(stream, blocks, method)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _all(self, stream: Any, blocks: list[Block], method: int) -> Iterator[bytes]:
        start = _HEADER + _FOLDER + _FILE + len(_NAME)
        size = sum(block.size for block in blocks)
        total = start + sum(8 + block.packed for block in blocks)
        if max(size, total) > _MOST_BYTES:
            raise EOFError
        yield struct.pack("<4s4xI4xI4xBBHHHHH", b"MSCF", total, _HEADER + _FOLDER, 3, 1, 1, 1, 0, 0, 0)
        yield struct.pack("<IHH", start, len(blocks), method)
        yield struct.pack("<IIHHHH", size, 0, 0, 0x5A21, 0, 0x20) + _NAME
        for block in blocks:
            stream.seek(block.place)
            yield struct.pack("<IHH", block.checksum, block.packed, block.size) + stream.read(block.packed)
