"""What of a clause its steps cover: nothing that a request asks for is left out without a word."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Sequence
from typing import Any

from workflows.coordinator.matching import Match
from workflows.coordinator.needs import Need
from workflows.coordinator.words import BASIC_VERBS, raw_words, words

_PARTS = re.compile(r",? (?:and|plus|as well as|but|und|sowie) |, ", re.IGNORECASE)
_A_THING = re.compile(r"\b(?:a|an|some|ein|eine|einen)\s", re.IGNORECASE)
_CALLED = 1.0


def is_about(match: Match, need: Need, values: Container[str]) -> bool:
    """Return whether something has more in common with a clause than its verb, if that asks for a thing: *a poem*."""
    if match.score >= _CALLED or any(word not in BASIC_VERBS for word in words(" ".join(match.shared))):
        return True
    unknown = [word for word in need.own_words if word not in values]
    return not unknown or _A_THING.search(need.text) is None


def left_over(need: Need, offered: Container[str], used: Sequence[str], values: Container[str]) -> Iterator[str]:
    """Yield the further parts of a clause that have nothing to do with what serves it.

    Args:
        offered: the words of what serves it.
        used: names of tools, and texts, that its inputs come from.
        values: words that name values of the request.
    """
    known = set(words(" ".join(used))) | set(raw_words(" ".join(used)))
    for part in _PARTS.split(need.text)[1:]:
        said = [*words(part), *raw_words(part)]
        if words(part) and not any(word in offered or word in known or word in values for word in said):
            yield part


def texts_in(value: Any) -> Collection[str]:
    """Return the texts and numbers in a value of any kind."""
    if isinstance(value, dict):
        return [text for inside in value.values() for text in texts_in(inside)]
    if isinstance(value, list):
        return [text for inside in value for text in texts_in(inside)]
    return [str(value)] if isinstance(value, str | int | float) else []
