"""Patterns of the shell as regular expressions."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def expression_of(pattern: str) -> str:
    """Return a regular expression for a pattern with ``*``, ``?``, and ``[…]``."""
    found: list[str] = []
    place = 0
    pattern = pattern[:200]
    while place < len(pattern):
        character = pattern[place]
        if character == "*":
            if found[-1:] != [".*"]:
                found.append(".*")
        elif character == "?":
            found.append(".")
        elif character == "[" and (end := pattern.find("]", place + 2)) > 0:
            inner = pattern[place + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            found.append(f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]")
            place = end
        else:
            found.append(re.escape(character))
        place += 1
    text = "".join(found)
    try:
        re.compile(text)
    except re.error:
        return re.escape(pattern)
    return text if text.count(".*") < 4 else re.escape(pattern)
