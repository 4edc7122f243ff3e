"""Characters that are invisible or change how others are displayed, and texts in which they are made visible.

Used wherever people read what agents wrote: pages, emails, and messages.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_HIDDEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u17b4\u17b5")
"""Characters that are invisible although their category is neither format nor control."""
_KEPT = frozenset("\n\t")
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


def _selects(point: int) -> bool:
    """True for variation selectors except the two that are used with emoji."""
    return 0x180B <= point <= 0x180F or 0xFE00 <= point <= 0xFE0D or 0xE0100 <= point <= 0xE01EF


def name_of(char: str) -> str:
    """The character's Unicode name."""
    return unicodedata.name(char, "control character").capitalize()


def plain_text(text: Any) -> str:
    """The text with hidden, control, and direction-changing characters written as ``⟨U+202E⟩``."""
    return SUSPECT.sub(lambda found: _mark(found.group()), str(text))


def _mark(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩" if hidden(char) else char


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
