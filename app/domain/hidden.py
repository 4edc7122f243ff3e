"""Characters that show nothing, or change how others are shown, and a way to show them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_HIDDEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u17b4\u17b5")
"""Characters that are not of a format or control category and yet show nothing."""
_KEPT = frozenset("\n\t")
SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)
"""A first, cheap look; `hidden` decides."""


def hidden(char: str) -> bool:
    """True if a character shows nothing, or changes how others are shown."""
    if char in _KEPT:
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or char in _HIDDEN or _odd(char)


def _odd(char: str) -> bool:
    """Variation selectors beyond the common ones, and spaces that are not the space."""
    if unicodedata.category(char) == "Zs":
        return char not in (" ", "\u00a0", "\u202f", "\u3000")
    return 0xE0100 <= ord(char) <= 0xE01EF


def plainly(text: Any) -> str:
    """The text with hidden, control and direction-changing characters shown as ``⟨U+202E⟩``."""
    return SUSPECT.sub(lambda found: _mark(found.group()), str(text))


def _mark(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩" if hidden(char) else char
