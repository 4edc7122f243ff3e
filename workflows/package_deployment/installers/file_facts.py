"""What kind of file an installer is, by its content."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PE_OFFSET_AT = 0x3C
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


class Kind(StrEnum):
    """The kinds of files by their first bytes."""

    COMPOUND = "compound"
    """A compound file (OLE), such as an MSI."""
    PROGRAM = "program"
    """A Windows program (PE)."""
    OTHER = "other"


class FileFacts(NamedTuple):
    """The kind of a file, and what one of another kind looks like: "a ZIP archive", say, or nothing."""

    kind: Kind
    likeness: str = ""


def read_file_facts(path: Path) -> FileFacts:
    """Read the beginning of a file. Raises OSError: it cannot be read."""
    with path.open("rb") as file:
        head = file.read(_PE_OFFSET_AT + 4)
        if head.startswith(_OLE):
            return FileFacts(Kind.COMPOUND)
        if head.startswith(b"MZ") and len(head) == _PE_OFFSET_AT + 4:
            file.seek(int.from_bytes(head[_PE_OFFSET_AT:], "little"))
            if file.read(4) == b"PE\0\0":
                return FileFacts(Kind.PROGRAM)
    if not head:
        return FileFacts(Kind.OTHER, "an empty file")
    return FileFacts(Kind.OTHER, next((words for magic, words in _LIKENESSES if head.startswith(magic)), ""))
