"""7-Zip archives, from their public description (7zFormat.txt): their lists, and content that `lzma` can unpack."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from workflows.package_deployment.installers.problems import InstallerError

LARGEST_HEADER = 64 << 20
MOST_FILES = 200_000
_SIGNATURE = b"7z\xbc\xaf\x27\x1c"
_START = 32
_CHUNK = 1 << 20
_LARGEST_DICTIONARY = 128 << 20
_END, _HEADER, _ARCHIVE_PROPERTIES, _STREAMS, _FILES = 0, 1, 2, 4, 5
_PACK_INFO, _UNPACK_INFO, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _UNPACK_SIZE, _COUNT = 6, 7, 8, 9, 10, 11, 12, 13
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _ENCODED = 14, 15, 17, 23
_COPY, _LZMA2, _DELTA, _BCJ = b"\x00", b"\x21", b"\x03", b"\x04"
_LZMA, _BCJ_OLD, _DEFLATE, _BZIP2 = b"\x03\x01\x01", b"\x03\x03\x01\x03", b"\x04\x01\x08", b"\x04\x02\x02"
_AES = b"\x06\xf1\x07\x01"


class SevenZipFile(NamedTuple):
    """A file: its name, its size in bytes, the number of its folder of content (-1: none), and its place there."""

    name: str
    size: int
    folder: int
    offset: int


class _Coder(NamedTuple):
    method: bytes
    properties: bytes
    streams: int


@dataclass
class _Folder:
    coders: list[_Coder] = field(default_factory=list)
    bound: list[tuple[int, int]] = field(default_factory=list)
    packed_streams: int = 1
    sizes: list[int] = field(default_factory=list)
    first_stream: int = 0
    counts: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The size of its content: that of the stream which no other coder reads."""
        used = {out for _, out in self.bound}
        return next((size for index, size in enumerate(self.sizes) if index not in used), 0)


class SevenZip:
    """A 7-Zip archive in a stream that can be read at any place."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the list. Raises InstallerError: it is damaged, encrypted, or packed in a way that is not supported."""
        self._stream = stream
        try:
            self._folders, self._packed_at, self._packed_sizes, self.files = self._read()
        except (struct.error, IndexError, EOFError) as error:
            raise InstallerError("The 7-Zip archive is damaged.") from error

    def content(self, folder: int) -> Iterator[bytes]:
        """Yield the content of a folder in pieces.

        Raises:
            InstallerError: it is damaged, encrypted, or packed in a way that is not supported.
        """
        found = self._folders[folder]
        start = self._packed_at + sum(self._packed_sizes[: found.first_stream])
        yield from self._unpack(found, start, self._packed_sizes[found.first_stream])

    def _read(self) -> tuple[list[_Folder], int, list[int], list[SevenZipFile]]:
        self._stream.seek(0)
        start = self._stream.read(_START)
        if len(start) < _START or not start.startswith(_SIGNATURE):
            raise EOFError
        offset, size = struct.unpack_from("<QQ", start, 12)
        if size == 0:
            return [], 0, [], []
        header = self._exactly(_START + offset, size)
        for _ in range(4):  # a packed header can hold a packed header
            if header[0] != _ENCODED:
                break
            folders, place, sizes = _Header(header[1:]).streams()
            if not folders or folders[0].size > LARGEST_HEADER:
                raise EOFError
            header = b"".join(self._unpack(folders[0], _START + place, sizes[0]))[: folders[0].size]
        if header[0] != _HEADER:
            raise EOFError
        reader = _Header(header[1:])
        folders, place, sizes = reader.main()
        return folders, _START + place, sizes, reader.files(folders)

    def _exactly(self, place: int, size: int) -> bytes:
        if size > LARGEST_HEADER:
            raise InstallerError("The list of the 7-Zip archive is larger than is read.")
        self._stream.seek(place)
        content = self._stream.read(size)
        if len(content) != size:
            raise EOFError
        return content

    def _unpack(self, folder: _Folder, place: int, size: int) -> Iterator[bytes]:
        unpacker = _unpacker(folder)
        left = folder.size
        at, end = place, place + size
        try:
            while at < end and left > 0:
                self._stream.seek(at)
                chunk = self._stream.read(min(_CHUNK, end - at))
                if not chunk:
                    raise EOFError
                at += len(chunk)
                for piece in unpacker(chunk):
                    part = piece[:left]
                    left -= len(part)
                    if part:
                        yield part
                    if left == 0:
                        return
        except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
            raise InstallerError("The content of the 7-Zip archive is damaged.") from error


