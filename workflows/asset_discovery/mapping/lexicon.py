"""The words of headings, and what combinations of their meanings say: `words.txt` and `rules.txt`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import resources

from rapidfuzz import fuzz, process

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.folding import spellings, words_of

Meanings = dict[str, float]
"""What a word can mean, with how well it says that, from 0 to 1."""
AMBIGUOUS = 0.55
"""Of a word that often means something else."""
_RULE = re.compile(r"(?P<field>\w+)(?:\((?P<words>[^)]+)\))? (?P<strength>[\d.]+): (?P<parts>.+)")
_VOWELS = re.compile("[aeiouy]")
_SHORT, _LONG, _LONGEST_SHORTENED = 3, 7, 14
_BAGS, _BAG = {"SOFTPART", "NETPART", "USED", "PHONE", "LASTSEEN", "GENERIC", "COST", "CITY"}, 0.7
"""Meanings of many different words, which an abbreviation fits by chance."""


@dataclass(frozen=True)
class Rule:
    """A combination of meanings.

    Attributes:
        field: What it says about the column.
        words: What an ignored column contains, in words; else empty.
        strength: A log-likelihood ratio.
        needed: Sets of meanings that must be there, one of each.
        optional: Meanings that may be there.
        open: Whatever else is there does not matter.
    """

    field: Field
    words: str
    strength: float
    needed: tuple[frozenset[str], ...]
    optional: frozenset[str]
    open: bool


def data_lines(name: str) -> Iterator[str]:
    """The lines of a data file of this package, without comments."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("# "))


class Lexicon:
    """The words with their meanings.

    Attributes:
        terms: By their key (`folding.key_of`).
        parts: Keys that may be a part of a longer word.
    """

    def __init__(self) -> None:
        self.terms: dict[str, Meanings] = {}
        self.parts: set[str] = set()
        self._single: list[str] = []
        for line in data_lines("words.txt"):
            meaning, _, terms = line.partition(" = ")
            for term in terms.split(","):
                self._add(meaning, term.strip())
        self._single.sort()

    def _add(self, meaning: str, term: str) -> None:
        whole, quality = term.startswith("!"), AMBIGUOUS if "~" in term else 1.0
        for key in spellings(term.strip("!~")):
            if key not in self.terms and len(words_of(term)) == 1:
                self._single.append(key)
            meanings = self.terms.setdefault(key, {})
            meanings[meaning] = max(quality, meanings.get(meaning, 0))
            if not whole and (len(key) > 2 or not key.isascii()):
                self.parts.add(key)

    @cached_property
    def _long(self) -> list[str]:
        return [key for key in self._single if len(key) > 4]

    @lru_cache(maxsize=5_000)  # noqa: B019 - there is one lexicon for the life of the process
    def inexact(self, word: str) -> Meanings:
        """What a word that is not in the lexicon can mean: an inflection, a slip, or an abbreviation of one that is."""
        if len(word) < 3 or word.isdigit():
            return {}
        return self._inflected(word) or self._misspelled(word) or self._shortened(word)

    def _starting(self, start: str) -> Iterator[str]:
        for number in range(bisect_left(self._single, start), len(self._single)):
            if not self._single[number].startswith(start):
                return
            yield self._single[number]

    def _inflected(self, word: str) -> Meanings:
        """Of another form of a word: both have the same start, and differ by two or three letters at the end."""
        if len(word) <= _SHORT + 1:
            return {}
        shared = len(word) - (2 if len(word) < _LONG else 3)
        keys = [key for key in self._starting(word[:shared]) if abs(len(key) - len(word)) < 3 and len(key) > _SHORT + 1]
        return self._merged(keys, 0.85 if len(word) >= _LONG else 0.65)

    def _misspelled(self, word: str) -> Meanings:
        if len(word) < 5:
            return {}
        close = process.extract(
            word, self._long, scorer=fuzz.ratio, score_cutoff=86 if len(word) > _LONG else 90, limit=3
        )
        return self._merged([key for key, _, _ in close], 0.75)

    def _shortened(self, word: str) -> Meanings:
        """Of an abbreviation: letters of a word in their order, best its start, or what is left without vowels."""
        skeleton, fits = _bare(word), {}
        for key in self._starting(word[0]):
            if len(key) <= len(word) or len(key) > _LONGEST_SHORTENED or not _is_inside(word, key):
                continue
            fit = 1.0 if key.startswith(word) or _bare(key) == skeleton else 0.5 if key[-1] == word[-1] else 0.2
            fits[key] = fit * (len(word) / len(key)) ** 0.5
        return self._weighed(fits, 0.5 if len(word) == _SHORT else 0.7)

    def _weighed(self, fits: dict[str, float], quality: float) -> Meanings:
        """The meanings of the words that an abbreviation can stand for; less sure the more they differ."""
        best: Meanings = {}
        for key, fit in fits.items():
            for meaning, known in self.terms[key].items():
                weight = _BAG if meaning in _BAGS else 1.0
                best[meaning] = max(best.get(meaning, 0.0), fit * known * weight)
        total, most = sum(best.values()), max(best.values(), default=0.0)
        return {
            meaning: quality * min(1.0, fit + 0.3) * (fit / total) ** 0.3
            for meaning, fit in best.items()
            if fit > 0.5 * most
        }

    def _merged(self, keys: list[str], quality: float) -> Meanings:
        """The meanings of several words, less sure the more they differ."""
        counted: Meanings = {}
        for key in keys:
            for meaning, known in self.terms[key].items():
                counted[meaning] = counted.get(meaning, 0) + known
        total = sum(counted.values())
        return {meaning: quality * (share / total) ** 0.5 for meaning, share in counted.items() if share > 0.15 * total}


def _bare(word: str) -> str:
    """A word without its vowels, but for the first letter."""
    return word[0] + _VOWELS.sub("", word[1:])


def _is_inside(word: str, key: str) -> bool:
    """True if all letters of the word are in the key, in their order."""
    letters = iter(key)
    return all(letter in letters for letter in word)


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    return Lexicon()


@cache
def rules() -> tuple[Rule, ...]:
    """The rules, in the order of the file."""
    return tuple(_rule(line) for line in data_lines("rules.txt"))


def _rule(line: str) -> Rule:
    found = _RULE.fullmatch(line)
    if found is None:
        raise ValueError(f"rules.txt: {line!r} is no rule")
    needed, optional = [], set()
    for part in found["parts"].split():
        if part == "*":
            continue
        if part.endswith("?") or "?|" in part:
            optional |= {meaning.rstrip("?") for meaning in part.split("|")}
        else:
            needed.append(frozenset(part.split("|")))
    return Rule(
        Field(found["field"]), found["words"] or "", float(found["strength"]), tuple(needed), frozenset(optional),
        found["parts"].endswith("*"),
    )  # fmt: skip
