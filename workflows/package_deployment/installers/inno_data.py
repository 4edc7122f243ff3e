"""The set-up data of Inno Setup: the header, the languages, and the files.

They are blocks of pieces with checksums, compressed with LZMA. The layout of the records is that of the version that
the data name; the number of locations of files proves that the counts were read at the right places.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from typing import NamedTuple

from workflows.package_deployment.analysis import ContainedFile
from workflows.package_deployment.installers import inno_layouts
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.inno_layouts import Entry, Layout
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.texts import clean

ID_SIZE = 64
LARGEST_BLOCK = 128 << 20
"""Bytes of a block after unpacking."""
MOST_FILES = 20_000
_PIECE = 4_096
_PROPERTIES = 5
_VERSION_IS_VALID = 1
_FULLY_ENCRYPTED = 2


class SetupData(NamedTuple):
    """What the data say. Texts are as the author wrote them, with constants such as {app}."""

    texts: list[str]
    privileges: int
    overrides: int
    processors: tuple[int, int] | None
    languages: list[int]
    files: list[ContainedFile]
    files_total: int

    def text(self, place: int) -> str:
        """Return a text of the header; empty if this version does not have it."""
        return self.texts[place] if place < len(self.texts) else ""


class _Location(NamedTuple):
    size: int
    sha256: str
    version: str


def read_setup_data(program: Executable, offset: int, version: str, *, is_unicode: bool) -> SetupData:
    """Read the set-up data that start at an offset.

    Raises:
        InstallerError: the version is not known, the data are encrypted or damaged, or not laid out as expected.
    """
    layout = inno_layouts.LAYOUTS.get(version)
    if layout is None:
        raise InstallerError(f"The set-up data of Inno Setup are of version {version}, whose layout is not known.")
    place = _skip_encryption(program, offset + ID_SIZE, layout)
    try:
        block, place = _read_block(program, place, layout.length_width)
        locations, _ = _read_block(program, place, layout.length_width)
        return _Reader(block, layout, is_unicode=is_unicode).read(locations)
    except (struct.error, lzma.LZMAError, EOFError) as error:
        raise InstallerError("The set-up data of Inno Setup are damaged.") from error


def _skip_encryption(program: Executable, place: int, layout: Layout) -> int:
    if not layout.encryption_size:
        return place
    record = program.read(place, 4 + layout.encryption_size)
    if len(record) != 4 + layout.encryption_size or zlib.crc32(record[4:]) != int.from_bytes(record[:4], "little"):
        raise InstallerError("The set-up data of Inno Setup are damaged.")
    if record[4] == _FULLY_ENCRYPTED:
        raise InstallerError("The set-up data of Inno Setup are encrypted with a password.")
    return place + 4 + layout.encryption_size


def _read_block(program: Executable, place: int, width: int) -> tuple[bytes, int]:
    """Return a block, unpacked, and where it ends."""
    head = program.read(place, 4 + width + 1)
    if len(head) < 4 + width + 1 or zlib.crc32(head[4:]) != int.from_bytes(head[:4], "little"):
        raise EOFError
    stored = int.from_bytes(head[4 : 4 + width], "little")
    start = place + len(head)
    if stored > min(LARGEST_BLOCK, program.size - start):
        raise EOFError
    packed = bytearray()
    for at in range(start, start + stored, 4 + _PIECE):
        piece = program.read(at, min(4 + _PIECE, start + stored - at))
        if len(piece) < 5 or zlib.crc32(piece[4:]) != int.from_bytes(piece[:4], "little"):
            raise EOFError
        packed += piece[4:]
    return (_unpacked(bytes(packed)) if head[-1] else bytes(packed)), start + stored


def _unpacked(packed: bytes) -> bytes:
    if len(packed) < _PROPERTIES or packed[0] >= 9 * 5 * 5:
        raise EOFError
    rest, context = divmod(packed[0], 9)
    bits, literal = divmod(rest, 5)
    options = {
        "id": lzma.FILTER_LZMA1, "lc": context, "lp": literal, "pb": bits,
        "dict_size": min(max(int.from_bytes(packed[1:5], "little"), 4_096), LARGEST_BLOCK),
    }  # fmt: skip
    reader = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options])
    content = reader.decompress(packed[_PROPERTIES:], LARGEST_BLOCK + 1)
    if len(content) > LARGEST_BLOCK:
        raise InstallerError("The set-up data of Inno Setup are larger than is unpacked.")
    return content


class _Reader:
    """Reads the records of the first block."""

    def __init__(self, block: bytes, layout: Layout, *, is_unicode: bool) -> None:
        self._block = block
        self._layout = layout
        self._is_unicode = is_unicode
        self._at = 0

    def read(self, locations: bytes) -> SetupData:
        layout = self._layout
        header = layout.header
        language = layout.language
        skipped = 0
        if not self._is_unicode:
            skipped = inno_layouts.ANSI_HEADER_EXTRA
            header = header._replace(size=header.size + skipped)
            language = language._replace(size=language.size + inno_layouts.ANSI_LANGUAGE_EXTRA)
        texts, fields = self._record(header)
        fields = fields[skipped:]
        counts = list(struct.unpack_from(f"<{layout.counts}i", fields))
        has_keys = layout.counts > 16
        kinds = [language, inno_layouts.MESSAGE, inno_layouts.PERMISSION, inno_layouts.TYPE, layout.component,
                 layout.task, inno_layouts.FOLDER, *([inno_layouts.KEY] if has_keys else [])]  # fmt: skip
        files, found = counts[len(kinds)], counts[len(kinds) + 1]
        if min(counts) < 0 or found * layout.location.size != len(locations):
            raise InstallerError("The set-up data of Inno Setup are not laid out as its version says.")
        languages = []
        for number, kind in enumerate(kinds):
            for _ in range(counts[number]):
                _, rest = self._record(kind)
                if number == 0:
                    languages.append(int.from_bytes(rest[: 4 if kind.size > 20 else 2], "little") & 0xFFFF)
        processors = None
        if layout.processors is not None:
            processors = fields[layout.processors], fields[layout.processors + 1]
        overrides = fields[layout.overrides] if layout.overrides is not None else 0
        return SetupData(
            texts, fields[layout.privileges], overrides, processors, languages,
            self._files(min(files, MOST_FILES), locations), files,
        )  # fmt: skip

    def _files(self, count: int, locations: bytes) -> list[ContainedFile]:
        layout = self._layout
        found = []
        for _ in range(count):
            texts, fields = self._record(layout.file)
            source, target = texts[0], texts[1]
            (index,) = struct.unpack_from("<i", fields, layout.location_index)
            location = self._location(index, locations)
            is_uninstaller = fields[-1] == 1
            name = target or ("{app}\\unins000.exe" if is_uninstaller else source)
            found.append(
                ContainedFile(
                    path=clean(name), size=location.size if location else None,
                    version=location.version if location else "", sha256=location.sha256 if location else "",
                )
            )  # fmt: skip
        return found

    def _location(self, index: int, locations: bytes) -> _Location | None:
        layout = self._layout
        start = index * layout.location.size
        if index < 0 or start + layout.location.size > len(locations):
            return None  # a file beside the installer
        record = locations[start : start + layout.location.size]
        (size,) = struct.unpack_from("<Q", record, layout.original_size)
        high, low = struct.unpack_from("<II", record, layout.file_version)
        version = ""
        if record[layout.version_flags] & _VERSION_IS_VALID:
            version = f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"
        digest = record[layout.digest : layout.digest + 32].hex() if layout.has_sha256 else ""
        return _Location(size & 0x7FFFFFFFFFFFFFFF, digest, version)

    def _record(self, kind: Entry) -> tuple[list[str], bytes]:
        """Return the texts of a record, without those that are bytes, and its other fields."""
        encoding = "utf-16-le" if self._is_unicode else "cp1252"
        texts = [self._bytes().decode(encoding, "replace") for _ in range(kind.texts)]
        for _ in range(kind.byte_texts):
            self._bytes()
        return texts, self._exactly(kind.size)

    def _bytes(self) -> bytes:
        return self._exactly(int.from_bytes(self._exactly(4), "little"))

    def _exactly(self, size: int) -> bytes:
        if self._at + size > len(self._block):
            raise EOFError
        self._at += size
        return self._block[self._at - size : self._at]
