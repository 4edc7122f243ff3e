"""Whether a text shows anything at all: blanks and invisible characters alone are no title and no reason."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that show nothing although Unicode counts them among letters, marks, or symbols."""


def shows(text: str) -> bool:
    """True if at least one character of the text is visible."""
    return any(map(_is_visible, text))


def _is_visible(char: str) -> bool:
    point = ord(char)
    selects = 0x180B <= point <= 0x180F or 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF
    return not selects and char not in _FILLERS and unicodedata.category(char)[0] not in "CZ"


def visible_or_empty(text: str) -> str:
    """The text, unless it has only blanks or invisible characters. Raises ValueError."""
    if text and not shows(text):
        raise ValueError("must have something visible: these are only blanks or invisible characters")
    return text


VisibleText = Annotated[str, AfterValidator(visible_or_empty)]
"""Text that is empty, where that is allowed, or has at least one visible character."""
