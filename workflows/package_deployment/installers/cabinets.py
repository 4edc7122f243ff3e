"""Cabinets ([MS-CAB]): their lists of files, and the digests of the files in them.

Content is unpacked in pieces: stored and MSZIP with zlib, LZX with libarchive where that is installed, and elsewhere
with a slow reader of our own, if it is small. Of what is compressed with Quantum, only the list is read.
"""

from __future__ import annotations

import hashlib
import struct
import time
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from workflows.package_deployment.installers import lzx_library
from workflows.package_deployment.installers.lzx import LzxReader
from workflows.package_deployment.installers.problems import InstallerError

MOST_FILES = 200_000
_MAGIC = b"MSCF"
_BLOCK = 32_768
_LONGEST_NAME = 1_024
_PREVIOUS, _NEXT, _RESERVES = 0x1, 0x2, 0x4
_FROM_ELSEWHERE = 0xFFFD
_STORED, _MSZIP, _LZX = 0, 1, 3
_METHOD = 0xF
_LARGEST_LZX = 16 << 20
"""Bytes of content compressed with LZX that are unpacked to get digests, without libarchive."""
_METHODS = {0: "", 1: "MSZIP", 2: "Quantum", 3: "LZX"}
_HEAD = 64
"""First bytes of each file that are kept, to tell what it is."""


class CabinetFile(NamedTuple):
    """A file in a cabinet: its name there, its size in bytes, and where it is in the content of its folder."""

    name: str
    size: int
    folder: int
    offset: int


class Unpacked(NamedTuple):
    """A file that was unpacked: its name in the cabinet, its SHA-256, and its first bytes."""

    name: str
    sha256: str
    head: bytes


class _Folder(NamedTuple):
    start: int
    blocks: int
    kind: int
    """The method of compression, with the size of its window."""

    @property
    def method(self) -> int:
        return self.kind & _METHOD

    @property
    def window_bits(self) -> int:
        return self.kind >> 8 & 0x1F


