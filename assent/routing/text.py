"""Texts as the router reads them: one form for what is written in several ways, and no more than it needs."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 4_000
"""Characters that are read; of longer texts, the beginning and the end."""
_END = 1_000

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_BLANKS = re.compile(r"\s+")


def readable(text: str) -> str:
    """Return a text of at most `LONGEST` characters without control characters, or sequences of blanks."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - _END]} {text[-_END:]}"
    text = text.encode(errors="replace").decode()
    return _BLANKS.sub(" ", _CONTROL.sub(" ", unicodedata.normalize("NFKC", text))).strip()


def folded(text: str) -> str:
    """Return the text in lower case and without accents."""
    spread = unicodedata.normalize("NFD", text.casefold())
    return "".join(mark for mark in spread if unicodedata.category(mark) != "Mn").replace("ł", "l").replace("’", "'")


def corrected_key(text: str) -> str:
    """Return the form of a text in which equal texts are the same: without differences in case, accents, and blanks."""
    return folded(readable(text))