class _Header:
    """Reads the numbers and lists of a header."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def main(self) -> tuple[list[_Folder], int, list[int]]:
        kind = self._number()
        if kind == _ARCHIVE_PROPERTIES:
            while self._number() != _END:
                self._skip(self._number())
            kind = self._number()
        if kind != _STREAMS:
            self._at -= 1
            return [], 0, []
        return self.streams()

    def streams(self) -> tuple[list[_Folder], int, list[int]]:
        place, sizes, folders = 0, list[int](), list[_Folder]()
        while (kind := self._number()) != _END:
            if kind == _PACK_INFO:
                place, sizes = self._pack_info()
            elif kind == _UNPACK_INFO:
                folders = self._unpack_info()
            elif kind == _SUBSTREAMS:
                self._substreams(folders)
            else:
                raise EOFError
        for folder in folders:
            folder.counts = folder.counts or ([folder.size] if folder.size else [])
        return folders, place, sizes

    def files(self, folders: list[_Folder]) -> list[SevenZipFile]:
        if self._number() != _FILES:
            return []
        count = self._bounded()
        empty, names = [False] * count, list[str]()
        empty_file: list[bool] = []
        while (kind := self._number()) != _END:
            size = self._number()
            end = self._at + size
            if kind == _EMPTY_STREAM:
                empty = self._bits(count)
            elif kind == _EMPTY_FILE:
                empty_file = self._bits(sum(empty))
            elif kind == _NAMES and self._byte() == 0:
                names = self._data[self._at : end].decode("utf-16-le", "replace").split("\0")[:count]
            if end > len(self._data):
                raise EOFError
            self._at = end
        places = ((index, size, offset) for index, folder in enumerate(folders) for size, offset in _places(folder))
        found = []
        emptied = 0
        for number in range(count):
            name = names[number] if number < len(names) else ""
            if empty[number]:
                is_file = emptied < len(empty_file) and empty_file[emptied]
                emptied += 1
                if is_file:
                    found.append(SevenZipFile(name, 0, -1, 0))
                continue
            index, size, offset = next(places, (-1, 0, 0))
            found.append(SevenZipFile(name, size, index, offset))
        return found

    def _pack_info(self) -> tuple[int, list[int]]:
        place, count, sizes = self._number(), self._bounded(), list[int]()
        while (kind := self._number()) != _END:
            if kind == _SIZE:
                sizes = [self._number() for _ in range(count)]
            elif kind == _CRC:
                self._digests(count)
            else:
                raise EOFError
        return place, sizes

    def _unpack_info(self) -> list[_Folder]:
        if self._number() != _FOLDER:
            raise EOFError
        count = self._bounded()
        if self._byte():
            raise InstallerError("The list of the 7-Zip archive is in another place, which is not supported.")
        folders = [self._folder() for _ in range(count)]
        first = 0
        for folder in folders:
            folder.first_stream = first
            first += folder.packed_streams
        while (kind := self._number()) != _END:
            if kind == _UNPACK_SIZE:
                for folder in folders:
                    folder.sizes = [self._number() for _ in folder.coders]
            elif kind == _CRC:
                self._digests(count)
            else:
                raise EOFError
        return folders

    def _folder(self) -> _Folder:
        folder = _Folder()
        inputs = 0
        for _ in range(self._bounded(32)):
            flags = self._byte()
            method = self._take(flags & 0x0F)
            streams = 1
            if flags & 0x10:
                streams = self._bounded(32)
                if self._bounded(32) != 1:
                    raise EOFError
            properties = self._take(self._bounded(1 << 16)) if flags & 0x20 else b""
            folder.coders.append(_Coder(method, properties, streams))
            inputs += streams
        folder.bound = [(self._number(), self._number()) for _ in range(len(folder.coders) - 1)]
        folder.packed_streams = inputs - len(folder.bound)
        if folder.packed_streams < 1:
            raise EOFError
        if folder.packed_streams > 1:
            for _ in range(folder.packed_streams):
                self._number()
        return folder

    def _substreams(self, folders: list[_Folder]) -> None:
        numbers = [1] * len(folders)
        kind = self._number()
        if kind == _COUNT:
            numbers = [self._bounded() for _ in folders]
            if sum(numbers) > MOST_FILES:
                raise EOFError
            kind = self._number()
        for folder, number in zip(folders, numbers, strict=True):
            sizes = [self._number() for _ in range(number - 1)] if kind == _SIZE else [0] * max(number - 1, 0)
            folder.counts = [*sizes, max(folder.size - sum(sizes), 0)] if number else []
        if kind == _SIZE:
            kind = self._number()
        while kind != _END:
            if kind != _CRC:
                raise EOFError
            self._digests(sum(numbers))
            kind = self._number()

    def _digests(self, count: int) -> None:
        defined = [True] * count if self._byte() else self._bits(count)
        self._skip(4 * sum(defined))

    def _bits(self, count: int) -> list[bool]:
        data = self._take((count + 7) // 8)
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def _number(self) -> int:
        first, mask, value = self._byte(), 0x80, 0
        for index in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * index
            value |= self._byte() << 8 * index
            mask >>= 1
        return value

    def _bounded(self, most: int = MOST_FILES) -> int:
        number = self._number()
        if number > most:
            raise EOFError
        return number

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise EOFError
        return self._data[self._at - size : self._at]

    def _skip(self, size: int) -> None:
        self._take(size)


def _places(folder: _Folder) -> Iterator[tuple[int, int]]:
    offset = 0
    for size in folder.counts:
        yield size, offset
        offset += size


def _unpacker(folder: _Folder) -> Any:
    """Return a function from packed bytes to an iterator of unpacked pieces."""
    if any(coder.method == _AES for coder in folder.coders):
        raise InstallerError("The 7-Zip archive is encrypted with a password.")
    coders = _in_order(folder)
    methods = [coder.method for coder in coders]
    if methods == [_COPY]:
        return lambda data: iter([data])
    if methods == [_DEFLATE]:
        return _pieces(zlib.decompressobj(-zlib.MAX_WBITS))
    if methods == [_BZIP2]:
        return _pieces(bz2.BZ2Decompressor())
    filters = [_filter(coder) for coder in coders]
    try:
        return _pieces(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))
    except (lzma.LZMAError, ValueError) as error:
        raise InstallerError("The 7-Zip archive is packed in a way that is not supported.") from error


def _in_order(folder: _Folder) -> list[_Coder]:
    """Return the coders from that which gives the content to that which reads the packed bytes."""
    sources = dict(folder.bound)
    used = set(sources.values())
    at: int | None = next((index for index in range(len(folder.coders)) if index not in used), None)
    found: list[_Coder] = []
    while at is not None and at < len(folder.coders) and len(found) < len(folder.coders):
        found.append(folder.coders[at])
        at = sources.get(at)
    if len(found) != len(folder.coders) or len(found) > 4 or any(coder.streams != 1 for coder in found):
        raise InstallerError("The 7-Zip archive is packed in a way that is not supported.")
    return found


def _filter(coder: _Coder) -> dict[str, Any]:
    properties = coder.properties
    if coder.method == _LZMA and len(properties) >= 5 and properties[0] < 225:
        rest, context = divmod(properties[0], 9)
        bits, literal = divmod(rest, 5)
        size = int.from_bytes(properties[1:5], "little")
        return {"id": lzma.FILTER_LZMA1, "lc": context, "lp": literal, "pb": bits, "dict_size": _dictionary(size)}
    if coder.method == _LZMA2 and properties and properties[0] < 40:
        size = (2 | properties[0] & 1) << properties[0] // 2 + 11
        return {"id": lzma.FILTER_LZMA2, "dict_size": _dictionary(size)}
    if coder.method in (_BCJ, _BCJ_OLD):
        return {"id": lzma.FILTER_X86}
    if coder.method == _DELTA:
        return {"id": lzma.FILTER_DELTA, "dist": (properties[0] if properties else 0) + 1}
    raise InstallerError("The 7-Zip archive is packed in a way that is not supported.")


def _dictionary(size: int) -> int:
    if size > _LARGEST_DICTIONARY:
        raise InstallerError("The 7-Zip archive needs more memory than is allowed.")
    return max(size, 4_096)


def _pieces(unpacker: Any) -> Any:
    def unpack(data: bytes) -> Iterator[bytes]:
        piece = unpacker.decompress(data, _CHUNK)
        while piece:
            yield piece
            if unpacker.eof:
                return
            rest = getattr(unpacker, "unconsumed_tail", b"")
            if not rest and getattr(unpacker, "needs_input", True):
                return
            piece = unpacker.decompress(rest, _CHUNK)

    return unpack
