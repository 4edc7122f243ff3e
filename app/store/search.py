"""Finding parts of texts through an index: see docs/decisions/0032.

An index holds the *keys* of a text, which `assent_search_keys` makes of it (migration 0028): each sequence of three
bytes of its lower-case form, and each of two. Keys find all texts that contain a word, and now and then another; the
exact condition always stands beside them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects.postgresql import array

REQUEST_KEYS = "assent_search_keys(title, workflow, agent)"
"""The keys of what a search in the queue looks at, exactly as the indexes have them."""
ACTOR_KEY = 1 << 24
"""Added to the keys of names in an index that also has those of other texts."""
_SHORTEST_KEY = 2


def contains(text: ColumnElement[str], words: Sequence[str]) -> ColumnElement[bool]:
    """The exact condition: each of the words is somewhere in the text, whatever the case. No index answers it."""
    patterns = ["%" + re.sub(r"([\\%_])", r"\\\1", word) + "%" for word in words]
    # The text is put into lower case once, however many words there are.
    return func.lower(text).bool_op("LIKE")(func.all(array([func.lower(pattern) for pattern in patterns])))


def has_keys(word: str) -> bool:
    """True if an index can look the word up; a single letter of the Latin alphabet is too short."""
    return len(word.lower().encode()) >= _SHORTEST_KEY


def may_contain(keys: ColumnElement[Any], words: Sequence[str]) -> list[ColumnElement[bool]]:
    """What an index answers: true of the keys of every text that `contains` the words, and of a few others."""
    return [keys.bool_op("@>")(func.assent_search_word(word)) for word in words if has_keys(word)]
