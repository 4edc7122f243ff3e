"""Words, as headings and values are compared."""

from __future__ import annotations

import unicodedata


def word_set(text: str) -> frozenset[str]:
    """The words of a text that are separated by blanks."""
    return frozenset(text.split())


def plain(text: str) -> str:
    """The text in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("ł", "l"))
    without = "".join(character for character in decomposed if not unicodedata.combining(character))
    return unicodedata.normalize("NFKC", without)
