"""Markdown from texts that strangers wrote: every character of theirs stays what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*\[\]<>|&~]|(?<![^\W_])_|_(?![^\W_]))")
_AT_START = re.compile(r"^(\d{0,9})([#+\-=]|(?<=\d)[.)](?=\s|$))")
_LONGEST = 500


def escaped(text: object, longest: int = _LONGEST) -> str:
    """Return a text for use in a line of Markdown, in which nothing of it is markup; a longer one is cut.

    Only what could be markup is escaped: messages show the text as it is.
    """
    line = " ".join(str(text).split())
    marked = _SPECIAL.sub(r"\\\1", line[:longest]) + ("…" if len(line) > longest else "")
    return _AT_START.sub(r"\1\\\2", marked)


def code(text: object, longest: int = _LONGEST) -> str:
    """Return a text as inline code; backticks in it are replaced."""
    line = " ".join(str(text).split()).replace("`", "ˋ").replace("|", "∣")
    return f"`{line[:longest]}{'…' if len(line) > longest else ''}`" if line else ""


def quoted(text: str, longest: int = 4_000) -> str:
    """Return a text of several lines as a quotation."""
    lines = text[:longest].splitlines() or [""]
    return "\n".join(f"> {escaped(line)}  " for line in lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; its cells are Markdown already."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]
