"""What kind of file an installer is, by its content."""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PE_OFFSET_AT = 0x3C
_LIKENESSES = (
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
_ZIP = b"PK\x03\x04"
_LIST_SIZE = 1 << 20
"""Bytes at the end of a ZIP archive in which names are looked for."""
_ZIP_LIKENESSES = (
    (b"AppxMetadata/AppxBundleManifest.xml", "a bundle of MSIX or APPX packages"),
    (b"AppxManifest.xml", "an MSIX or APPX package"),
    (b".nuspec", "a NuGet package"),
    (b"META-INF/MANIFEST.MF", "a Java archive"),
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
    return FileFacts(Kind.OTHER, _likeness(path, head))


def _likeness(path: Path, head: bytes) -> str:
    if not head:
        return "an empty file"
    if head.startswith(_ZIP):
        return _likeness_of_zip(path)
    found = next((words for magic, words in _LIKENESSES if head.startswith(magic)), "")
    return found or ("a text, such as a script" if _is_text(head) else "")


def _likeness_of_zip(path: Path) -> str:
    """Return what kind of package a ZIP archive is, by the names in the list at its end."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - _LIST_SIZE, 0))
        end = file.read(_LIST_SIZE)
    return next((words for name, words in _ZIP_LIKENESSES if name in end), "a ZIP archive")


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    # A character at the end may be cut.
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "ignore")
    return (
        bool(text)
        and len(text.encode()) >= len(head) - 6
        and all(char.isprintable() or char in "\r\n\t" for char in text)
    )
