"""The summary information of an MSI: a set of properties as in [MS-OLEPS]."""

from __future__ import annotations

import struct
from typing import NamedTuple

from workflows.package_deployment.installers.code_pages import codec_of
from workflows.package_deployment.installers.texts import clean

_MOST_PROPERTIES = 64
_LONGEST = 4_000
_INTEGER_16, _INTEGER, _TEXT, _WIDE_TEXT = 2, 3, 30, 31


class Summary(NamedTuple):
    """What the summary information of an MSI says; the names are those of Windows Installer."""

    code_page: int = 0
    title: str = ""
    subject: str = ""
    author: str = ""
    keywords: str = ""
    comments: str = ""
    template: str = ""
    revision_number: str = ""
    page_count: int | None = None
    word_count: int | None = None
    application: str = ""


_NUMBERS = {
    1: "code_page", 2: "title", 3: "subject", 4: "author", 5: "keywords", 6: "comments", 7: "template",
    9: "revision_number", 14: "page_count", 15: "word_count", 18: "application",
}  # fmt: skip
_INTEGERS = {"code_page", "page_count", "word_count"}


def read_summary(content: bytes) -> Summary:
    """Read the stream of the summary information. What is damaged in it is left out."""
    raw = _properties(content)
    page = raw.get(1)
    # The code page is a signed number of 16 bits, so that 65001 is stored as a negative one.
    code_page = page & 0xFFFF if isinstance(page, int) else 0
    found: dict[str, str | int] = {}
    for number, name in _NUMBERS.items():
        value = raw.get(number)
        if isinstance(value, int) and name in _INTEGERS:
            found[name] = value
        elif isinstance(value, bytes) and name not in _INTEGERS:
            found[name] = clean(value.split(b"\0", 1)[0].decode(codec_of(code_page), "replace"), _LONGEST)
        elif isinstance(value, str) and name not in _INTEGERS:
            found[name] = clean(value, _LONGEST)
    found["code_page"] = code_page
    return Summary(**found)  # type: ignore[arg-type]


def _properties(content: bytes) -> dict[int, int | bytes | str]:
    """Return the values of the first set of properties, by their numbers."""
    found: dict[int, int | bytes | str] = {}
    if len(content) < 48:
        return found
    start = struct.unpack_from("<I", content, 44)[0]
    if start + 8 > len(content):
        return found
    count = min(struct.unpack_from("<I", content, start + 4)[0], _MOST_PROPERTIES)
    for at in range(start + 8, start + 8 + 8 * count, 8):
        if at + 8 > len(content):
            break
        number, offset = struct.unpack_from("<II", content, at)
        value = _value(content, start + offset)
        if value is not None:
            found[number] = value
    return found


def _value(content: bytes, at: int) -> int | bytes | str | None:
    if at + 8 > len(content):
        return None
    kind, number = struct.unpack_from("<Ii", content, at)
    if kind == _INTEGER_16:
        return int(struct.unpack_from("<h", content, at + 4)[0])
    if kind == _INTEGER:
        return int(number)
    if kind == _TEXT and number > 0:
        return content[at + 8 : at + 8 + min(number, _LONGEST * 4)]
    if kind == _WIDE_TEXT and number > 0:
        return content[at + 8 : at + 8 + min(number, _LONGEST) * 2].decode("utf-16-le", "replace").split("\0", 1)[0]
    return None
