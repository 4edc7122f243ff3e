"""Where an MSI keeps its signature, and the digests that Authenticode makes of it.

An MSI is a compound file: the digest is over its streams, in the order of their names, so that their places in the file
do not matter. The extended form also covers the names, sizes, and times of the streams.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import olefile

from workflows.package_deployment.installers.problems import InstallerError

CONTENT = "1.3.6.1.4.1.311.2.1.30"
"""The kind of data that the signature of an MSI names."""
SIGNATURE = "\x05DigitalSignature"
EXTENDED = "\x05MsiDigitalSignatureEx"
LARGEST_SIGNATURE = 32 << 20
MOST_DEPTH = 16
_LONGEST_RUN = 1 << 20
_LARGEST_EXTENDED = 64
_STORAGES = (olefile.STGTY_STORAGE, olefile.STGTY_ROOT)


class SignedPackage:
    """An MSI, opened for its signature; a context manager."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        try:
            self._size = path.stat().st_size
            self._ole = olefile.OleFileIO(self._file)
        except Exception as error:  # olefile raises whatever a damaged file leads to
            self._file.close()
            if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno):
                raise
            raise InstallerError("It is not a compound file, or it is damaged.") from error
        self.signatures: list[bytes] = []
        self.notes: list[str] = []
        self.hides_content = False
        self._left = self._size
        self._extended = self._named(EXTENDED, _LARGEST_EXTENDED)
        if signature := self._named(SIGNATURE, LARGEST_SIGNATURE):
            self.signatures.append(signature)
            self._note_surroundings()

    def __enter__(self) -> SignedPackage:
        return self

    def __exit__(self, *_: object) -> None:
        self._ole.close()
        self._file.close()

    def digests(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the Authenticode digests by the names of their algorithms.

        Raises:
            InstallerError: a stream is incomplete.
        """
        digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        if self._extended:
            for name, digest in digests.items():
                metadata = self._metadata_digest(name)
                digest.update(metadata)
                if len(self._extended) == len(metadata) and metadata != self._extended:
                    self.notes.append("The names, sizes, or times of the streams are not those that were signed.")

        self._left = self._size

        def add(data: bytes) -> None:
            for digest in digests.values():
                digest.update(data)

        self._walk(self._ole.root, None, add)
        return {name: digest.digest() for name, digest in digests.items()}

    def _metadata_digest(self, name: str) -> bytes:
        digest = hashlib.new(name, usedforsecurity=False)
        self._walk(self._ole.root, lambda entry: digest.update(_metadata(entry)), None)
        return digest.digest()

    def _walk(
        self, storage: Any, on_entry: Callable[[Any], None] | None, on_data: Callable[[bytes], None] | None,
        depth: int = 0,
    ) -> None:  # fmt: skip
        """Go through a storage in the order of Authenticode: its entries, or the content of its streams and classes."""
        if depth > MOST_DEPTH:
            raise InstallerError("Its storages are nested too deeply.")
        if on_entry:
            on_entry(storage)
        for entry in sorted(storage.kids, key=lambda kid: kid.name_utf16):
            if depth == 0 and entry.name in (SIGNATURE, EXTENDED):
                continue
            if entry.entry_type in _STORAGES:
                self._walk(entry, on_entry, on_data, depth + 1)
            elif on_entry:
                on_entry(entry)
            elif on_data:
                for data in self._stream(entry):
                    on_data(data)
        if on_data:
            on_data(_class_of(storage))

    def _named(self, name: str, largest: int) -> bytes:
        """Return a stream of the root by its exact name; empty if there is none."""
        for entry in self._ole.root.kids:
            if entry.name == name and entry.entry_type == olefile.STGTY_STREAM:
                if entry.size > largest:
                    raise InstallerError("The stream with the signature is too large.")
                return b"".join(self._stream(entry))
        return b""

    def _stream(self, entry: Any) -> Iterator[bytes]:
        """Yield the content of a stream, a run of neighboring sectors at a time.

        Raises:
            InstallerError: it is incomplete, or its sectors make a loop.
        """
        if not entry.size:
            return
        self._left -= entry.size
        if self._left < 0 or self._ole.root.size > self._size:
            raise InstallerError("Its streams are larger than the file, so it is damaged.")
        if entry.size < self._ole.minisectorcutoff:
            yield from self._small_stream(entry)
            return
        size, table, sector = self._ole.sectorsize, self._ole.fat, entry.isectStart
        left = entry.size
        while left > 0:
            first, count = sector, 0
            while count * size < min(left, _LONGEST_RUN) and sector == first + count:
                if not 0 <= sector < len(table):
                    raise InstallerError("A stream of the MSI is incomplete.")
                sector = table[sector]
                count += 1
            wanted = min(left, count * size)
            self._file.seek((first + 1) * size)
            data = self._file.read(wanted)
            if len(data) < wanted:
                raise InstallerError("A stream of the MSI is incomplete, so the file is cut.")
            left -= wanted
            yield data

    def _small_stream(self, entry: Any) -> Iterator[bytes]:
        try:
            data: bytes = self._ole._open(entry.isectStart, entry.size).read()
        except (OSError, IndexError) as error:
            raise InstallerError("A stream of the MSI is incomplete.") from error
        if len(data) != entry.size:
            raise InstallerError("A stream of the MSI is incomplete.")
        yield data

    def _note_surroundings(self) -> None:
        """Note what no signature covers: names of streams without the extended form, and bytes behind all sectors."""
        if not self._extended:
            self.notes.append("The signature covers the content of the streams, but not their names.")
        used = max((index for index, value in enumerate(self._ole.fat) if value != olefile.FREESECT), default=-1)
        end = (used + 2) * self._ole.sectorsize
        if end < self._size:
            self.notes.append(
                f"{self._size - end:,} bytes follow the end of the MSI. The signature does not cover them, and another "
                "program may read the file as something else, such as an archive."
            )


def _class_of(entry: Any) -> bytes:
    return uuid.UUID(entry.clsid).bytes_le if entry.clsid else bytes(16)


def _metadata(entry: Any) -> bytes:
    """Return the name, class or size, flags, and times of an entry, as the extended form covers them."""
    is_root = entry.entry_type == olefile.STGTY_ROOT
    parts = [b"" if is_root else entry.name_utf16]
    if entry.entry_type in _STORAGES:
        parts.append(_class_of(entry))
    else:
        parts.append(struct.pack("<I", entry.size & 0xFFFFFFFF))
    parts.append(struct.pack("<I", entry.dwUserFlags))
    if not is_root:
        parts.append(struct.pack("<QQ", entry.createTime, entry.modifyTime))
    return b"".join(parts)
