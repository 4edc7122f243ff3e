"""What the text of a cell looks like, whatever its column is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("mac", r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"),
        ("ip", r"\[?(?:\d{1,3}\.){3}\d{1,3}\]?(?:[:/]\d+)?(?:[,;/ ]+(?:\d{1,3}\.){3}\d{1,3})*"),
        ("ip", r"\[?(?=[0-9a-f:]*:[0-9a-f]*:)[0-9a-f:]{3,39}\]?(?:[:/]\d+)?"),
        ("guid", r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?"),
        ("email", r"[^@\s]+@[^@\s]+\.[^@\s.]+"),
        ("url", r"[a-z][a-z0-9+.-]{1,10}://\S+"),
        ("date", r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[ T]\d{1,2}:\d{2}\S*(?: [ap]m)?)?"),
        ("time", r"\d{1,2}:\d{2}(?::\d{2})?"),
        ("number", r"[-+]?[\d.,' \u00a0]*\d[\d.,]*(?:e[-+]?\d+)?\s*(?:%|[kmgtp]i?[bo]|[€$£]|eur|chf|usd)?"),
        ("host", r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.){2,}[a-z][a-z0-9-]*[a-z0-9]\.?"),
    )
)
RULE = re.compile(r"[-=_*+~. ]{3,}|:?-{2,}:?")
"""A cell of a rule between rows: dashes or the like."""
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONGEST_KEY = 200
_SPACES = re.compile(r"\s+")


def shape(text: str) -> str:
    """Return the name of a specific shape, such as `ip`; `words` for any other text, and "" for an empty one."""
    text = text.strip()
    if not text:
        return ""
    if len(text) > 200:
        return "words"
    for name, pattern in _SHAPES:
        if pattern.fullmatch(text):
            return name
    return "words"


def mask(text: str) -> str:
    """Return the pattern of a text: letters as `a`, digits as `9`, both without their number, others as they are.

    `SRV-0012` and `sw-7` are both `a-9`.
    """
    marks: list[str] = []
    for letter in text.strip()[:100]:
        mark = "9" if letter.isdigit() else "a" if letter.isalpha() else " " if letter.isspace() else letter
        if not marks or marks[-1] != mark:
            marks.append(mark)
    return "".join(marks)


def folded(text: str) -> str:
    """Return a heading with its blanks and line breaks folded to single spaces, without characters that nobody sees."""
    return _SPACES.sub(" ", _UNSEEN.sub("", text)).strip()


def unique_keys(headings: Iterable[str], start: int = 0) -> list[str]:
    """Return the columns' keys: the folded heading, `name#2` for the second one of a name, `#7` without a name."""
    seen: Counter[str] = Counter()
    keys: list[str] = []
    taken: set[str] = set()
    for position, heading in enumerate(headings, start + 1):
        name = folded(heading)[:_LONGEST_KEY]
        base = name or f"#{position}"
        seen[base] += 1
        key = base if seen[base] == 1 else f"{base}#{seen[base]}"
        while key in taken:
            seen[base] += 1
            key = f"{base}#{seen[base]}"
        taken.add(key)
        keys.append(key)
    return keys
