"""Names that are near to a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100
_STRANGE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shown(text: str, longest: int = _LONGEST) -> str:
    """Return a text from a script so that it can be shown: cut, and without characters that cannot be seen."""
    clean = _STRANGE.sub("\N{REPLACEMENT CHARACTER}", text)
    return clean if len(clean) <= longest else f"{clean[:longest]}…"


def near(name: str, names: Iterable[str], most: int = 1) -> list[str]:
    """Return the names, at most so many, that somebody who wrote `name` probably meant, most likely first."""
    if len(name) > _LONGEST:
        return []
    by_lower = {other.lower(): other for other in names}
    return [by_lower[found] for found in get_close_matches(name.lower(), by_lower, most, 0.72)]
