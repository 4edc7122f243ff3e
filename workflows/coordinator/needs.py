"""What a request needs: its text, taken apart into clauses, each of which is matched with what is registered."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from workflows.coordinator.words import LONGEST_TEXT, begins_with_verb, changing_verbs, words

MOST_NEEDS = 20
"""Most clauses of a request that become parts of a plan."""
LONGEST_CLAUSE = 1_000
_SENTENCES = re.compile(r"(?<=[.!?;]) |(?<=\S): (?=[A-Z])")
_CONNECTORS = re.compile(r",? (?:and then|then|after that|afterwards|and also|and|as well as) |, ", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")


@dataclass(frozen=True)
class Need:
    """A clause of a request.

    Attributes:
        text: as it was written.
        verbs: those of changing, in their basic forms; none: something is to be found out.
    """

    text: str
    verbs: frozenset[str]

    @property
    def changes(self) -> bool:
        """Whether it asks for a change."""
        return bool(self.verbs)


def needs_in(request: str, verbs: Container[str] = ()) -> list[Need]:
    """Return the clauses of a request, in their order, each once. Only its first part is read if it is very long.

    Args:
        verbs: of changes, besides those that are known here, in their basic forms.
    """
    found: dict[str, Need] = {}
    lines = (_BULLET.sub("", _BLANKS.sub(" ", line)).strip() for line in request[:LONGEST_TEXT].splitlines())
    for sentence in (sentence for line in lines for sentence in _SENTENCES.split(line)):
        for clause in _clauses(sentence, verbs):
            text = clause.strip(" \t,;.")[:LONGEST_CLAUSE]
            if words(text):
                found.setdefault(text.lower(), Need(text, changing_verbs(text, verbs)))
    return list(found.values())


def _clauses(sentence: str, verbs: Container[str]) -> list[str]:
    """Return the parts of a sentence that begin with a verb of their own: a conjunction alone separates nothing."""
    parts: list[str] = []
    start = 0
    for connector in _CONNECTORS.finditer(sentence):
        if begins_with_verb(sentence[connector.end() : connector.end() + 80], verbs):
            parts.append(sentence[start : connector.start()])
            start = connector.end()
    return [*parts, sentence[start:]]
