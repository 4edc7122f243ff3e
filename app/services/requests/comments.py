"""What people write about requests, runs, and grants, as it is stored."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInputError, TooLargeError
from assent.masking import mask_text
from assent.visible import shows

MAX_COMMENT = 20_000
"""Characters."""


def clean_comment(text: Any) -> str:
    """A comment that can be stored: text of acceptable length, without control characters, and with secrets masked.

    It is empty if nothing of it is visible.
    """
    if not isinstance(text, str):
        raise InvalidInputError("A comment must be text.", {"comment": "not text"})
    if len(text) > MAX_COMMENT:
        raise TooLargeError(f"A comment has at most {MAX_COMMENT:,} characters; this one has {len(text):,}.")
    bad = sorted(
        {
            f"U+{ord(char):04X}"
            for char in text
            if (ord(char) < 32 and char not in "\t\n\r") or 0xD800 <= ord(char) <= 0xDFFF
        }
    )
    if bad:
        raise InvalidInputError(
            f"The comment contains control characters ({', '.join(bad)}).", {"comment": "control characters"}
        )
    return mask_text(text.strip()) if shows(text) else ""