class Cabinet:
    """A cabinet in a stream that can be read at any place."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the lists of folders and files. Raises InstallerError: it is no cabinet, or damaged."""
        self._stream = stream
        try:
            self._read_lists()
        except (struct.error, EOFError) as error:
            raise InstallerError("It is incomplete.") from error

    @property
    def methods(self) -> list[str]:
        """The methods of compression that are used in it; empty: nothing is compressed."""
        return sorted({_METHODS.get(folder.method, "unknown") for folder in self._folders} - {""})

    @property
    def left_packed(self) -> list[str]:
        """The methods of compression in it whose content is not unpacked here."""
        files = self._by_folder()
        found = {
            folder.method for number, folder in enumerate(self._folders)
            if number in files and not self._is_unpacked(folder, files[number])
        }  # fmt: skip
        return sorted(_METHODS.get(method, "unknown") for method in found)

    def unpacked(self, until: float) -> Iterator[Unpacked]:
        """Unpack all files that can be, one after the other, and yield what they are.

        Args:
            until: when to stop, as `time.monotonic` counts.

        Raises:
            InstallerError: the content is damaged, or takes too long to unpack.
        """
        files = self._by_folder()
        for number, folder in enumerate(self._folders):
            if number in files and self._is_unpacked(folder, files[number]):
                try:
                    yield from _digests(self._content(folder, until), files[number])
                except (struct.error, EOFError, zlib.error) as error:
                    raise InstallerError("Its content is damaged.") from error

    def content(self, file: CabinetFile, most: int, until: float) -> bytes:
        """Return the content of a file.

        Args:
            file: one of `files`.
            most: bytes that are unpacked at most to get at it.
            until: when to stop, as `time.monotonic` counts.

        Raises:
            InstallerError: the content is damaged, too large, in a format that is not supported, or takes too
                long.
        """
        end = file.offset + file.size
        folder = self._folders[file.folder] if 0 <= file.folder < len(self._folders) else None
        if folder is None or folder.method not in (_STORED, _MSZIP, _LZX):
            raise InstallerError("Its content is in a format that is not supported, or in another cabinet.")
        if end > most:
            raise InstallerError(f"Its content is larger than {most:,} bytes, the most that are unpacked.")
        found = bytearray()
        try:
            for piece in self._content(folder, until):
                found += piece
                if len(found) >= end:
                    return bytes(found[file.offset : end])
        except (struct.error, EOFError, zlib.error) as error:
            raise InstallerError("Its content is damaged.") from error
        raise InstallerError("Its content is incomplete.")

    def _by_folder(self) -> dict[int, list[CabinetFile]]:
        """Return the files of each folder, in the order of their content."""
        files: dict[int, list[CabinetFile]] = {}
        for file in sorted(self.files, key=lambda file: (file.offset, file.size)):
            files.setdefault(file.folder, []).append(file)
        return files

    def _is_unpacked(self, folder: _Folder, files: list[CabinetFile]) -> bool:
        if folder.method == _LZX and not lzx_library.is_there():
            return max(file.offset + file.size for file in files) <= _LARGEST_LZX
        return folder.method in (_STORED, _MSZIP, _LZX)

    def _read_lists(self) -> None:
        header = self._exactly(36)
        if not header.startswith(_MAGIC):
            raise InstallerError("It does not begin like a cabinet.")
        first_file, folders, files, flags = struct.unpack_from("<I6xHHH", header, 16)
        folder_reserve = self._block_reserve = 0
        if flags & _RESERVES:
            header_reserve, folder_reserve, self._block_reserve = struct.unpack("<HBB", self._exactly(4))
            self._exactly(header_reserve)
        for flag in (_PREVIOUS, _NEXT):
            if flags & flag:
                self._text(), self._text()
        self._folders = []
        for _ in range(folders):
            start, blocks, kind = struct.unpack("<IHH", self._exactly(8))
            self._exactly(folder_reserve)
            self._folders.append(_Folder(start, blocks, kind))
        self._stream.seek(first_file)
        self.files = [self._file() for _ in range(min(files, MOST_FILES))]

    def _file(self) -> CabinetFile:
        size, offset, folder, _, _, attributes = struct.unpack("<IIHHHH", self._exactly(16))
        name = self._text()
        text = name.decode("utf-8" if attributes & 0x80 else "cp1252", "replace")
        return CabinetFile(text, size, folder if folder < _FROM_ELSEWHERE else -1, offset)

    def _content(self, folder: _Folder, until: float) -> Iterator[bytes]:
        if folder.method == _LZX and lzx_library.is_there():
            pieces = lzx_library.unpacked(self._stream, list(self._blocks(folder)), folder.kind)
        else:
            pieces = self._inflated(folder)
        for piece in pieces:
            if time.monotonic() > until:
                raise InstallerError("It takes too long to unpack, so that not all files have digests.")
            yield piece

    def _blocks(self, folder: _Folder) -> Iterator[lzx_library.Block]:
        """Yield the blocks of a folder, with the stream at the content of each."""
        place = folder.start
        for _ in range(folder.blocks):
            self._stream.seek(place)
            checksum, packed, size = struct.unpack("<IHH", self._exactly(8))
            self._exactly(self._block_reserve)
            place += 8 + self._block_reserve
            yield lzx_library.Block(place, packed, size, 0 if self._block_reserve else checksum)
            place += packed

    def _inflated(self, folder: _Folder) -> Iterator[bytes]:
        before = b""
        lzx = LzxReader(folder.window_bits) if folder.method == _LZX else None
        for block in self._blocks(folder):
            content = self._exactly(block.packed)
            if folder.method == _MSZIP:
                if not content.startswith(b"CK"):
                    raise EOFError
                # Each block goes on with the window of the one before it.
                content = zlib.decompressobj(-15, zdict=before).decompress(content[2:], _BLOCK)
            elif lzx is not None:
                content = lzx.unpack(content, block.size)
            if len(content) != block.size:
                raise EOFError
            before = (before + content)[-_BLOCK:]
            yield content

    def _exactly(self, size: int) -> bytes:
        content = self._stream.read(size)
        if len(content) != size:
            raise EOFError
        return content

    def _text(self) -> bytes:
        found = bytearray()
        while (byte := self._exactly(1)) != b"\0":
            found += byte
            if len(found) > _LONGEST_NAME:
                raise EOFError
        return bytes(found)


def _digests(content: Iterator[bytes], files: list[CabinetFile]) -> Iterator[Unpacked]:
    """Yield the digests of files that lie one after the other in the content; what overlaps is left out.

    Files with the same content can be there once, with several names.
    """
    block, start = b"", 0
    before: tuple[int, int] | None = None
    found = Unpacked("", "", b"")
    for file in files:
        if (file.offset, file.size) == before:
            yield found._replace(name=file.name)
            continue
        if file.offset < start:
            continue
        digest, head, at, end = hashlib.sha256(), b"", file.offset, file.offset + file.size
        while at < end:
            if at >= start + len(block):
                start += len(block)
                block = next(content, b"")
                if not block:
                    return
                continue
            piece = block[at - start : end - start]
            digest.update(piece)
            head = head or piece[:_HEAD]
            at += len(piece)
        before, found = (file.offset, file.size), Unpacked(file.name, digest.hexdigest(), head)
        yield found
