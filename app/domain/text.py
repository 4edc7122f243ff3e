"""Helpers for texts: what PostgreSQL can store, names of teams, plurals, and spans of time in words."""

from __future__ import annotations

import re
import unicodedata

TEAM_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
"""The form of a team's name."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """False for a text with U+0000 or half a surrogate pair, which no text column can store."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """The text with U+FFFD in place of characters that cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)


def is_email(text: str) -> bool:
    """True if the text can be an email address; whether it is one, only an email shows."""
    return "@" in text and len(text) <= 254 and is_storable(text) and not any(char.isspace() for char in text)


_JOINER = "\u200d"
_LONGEST_JOINED = 16
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")


def beginning(text: str, length: int) -> str:
    """At most the first `length` characters of a text; a joined emoji is shown whole or not at all."""
    cut = length
    while 0 < cut < len(text) and (_belongs_to_the_one_before(text[cut]) or text[cut - 1] == _JOINER):
        cut -= 1
    # Nothing can be kept out of sight behind a long row of marks.
    return text[: cut if length - cut <= _LONGEST_JOINED else length]


def _belongs_to_the_one_before(char: str) -> bool:
    """True for accents and other marks, variants of emoji, their skin tones, and what joins them."""
    marks = unicodedata.category(char) in ("Mn", "Me")
    return marks or char == _JOINER or _SKIN_TONES[0] <= char <= _SKIN_TONES[1]


def plural(count: int, singular: str, several: str = "") -> str:
    """``1 request``, ``3 requests``."""
    return f"{count:,} {singular if count == 1 else several or singular + 's'}"


_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
"""Letters of scripts that are written from right to left, such as Arabic and Hebrew."""


def has_right_to_left(text: str) -> bool:
    """True if some of the text is written from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


def capitalized(text: str) -> str:
    """The text with its first letter capitalized."""
    return text[:1].upper() + text[1:]


def span_words(seconds: float) -> str:
    """A span of time in words, rounded down to what matters: ``18 min``, ``1 h 52 min``, ``3 days``."""
    minutes = int(max(0, seconds) // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 10:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    if hours < 48:
        return f"{hours} h"
    return f"{hours // 24} days"


def size_words(count: int) -> str:
    """A number of bytes in words: ``812 bytes``, ``3.4 kB``, ``1.2 MB``, ``10 GB``."""
    if count < 1000:
        return plural(count, "byte")
    size, unit = next(
        (size, unit) for size, unit in ((1000, "kB"), (1_000_000, "MB"), (10**9, "GB"))
        if count < 999.5 * size or unit == "GB"
    )  # fmt: skip
    return f"{count / size:.1f} {unit}" if count < 99.5 * size else f"{count / size:.0f} {unit}"
