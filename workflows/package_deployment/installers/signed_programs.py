"""Where a Windows program (PE) keeps its signatures, and the digest that Authenticode makes of it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from workflows.package_deployment.installers import der
from workflows.package_deployment.installers.problems import InstallerError

CONTENT = "1.3.6.1.4.1.311.2.1.15"
"""The kind of data that the signature of a program names."""
LARGEST_TABLE = 32 << 20
"""Bytes of certificates that are read."""
MOST_ENTRIES = 16
_CHUNK = 1 << 20
_PKCS7 = 2
_SECURITY_DIRECTORY = 4


@dataclass
class SignedProgram:
    """The places in a program that matter for its signatures, all in bytes from its start."""

    path: Path
    size: int
    checksum_at: int
    directory_at: int
    """Where the entry of the certificate table is; 0: the program has no place for one."""
    table_at: int = 0
    table_size: int = 0
    signatures: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hides_content: bool = False
    """Whether the certificate table, which no digest covers, lies inside what Windows loads."""

    def digests(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the Authenticode digests of the program by the names of their algorithms."""
        digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        with self.path.open("rb") as file:
            for start, end in self._covered():
                for chunk in _chunks(file, start, end):
                    for digest in digests.values():
                        digest.update(chunk)
        return {name: digest.digest() for name, digest in digests.items()}

    def _covered(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges that are signed: all but the checksum, the entry of the table, and the table."""
        gaps = [(self.checksum_at, self.checksum_at + 4)]
        if self.directory_at:
            gaps.append((self.directory_at, self.directory_at + 8))
        if self.table_size:
            gaps.append((self.table_at, self.table_at + self.table_size))
        start = 0
        for begin, end in gaps:
            if begin > start:
                yield start, begin
            start = max(start, end)
        if start < self.size:
            yield start, self.size


def open_signed_program(path: Path) -> SignedProgram:
    """Find the signatures of a program.

    Raises:
        InstallerError: it is not a program, or its header is damaged.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:2] != b"MZ":
            raise InstallerError("It is not a Windows program.")
        header_at = struct.unpack_from("<I", head, 0x3C)[0]
        file.seek(header_at)
        header = file.read(24 + 240)
        if header[:4] != b"PE\0\0" or len(header) < 24 + 96:
            raise InstallerError("It has no header of a Windows program.")
        program = _places(path, size, header_at, header)
        if program.table_size:
            _check_place(file, program, header_at, header)
            _read_table(file, program)
    return program


def _places(path: Path, size: int, header_at: int, header: bytes) -> SignedProgram:
    optional_size = struct.unpack_from("<H", header, 20)[0]
    magic = struct.unpack_from("<H", header, 24)[0]
    if magic not in (0x10B, 0x20B):
        raise InstallerError("Its header is of an unknown kind.")
    directories = 96 if magic == 0x10B else 112
    entry = directories + 8 * _SECURITY_DIRECTORY
    optional = header_at + 24
    program = SignedProgram(path, size, optional + 64, 0)
    if optional_size < entry + 8 or len(header) < 24 + entry + 8:
        return program
    count = struct.unpack_from("<I", header, 24 + directories - 4)[0]
    if count > _SECURITY_DIRECTORY:
        program.directory_at = optional + entry
        program.table_at, program.table_size = struct.unpack_from("<II", header, 24 + entry)
        if not program.table_at:
            program.table_size = 0
    return program


def _check_place(file: BinaryIO, program: SignedProgram, header_at: int, header: bytes) -> None:
    """Note where the certificate table is not at the end of the file, or lies in what is loaded."""
    end = program.table_at + program.table_size
    if program.table_at >= program.size or end > program.size:
        raise InstallerError("The certificate table lies outside the file, so the file is cut or altered.")
    if end < program.size:
        program.notes.append(
            f"{program.size - end:,} bytes follow the certificate table. Signing tools leave nothing behind it."
        )
    sections, optional_size = struct.unpack_from("<H", header, 6)[0], struct.unpack_from("<H", header, 20)[0]
    file.seek(header_at + 24 + optional_size)
    table = file.read(40 * sections)
    last = header_at + 24 + optional_size + 40 * sections
    for index in range(len(table) // 40):
        raw_size, raw_at = struct.unpack_from("<II", table, 40 * index + 16)
        if raw_size and raw_at:
            last = max(last, raw_at + raw_size)
    if program.table_at < last:
        program.hides_content = True
        program.notes.append("The certificate table lies inside the program's sections, where no signature covers it.")


def _read_table(file: BinaryIO, program: SignedProgram) -> None:
    if program.table_size > LARGEST_TABLE:
        raise InstallerError(f"The certificate table has more than {LARGEST_TABLE >> 20} MiB.")
    file.seek(program.table_at)
    table = file.read(program.table_size)
    at, entries = 0, 0
    while at + 8 <= len(table) and entries < MOST_ENTRIES:
        length, _, kind = struct.unpack_from("<IHH", table, at)
        if length < 8 or at + length > len(table):
            break
        entries += 1
        if kind == _PKCS7:
            program.signatures.append(_without_padding(table[at + 8 : at + length], program))
        else:
            program.notes.append(f"The certificate table has an entry of another kind ({kind}), which was not read.")
        at += length + -length % 8
    if at < len(table):
        program.notes.append(
            f"{len(table) - at:,} bytes of the certificate table belong to no signature, and no signature covers them."
        )


def _without_padding(blob: bytes, program: SignedProgram) -> bytes:
    """Return a signature without the bytes that follow it, and note more of them than tools need to fill up."""
    try:
        signature = der.read(blob).raw
    except der.DerError:
        return blob
    rest = blob[len(signature) :]
    if len(rest) > 7 or any(rest):
        program.notes.append(
            f"{len(rest):,} bytes are hidden behind the signature in the certificate table, where they can be changed "
            "without breaking it."
        )
    return signature


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        chunk = file.read(min(_CHUNK, end - start))
        if not chunk:
            raise InstallerError("The file became shorter while it was read.")
        start += len(chunk)
        yield chunk
