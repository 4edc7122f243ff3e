"""Determines how much of a secret may be masked: only inert text.

Reviewers cannot read masked text. A quote that ends a string in one language and is escaped in another, or a `;`
after a password, must not hide a command.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from functools import lru_cache

_ACTIVE = re.compile(r"[\s;|&<>`]")
"""Characters that end a word or begin another command in unquoted text."""
_QUOTE = re.compile(r"\\*[\"']")
_SHORTEST_LINE = 16
_SHORTEST_PATH = 40
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_SETTING = re.compile(r"[\"']?[A-Za-z_][A-Za-z0-9_.-]*[\"']?[ \t]*[:=](?P<value>.*)")


def inert_end(text: str, start: int, end: int) -> int:
    """Return the end of the part of ``text[start:end]`` that may be masked; `start`: nothing may be masked."""
    if _ACTIVE.search(text, start, end) is None:
        return end
    if not _is_quoted(text, start):
        return _active_at(text, start, end)
    inner = _QUOTE.search(text, start, end)
    if inner is not None and _ACTIVE.search(text, inner.end(), end):
        # Languages differ in which quotes end a string; a command might follow.
        end = inner.start()
    line = text.find("\n", start, end)
    return end if line < 0 else line


def is_inert_line(line: str) -> bool:
    """Return True if a line of a longer value is only data: encoded, or a name and its value."""
    line = line.strip()
    if _BASE64.fullmatch(line):
        return len(line) >= (_SHORTEST_PATH if "/" in line else _SHORTEST_LINE)
    setting = _SETTING.fullmatch(line)
    return setting is not None and not re.search(r"[;|&<>`$()]", setting["value"])


def _is_quoted(text: str, start: int) -> bool:
    """Return True if, judging by its line, a string begins before this position and does not end there."""
    before = text[start - 1] if start else ""
    if before not in ("'", '"'):
        return False
    escaped = start >= 2 and text[start - 2] == "\\"
    breaks, quotes = _places(text, "\n"), _places(text, before)
    at = bisect_left(breaks, start)
    line = breaks[at - 1] if at else -1
    outside = bisect_left(quotes, start - 1) - bisect_left(quotes, line)
    # `echo "password="a; reboot; echo "b"`: the second quote ends a string. An escaped quote is inside one.
    return outside % 2 == (1 if escaped else 0)


@lru_cache(maxsize=3)
def _places(text: str, sign: str) -> array[int]:
    """Return the positions of a character, except escaped ones; cached, because a text may have many secrets."""
    return array("I", (found.start() for found in re.finditer(rf"(?<!\\){sign}", text)))


def _active_at(text: str, start: int, end: int) -> int:
    found = _ACTIVE.search(text, start, end)
    return found.start() if found else end
