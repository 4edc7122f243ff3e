"""Texts from installers, made fit to show: bounded, on one line, and without characters that deceive the eye."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 1_000
"""Characters of a name, a path, or a property that are kept."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BLANKS = dict.fromkeys(map(ord, "\t\n\r\x0b\x0c\x85\u2028\u2029"), " ")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")


def clean(text: str, longest: int = LONGEST_NAME) -> str:
    """Return the text on one line, at most `longest` characters long.

    Control characters, bidirectional marks, and other invisible or unassigned characters are replaced by U+FFFD.
    """
    cut = text[: longest + 1].translate(_BLANKS)
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(_REPLACEMENT if unicodedata.category(char) in _HIDDEN else char for char in cut)
    return f"{cut[: longest - 1]}…" if len(cut) > longest else cut
