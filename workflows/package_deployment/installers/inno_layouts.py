"""How each version of Inno Setup writes its set-up data, from the public declarations of its records.

Every record is written as its texts, each after its length, then its other fields. A version that is not in the table
is not guessed.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A kind of record: how many texts it has, in Unicode and in bytes, and the size of its other fields in bytes."""

    texts: int
    byte_texts: int
    size: int


class Layout(NamedTuple):
    """The records of one version. Offsets are in bytes from the start of the fields that are not texts."""

    header: Entry
    privileges: int
    overrides: int | None
    """Whether the person may choose other privileges."""
    processors: int | None
    """Two sets of processors; from version 6.3 on, they are texts of the header."""
    counts: int
    """How many numbers of records there are."""
    language: Entry
    component: Entry
    task: Entry
    file: Entry
    location_index: int
    location: Entry
    original_size: int
    digest: int
    has_sha256: bool
    file_version: int
    version_flags: int
    length_width: int
    """Bytes of the length of a block."""
    encryption_size: int
    """Bytes about encryption that stand before the blocks, without their checksum."""


APP_NAME, APP_VERSION_NAME, APP_ID, PUBLISHER, APP_VERSION = 0, 1, 2, 4, 9
DEFAULT_FOLDER, UNINSTALL_NAME, CREATES_UNINSTALL_KEY, IS_UNINSTALLABLE = 10, 14, 24, 25
PROCESSORS_ALLOWED, PROCESSORS_FOR_64_BITS = 30, 31
"""Places of texts in the header, which are the same in all versions that have them."""

MESSAGE, PERMISSION, TYPE, FOLDER, KEY = (
    Entry(2, 0, 4),
    Entry(0, 1, 0),
    Entry(4, 0, 30),
    Entry(7, 0, 27),
    Entry(3, 0, 0),
)

_OLD_LOCATION = (Entry(0, 0, 74), 20, 36, False, 64, 72)
_COMPONENT, _TASK, _FILE, _LANGUAGE = Entry(5, 0, 42), Entry(6, 0, 26), Entry(10, 0, 43), Entry(6, 4, 21)
_NEW_LANGUAGE = Entry(4, 4, 19)


def _until_6_2(texts: int, size: int, privileges: int, overrides: int | None, processors: int) -> Layout:
    return Layout(
        Entry(texts, 4, size), privileges, overrides, processors, 16, _LANGUAGE, _COMPONENT, _TASK, _FILE, 20,
        *_OLD_LOCATION, 4, 0,
    )  # fmt: skip


def _from_6_4(texts: int, location: int) -> Layout:
    return Layout(
        Entry(texts, 4, 177), 156, 157, None, 16, _LANGUAGE, _COMPONENT, _TASK, _FILE, 20,
        Entry(0, 0, location), 20, 36, True, 76, 84, 4, 0,
    )  # fmt: skip


def _from_6_5_2(size: int, privileges: int, language: Entry) -> Layout:
    return Layout(
        Entry(34, 4, size), privileges, privileges + 1, None, 17, language, _COMPONENT, _TASK, Entry(15, 1, 77), 53,
        Entry(0, 0, 89), 24, 40, True, 80, 88, 4, 49,
    )  # fmt: skip


def _from_6_7(size: int, privileges: int, file: int) -> Layout:
    return Layout(
        Entry(39, 4, size), privileges, privileges + 1, None, 17, _NEW_LANGUAGE, Entry(5, 0, 39), Entry(6, 0, 23),
        Entry(15, 1, file), 53, Entry(0, 0, 89), 24, 40, True, 80, 88, 8, 49,
    )  # fmt: skip


LAYOUTS = {
    "5.4.2": _until_6_2(26, 156, 138, None, 142),
    "5.5.0": _until_6_2(27, 160, 138, None, 142),
    "5.5.6": _until_6_2(28, 160, 138, None, 142),
    "5.5.7": _until_6_2(28, 157, 135, None, 139),
    "6.0.0": _until_6_2(30, 167, 144, 145, 149),
    "6.1.0": _until_6_2(30, 167, 144, 145, 149),
    "6.3.0": Layout(
        Entry(32, 4, 166), 144, 145, None, 16, _LANGUAGE, _COMPONENT, _TASK, _FILE, 20,
        Entry(0, 0, 75), 20, 36, False, 64, 72, 4, 0,
    ),
    "6.4.0.1": _from_6_4(32, 87),
    "6.4.2": _from_6_4(33, 87),
    "6.4.3": _from_6_4(33, 85),
    "6.5.0": Layout(
        Entry(34, 4, 133), 112, 113, None, 17, _LANGUAGE, _COMPONENT, _TASK, Entry(15, 1, 77), 53,
        Entry(0, 0, 85), 20, 36, True, 76, 84, 4, 49,
    ),
    "6.5.2": _from_6_5_2(141, 120, _LANGUAGE),
    "6.6.0": _from_6_5_2(149, 128, _NEW_LANGUAGE),
    "6.6.1": _from_6_5_2(150, 129, _NEW_LANGUAGE),
    "6.7.0": _from_6_7(162, 139, 80),
    "7.0.0.1": _from_6_7(162, 139, 80),
    "7.0.0.3": _from_6_7(166, 143, 81),
}  # fmt: skip
ANSI_HEADER_EXTRA = 32
"""Bytes that the header has before its other fields in versions that are not Unicode: lead bytes of the code page."""
ANSI_LANGUAGE_EXTRA = 4
"""Bytes that a language has in addition in them: its code page."""
