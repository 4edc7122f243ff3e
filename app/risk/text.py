"""Rules for what a reader of a text does not see: invisible, reordering, control, and look-alike characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from app.domain.risk import Finding
from app.risk.rules import RiskRule, declare
from assent.contracts import RiskLevel

BIDI = declare(
    "text.bidi",
    RiskLevel.HIGH,
    "Bidirectional control characters show the text in a different order than it runs.",
    "echo \u202etxt.exe",
    "echo txt.exe",
    language="shell",
    unread=True,
)
INVISIBLE = declare(
    "text.invisible",
    RiskLevel.HIGH,
    "Characters that are invisible, or look like a space or a line break.",
    "ls\u200b docs",
    "ls docs",
    language="shell",
    unread=True,
)
CONTROL = declare(
    "text.control",
    RiskLevel.HIGH,
    "Control characters: NUL, escape sequences, or a carriage return without a line feed.",
    "echo a\rls docs",
    "echo a\r\nls docs",
    language="shell",
    unread=True,
)
MIXED = declare(
    "text.mixed_script",
    RiskLevel.MEDIUM,
    "A word mixes Latin letters with look-alikes of another script.",
    "ls p\u0430yments",
    "ls payments",
    language="shell",
    unread=True,
)

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|\r(?!\n)|[\ud800-\udfff]")
# Joiners are legitimate between letters of some scripts and in emoji, and variation selectors 15 and 16 in emoji.
_INVISIBLE = re.compile(
    "[\u00a0\u00ad\u034f\u0085\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180e\u2000-\u200b\u2028\u2029\u202f\u205f-\u2064"
    "\u206a-\u206f\u2800\u3000\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_LOOK_ALIKE = "\u0370-\u03ff\u0400-\u052f\u0530-\u058f\u13a0-\u13ff"
_MIXED = re.compile(f"[A-Za-z][{_LOOK_ALIKE}]|[{_LOOK_ALIKE}][A-Za-z]")
_MAX_LINES = 10


def text_findings(text: str, place: str = "") -> Iterator[Finding]:
    """Return findings about hidden characters in a text.

    Args:
        text: A text that a reviewer sees, or that would run.
        place: Names the text in messages (such as ``in the title``) if line numbers refer to another text.
    """
    yield from _places(BIDI, _BIDI, text, place, "The text looks different from what would run.")
    # At its beginning, a byte order mark only says how a text is encoded.
    marked = text if not text.startswith("\ufeff") or place else " " + text[1:]
    yield from _places(INVISIBLE, _INVISIBLE, marked, place, "It is invisible, or looks like a space.")
    yield from _places(CONTROL, _CONTROL, text, place, "It can hide text, or change how the text is displayed.")
    words = "The word mixes letters of two scripts, and may be mistaken for another name."
    yield from _places(MIXED, _MIXED, text, place, words)


def mixes_scripts(word: str) -> bool:
    """Return whether a word mixes Latin letters with look-alikes of another script."""
    return _MIXED.search(word) is not None


def _places(rule: RiskRule, pattern: re.Pattern[str], text: str, place: str, words: str) -> Iterator[Finding]:
    lines: dict[int, list[str]] = {}
    line = 1
    counted = 0
    for match in pattern.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if line not in lines and len(lines) == _MAX_LINES:
            yield rule.finding(f"There are more such characters below{_in(place)}.", None if place else line)
            break
        names = lines.setdefault(line, [])
        if len(names) < 3:
            names.append(_name(match[0]))
    for number, names in lines.items():
        yield rule.finding(f"{', '.join(dict.fromkeys(names))}{_in(place)}. {words}", None if place else number)


def _in(place: str) -> str:
    return f" {place}" if place else ""


def _name(characters: str) -> str:
    return " ".join(f"U+{ord(char):04X} {unicodedata.name(char, 'control character')}".strip() for char in characters)


def strings_in(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield all texts of a JSON value, including field names, with their paths. Any depth works."""
    pending: list[tuple[str, object]] = [(path, value)]
    while pending:
        where, current = pending.pop()
        if isinstance(current, str):
            yield where, current
        elif isinstance(current, dict):
            for name, inner in reversed(list(current.items())):
                pending += [(_step(where, name), inner), (where, str(name))]
        elif isinstance(current, (list, tuple)):
            pending.extend((_step(where, index), inner) for index, inner in reversed(list(enumerate(current))))


def _step(path: str, name: object) -> str:
    # Paths are for people; a very deep one need not be complete.
    return f"{path}.{str(name)[:60]}"[-200:].lstrip(".")


def fields_findings(fields: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Return findings about hidden characters in texts without line numbers, given as pairs of path and text."""
    for path, text in fields:
        if not text.isascii() or _CONTROL.search(text):
            yield from text_findings(text, f"in {path}" if path else "in the value")
