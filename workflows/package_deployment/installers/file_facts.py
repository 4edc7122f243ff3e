"""The facts that every file has: its size, its digests, and what kind of file its content says that it is."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PE_OFFSET_AT = 0x3C


class Kind(StrEnum):
    """The kinds of files by their first bytes."""

    COMPOUND = "compound"
    """A compound file (OLE), such as an MSI."""
    PROGRAM = "program"
    """A Windows program (PE)."""
    OTHER = "other"


class FileFacts(NamedTuple):
    """The size in bytes, the digests in hexadecimal, and the kind."""

    size: int
    sha256: str
    sha1: str
    md5: str
    kind: Kind
    likeness: str
    """What a file of another kind looks like, such as "a ZIP archive"; empty if nobody knows."""


_LIKENESSES = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"MSCF", "a cabinet"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program for Linux"),
    (b"ISc(", "a cabinet of InstallShield"),
    (b"%PDF", "a PDF document"),
    (b"MZ", "a program for DOS"),
)


def read_file_facts(path: Path) -> FileFacts:
    """Read the whole file once. Raises OSError: it cannot be read."""
    digests = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    size = 0
    head = b""
    with path.open("rb") as file:
        kind, likeness = _kind_of(path)
        while chunk := file.read(_CHUNK):
            head = head or chunk[:64]
            size += len(chunk)
            for digest in digests:
                digest.update(chunk)
    sha256, sha1, md5 = (digest.hexdigest() for digest in digests)
    return FileFacts(size, sha256, sha1, md5, kind, likeness)


def _kind_of(path: Path) -> tuple[Kind, str]:
    with path.open("rb") as file:
        head = file.read(_PE_OFFSET_AT + 4)
        if head.startswith(_OLE):
            return Kind.COMPOUND, ""
        if head.startswith(b"MZ") and len(head) == _PE_OFFSET_AT + 4:
            file.seek(int.from_bytes(head[_PE_OFFSET_AT:], "little"))
            if file.read(4) == b"PE\0\0":
                return Kind.PROGRAM, ""
    if not head:
        return Kind.OTHER, "an empty file"
    return Kind.OTHER, next((words for magic, words in _LIKENESSES if head.startswith(magic)), "")
