"""The lexicon: what people say about each idea that matters to the choice of a workflow, in several languages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from assent.routing.words import words_of

_FILE = Path(__file__).with_name("lexicon.txt")
_LONGEST_PHRASE = 6
_SHORTEST_BEGINNING = 2
_SHORTEST_CORRECTED = 6


class Lexicon:
    """Finds ideas in the words of a text, also where a word of at least six letters has one typing error."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._phrases: dict[tuple[str, ...], list[str]] = {}
        self._beginnings: dict[str, list[str]] = {}
        self._near: dict[str, list[str]] = {}
        self.ideas: list[str] = []
        for line in lines:
            if line.strip() and not line.startswith("#"):
                idea, _, said = line.partition(":")
                self.ideas.append(idea)
                for phrase in filter(None, (phrase.strip() for phrase in said.split(","))):
                    self._add(idea, phrase)

    def _add(self, idea: str, phrase: str) -> None:
        words = tuple(words_of(phrase.rstrip("*")))
        if not words:
            return
        if phrase.endswith("*") and len(words) == 1:
            self._beginnings.setdefault(words[0], []).append(idea)
        else:
            self._phrases.setdefault(words, []).append(idea)
            if phrase.endswith("*"):
                self._beginnings.setdefault(" ".join(words), []).append(idea)
        if len(words) == 1 and len(words[0]) >= _SHORTEST_CORRECTED:
            for form in _without_one(words[0]):
                self._near.setdefault(form, []).append(idea)

    def mentioned(self, words: list[str]) -> dict[str, list[str]]:
        """Return the ideas that the words mention, each with the words that do, in order and without repetition."""
        found: dict[str, dict[str, None]] = {}
        for start in range(len(words)):
            for length in range(1, min(_LONGEST_PHRASE, len(words) - start) + 1):
                said = words[start : start + length]
                for idea in self._of(tuple(said)):
                    found.setdefault(idea, {})[" ".join(said)] = None
        return {idea: list(said) for idea, said in found.items()}

    def _of(self, said: tuple[str, ...]) -> list[str]:
        ideas = list(self._phrases.get(said, ()))
        if len(said) > 1:
            joined = " ".join(said)
            for end in range(len(joined) - len(said[-1]) + 1, len(joined) + 1):
                ideas += self._beginnings.get(joined[:end], ())
            return ideas
        (word,) = said
        for part in {word, *word.replace("/", "-").split("-")}:
            if part != word:
                ideas += self._phrases.get((part,), ())
            for end in range(_SHORTEST_BEGINNING, len(part) + 1):
                ideas += self._beginnings.get(part[:end], ())
        if not ideas and len(word) >= _SHORTEST_CORRECTED:
            for form in (word, *_without_one(word)):
                ideas += self._near.get(form, ())
        return list(dict.fromkeys(ideas))


def _without_one(word: str) -> set[str]:
    """The word without each of its letters but the first: two words that are one slip apart share such a form."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(1, len(word)))}


@cache
def lexicon() -> Lexicon:
    """Return the lexicon of the package, read on first use."""
    return Lexicon(_FILE.read_text().splitlines())
