"""Search for parts of texts with an index: see docs/decisions/0032.

An index contains the *keys* of a text, which `assent_search_keys` computes (migration 0028): each sequence of three
bytes of its lowercase form, and each of two. Keys find all texts that contain a word, and sometimes others, so the
exact condition is always added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects.postgresql import array

REQUEST_KEYS = "assent_search_keys(title, workflow, agent)"
"""The keys of the columns that a search in the queue covers, exactly as in the indexes."""
ACTOR_KEY = 1 << 24
"""Added to the keys of names in an index that also contains those of other texts."""
TITLE_KEY = 1 << 25
"""Added to the keys of the titles of requests and runs, likewise."""
_SHORTEST_KEY = 2


def like_literal(text: str) -> str:
    """Return the pattern of ``LIKE`` that matches exactly this text."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def contains(text: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the exact condition: the text contains each of the words, ignoring case. No index supports it."""
    patterns = [f"%{like_literal(word)}%" for word in words]
    # The text is converted to lowercase only once for all words.
    return func.lower(text).bool_op("LIKE")(func.all(array([func.lower(pattern) for pattern in patterns])))


def has_keys(word: str) -> bool:
    """Return True if an index can find the word; a single Latin letter is too short."""
    return len(word.lower().encode()) >= _SHORTEST_KEY


def may_contain(keys: ColumnElement[Any], words: Sequence[str]) -> list[ColumnElement[bool]]:
    """Return the index conditions, which hold for every text that `contains` the words, and for a few others."""
    return [keys.bool_op("@>")(func.assent_search_word(word)) for word in words if has_keys(word)]
