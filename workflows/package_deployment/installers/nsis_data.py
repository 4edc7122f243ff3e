"""The data of an NSIS installer: how they are packed, and the unpacked header."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.nsis import FIRST_HEADER_SIZE, FirstHeader
from workflows.package_deployment.installers.problems import InstallerError

LARGEST_HEADER = 64 << 20
"""Bytes of the header after unpacking."""
_CHUNK = 1 << 20
_PACKED = 0x80000000
_LARGEST_DICTIONARY = 128 << 20
_BZIP2_BLOCK = 0x31


class Method(StrEnum):
    """How the data are packed."""

    STORED = "not compressed"
    DEFLATE = "zlib"
    BZIP2 = "bzip2"
    LZMA = "LZMA"


class Packing:
    """How the data of an installer are packed, found out from their first bytes."""

    def __init__(self, program: Executable, header: FirstHeader) -> None:
        self._program = program
        self.header = header
        self.start = header.offset + FIRST_HEADER_SIZE
        self.end = min(header.offset + header.data_size, program.size)
        first = program.read(self.start, 16)
        size = int.from_bytes(first[:4], "little")
        self.has_filter = False
        self.is_solid = False
        if size == header.header_size:
            self.method = Method.STORED
        elif first[3:4] == b"\x80" and not _is_lzma(first):
            self.method, self.has_filter = _method_of(first[4:])
        else:
            self.method, self.has_filter = _method_of(first)
            self.is_solid = True

    def unpacked_header(self) -> bytes:
        """Return the header. Raises InstallerError: it is damaged or too large."""
        size = self.header.header_size
        if size > LARGEST_HEADER:
            raise InstallerError("The header of the NSIS installer is larger than is unpacked.")
        wanted = size + 4 if self.is_solid else size
        start = self.start if self.is_solid else self.start + 4
        if self.method is Method.STORED:
            content = self._program.read(start, wanted)
        elif self.method is Method.BZIP2:
            content = _first_bzip2_block(self._program.read(start, 2 << 20), wanted)
        else:
            content = b""
            for piece in self._unpack(start, self.end):
                content += piece
                if len(content) >= wanted:
                    break
        if len(content) < wanted:
            raise InstallerError("The header of the NSIS installer is damaged.")
        return content[4:wanted] if self.is_solid else content[:wanted]

    def solid_stream(self) -> Iterator[bytes]:
        """Yield the unpacked data after the header of a solid installer, in pieces."""
        skip = 4 + self.header.header_size
        for piece in self._unpack(self.start, self.end):
            if skip >= len(piece):
                skip -= len(piece)
                continue
            yield piece[skip:]
            skip = 0

    def item(self, offset: int) -> Iterator[bytes]:
        """Yield the unpacked bytes of an item of an installer that is not solid, in pieces."""
        packed_header = int.from_bytes(self._program.read(self.start, 4), "little") & ~_PACKED
        at = self.start + 4 + packed_header + offset
        size = int.from_bytes(self._program.read(at, 4), "little")
        is_packed, size = bool(size & _PACKED), size & ~_PACKED
        if at + 4 + size > self.end:
            raise EOFError
        if is_packed:
            yield from self._unpack(at + 4, at + 4 + size)
        else:
            for place in range(at + 4, at + 4 + size, _CHUNK):
                yield self._program.read(place, min(_CHUNK, at + 4 + size - place))

    def item_size(self, offset: int) -> int | None:
        """Return the size of an item that is not packed, or None."""
        packed_header = int.from_bytes(self._program.read(self.start, 4), "little") & ~_PACKED
        size = int.from_bytes(self._program.read(self.start + 4 + packed_header + offset, 4), "little")
        return None if size & _PACKED else size

    def _unpack(self, start: int, end: int) -> Iterator[bytes]:
        if self.method is Method.BZIP2:
            raise InstallerError("Files that NSIS packed with bzip2 are not unpacked.")
        unpacker: Any = None
        at = start
        try:
            while at < end:
                chunk = self._program.read(at, min(_CHUNK, end - at))
                if not chunk:
                    return
                at += len(chunk)
                if unpacker is None:
                    unpacker, chunk = self._unpacker(chunk)
                while True:
                    piece = unpacker.decompress(chunk, _CHUNK)
                    if piece:
                        yield piece
                    if self.method is Method.DEFLATE:
                        chunk = unpacker.unconsumed_tail
                        if unpacker.eof:
                            return
                        if not chunk:
                            break
                    else:
                        chunk = b""
                        if unpacker.eof:
                            return
                        if unpacker.needs_input:
                            break
        except (zlib.error, lzma.LZMAError) as error:
            raise InstallerError("The data of the NSIS installer are damaged.") from error

    def _unpacker(self, first: bytes) -> tuple[Any, bytes]:
        if self.method is Method.DEFLATE:
            return zlib.decompressobj(-zlib.MAX_WBITS), first
        skip = 1 if self.has_filter else 0
        filters = [lzma_filter(first[skip : skip + 5])]
        if self.has_filter and first[0] == 1:
            filters.insert(0, {"id": lzma.FILTER_X86})
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters), first[skip + 5 :]


def lzma_filter(properties: bytes) -> dict[str, int]:
    """Return the filter for LZMA from its five bytes of properties. Raises InstallerError: they are none."""
    if len(properties) < 5 or properties[0] >= 9 * 5 * 5:
        raise InstallerError("Data that are packed with LZMA are damaged.")
    rest, context = divmod(properties[0], 9)
    bits, literal = divmod(rest, 5)
    dictionary = int.from_bytes(properties[1:5], "little")
    if dictionary > _LARGEST_DICTIONARY or context + literal > 4:
        raise InstallerError("Data that are packed with LZMA need more memory than is allowed.")
    return {"id": lzma.FILTER_LZMA1, "dict_size": max(dictionary, 4_096), "lc": context, "lp": literal, "pb": bits}


def _method_of(first: bytes) -> tuple[Method, bool]:
    if _is_lzma(first):
        return Method.LZMA, False
    if first[:1] in (b"\0", b"\1") and _is_lzma(first[1:]):
        return Method.LZMA, True
    if len(first) > 1 and first[0] == _BZIP2_BLOCK and first[1] < 14:
        return Method.BZIP2, False
    return Method.DEFLATE, False


def _is_lzma(first: bytes) -> bool:
    return len(first) > 6 and first[:3] == b"\x5d\0\0" and first[5] == 0 and not first[6] & 0x80


def _first_bzip2_block(data: bytes, wanted: int) -> bytes:
    """Return the first bytes of what NSIS packed with its kind of bzip2, which leaves out heads and checksums.

    The head of a block with some checksum is put before the bits, and reading ends before the checksum is compared.
    """
    if data[:1] != bytes([_BZIP2_BLOCK]):
        raise InstallerError("The header of the NSIS installer is damaged.")
    bits = 8 * (len(data) - 1)
    head = int.from_bytes(b"BZh9" + bytes.fromhex("314159265359") + bytes(4), "big") << 1  # not randomized
    number = (head << bits) | int.from_bytes(data[1:], "big")
    total = 8 * 14 + 1 + bits
    stream = (number << (-total % 8)).to_bytes((total + 7) // 8, "big")
    try:
        content = bz2.BZ2Decompressor().decompress(stream, max(wanted - 1, 1))
    except (OSError, EOFError) as error:
        raise InstallerError("The header of the NSIS installer is damaged.") from error
    return content + b"\0" if len(content) == wanted - 1 else content
