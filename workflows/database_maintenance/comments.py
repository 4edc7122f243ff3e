"""What a reviewer's comment requests for the next revision, as far as it is certain."""

from __future__ import annotations

import re

from workflows.database_maintenance.model import Candidate

_WITHOUT = re.compile(r"\b(without|leave\s+out|leave|remove|drop|skip|omit|exclude|except|not|no|don['’]?t|never)\b")
_ONLY = re.compile(r"\b(only|just|nothing\s+but)\b")


def left_out(comment: str, candidate: Candidate) -> bool:
    """Return True if the comment requests to leave out a candidate.

    This understands sentences that name an index, a table, or ``table.column`` together with a word such as "without"
    or "only". Anything else is left to people; the next proposal quotes the comment.
    """
    for sentence in re.split(r"(?<=[.!?;])\s+|\n", comment.lower()):
        named = _names(sentence, candidate)
        if named and _WITHOUT.search(sentence):
            return True
        if _ONLY.search(sentence) and not named and _names_something(sentence):
            return True
    return False


def _names(sentence: str, candidate: Candidate) -> bool:
    table = candidate.table.lower()
    specific = re.findall(r"\bidx_\w+", sentence)
    if specific:
        return candidate.id.lower() in specific
    columns = re.findall(rf"\b{re.escape(table)}\.(\w+)", sentence)
    if columns:
        return any(re.search(rf"\b{re.escape(column)}\b", " ".join(candidate.keys).lower()) for column in columns)
    return re.search(rf"\b{re.escape(table)}\b", sentence) is not None


def _names_something(sentence: str) -> bool:
    """Return True if "only" refers to an index or a table."""
    return re.search(r"\bidx_\w+|\b\w+\.\w+|\b(on|for|table|index|indexes)\s+\w+", sentence) is not None
