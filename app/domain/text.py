"""Which texts are taken: those that PostgreSQL can store, and names of teams."""

from __future__ import annotations

import re

TEAM_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
"""What teams are called, by people and in policies."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """False for a text with U+0000 or half a surrogate pair, which no text column can hold, so that no row has it."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """The text with U+FFFD for what cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)
