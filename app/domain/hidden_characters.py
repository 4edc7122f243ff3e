"""Characters that are invisible or change how others are displayed, and texts in which they are made visible.

Used wherever people read what agents wrote: pages, emails, and messages.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import idna

_HIDDEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u17b4\u17b5")
"""Characters that are invisible although their category is neither format nor control."""
_KEPT = frozenset("\n\t")
_JOINERS = frozenset("\u200c\u200d")
_BETWEEN_EMOJI = "\u200d"
_EMOJI_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]*$")
_ODD_SPACES = frozenset("\u00a0\u202f\u3000")
"""Spaces that are normal in prose, but look like an ordinary space in code and are not one."""
SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\u00ad\u034f\u061c\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)
"""A cheap first check; `hidden` decides."""


def hidden(char: str, code: bool = False) -> bool:
    """True if a character is invisible or changes how others are displayed; in `code`, also if it imitates a space."""
    if char in _KEPT:
        return False
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or char in _HIDDEN:
        return True
    if unicodedata.category(char) == "Zs":
        return char != " " and (code or char not in _ODD_SPACES)
    return _selects(ord(char))


def is_hidden(text: str, place: int, code: bool = False) -> bool:
    """As `hidden`, for a character of a text: outside of `code`, joiners that their neighbors need are not hidden."""
    return hidden(text[place], code) and (code or not is_needed(text, place))


def is_needed(text: str, place: int) -> bool:
    """True for a joiner between emoji, and for one that a script needs, as Persian needs U+200C (UAX 31, A and B)."""
    char = text[place]
    if char not in _JOINERS:
        return False
    if char == _BETWEEN_EMOJI and _is_emoji(text[place + 1 : place + 2]):
        before = _EMOJI_MODIFIERS.sub("", text[max(place - 3, 0) : place])
        if _is_emoji(before[-1:]):
            return True
    try:
        return bool(idna.core.valid_contextj(text, place))
    except (ValueError, idna.IDNAError):  # a character without a combining class, or of no known script
        return False


def _is_emoji(char: str) -> bool:
    """True for a pictograph. Letter-like signs such as © are none here: joined, they would look as before."""
    return bool(char) and unicodedata.category(char) == "So" and (char >= "\U0001f000" or "\u2190" <= char <= "\u2bff")


def is_line(text: str) -> bool:
    """True for one line of text without hidden characters, except joiners that scripts and emoji need."""
    plain = "".join(char for char in text if char not in _JOINERS)
    return plain.isprintable() and all(is_needed(text, place) for place, char in enumerate(text) if char in _JOINERS)


def without_hidden(text: str) -> str:
    """The text with a blank in place of each hidden character and line end, for one line of a terminal."""
    return "".join(
        char if char.isprintable() or is_needed(text, place) else " " for place, char in enumerate(text)
    )  # fmt: skip


def _selects(point: int) -> bool:
    """True for variation selectors except the two that are used with emoji."""
    return 0x180B <= point <= 0x180F or 0xFE00 <= point <= 0xFE0D or 0xE0100 <= point <= 0xE01EF


def name_of(char: str) -> str:
    """The character's Unicode name."""
    return unicodedata.name(char, "control character").capitalize()


def plain_text(text: Any) -> str:
    """The text with hidden, control, and direction-changing characters written as ``⟨U+202E⟩``."""
    words = str(text)
    return SUSPECT.sub(lambda found: _mark(words, found.start()), words)


def _mark(text: str, place: int) -> str:
    return f"⟨U+{ord(text[place]):04X}⟩" if is_hidden(text, place) else text[place]


def hidden_in(text: str, limit: int = 8) -> list[str]:
    """The hidden characters of a text, such as ``U+202E (Right-to-left override), line 3``, for edit fields."""
    found: list[str] = []
    for number, line in enumerate(str(text).replace("\r\n", "\n").split("\n"), 1):
        for match in SUSPECT.finditer(line):
            if hidden(match.group(), code=True):
                found.append(f"U+{ord(match.group()):04X} ({name_of(match.group())}), line {number}")
                if len(found) == limit:
                    return found
    return found
