"""Which functions of the toolkit serve an instruction.

A text is compared with each function's name, parameters, description, and examples of how people ask for it: by words
and the ideas of the trade behind them (BM25), by groups of letters, and by meaning (static embeddings). Nothing is
random and nothing is fetched; without the embeddings, words alone decide.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from assent import meaning
from workflows.package_deployment.toolkit.catalog import catalog
from workflows.package_deployment.toolkit.descriptions import Description, descriptions
from workflows.package_deployment.toolkit.names import shown

if TYPE_CHECKING:
    import numpy as np

LONGEST = 4_000
"""Longer texts are cut."""
_THESAURUS = Path(__file__).with_name("thesaurus.txt")
_WORD = re.compile(r"[%$]?[^\W_][\w'+/-]*%?")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CLAUSE = re.compile(r"[.;:!?\n]+\s|,\s|\s(?:and|und|then|but|->|because|so that|before|after|afterwards)\s|\s[-–—]\s")
_SHORTEST_CLAUSE = 12
_MOST_CLAUSES = 12
_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "with",
        "by",
        "from",
        "it",
        "its",
        "that",
        "this",
        "these",
        "those",
        "be",
        "been",
        "being",
        "we",
        "our",
        "us",
        "you",
        "your",
        "i",
        "my",
        "me",
        "he",
        "she",
        "they",
        "them",
        "their",
        "his",
        "her",
        "as",
        "or",
        "if",
        "so",
        "do",
        "not",
        "no",
        "please",
        "should",
        "must",
        "can",
        "could",
        "would",
        "will",
        "need",
        "needs",
        "want",
        "wants",
        "there",
        "here",
        "when",
        "while",
        "into",
        "onto",
        "also",
        "just",
        "only",
        "very",
        "too",
        "up",
        "der",
        "die",
        "das",
        "den",
        "dem",
        "des",
        "ein",
        "eine",
        "einer",
        "einem",
        "und",
        "oder",
        "ist",
        "sind",
        "war",
        "mit",
        "von",
        "vom",
        "zu",
        "zum",
        "zur",
        "im",
        "auf",
        "bei",
        "für",
        "bitte",
        "soll",
        "sollen",
        "muss",
        "wird",
        "werden",
        "nicht",
        "auch",
        "noch",
        "nach",
        "über",
        "dann",
        "wenn",
        "what",
        "who",
        "whom",
        "how",
        "own",
        "one",
        "ones",
        "some",
        "such",
        "than",
    ]
)
_SIGNS = (
    (re.compile(r"\bKB\d{6,7}\b", re.IGNORECASE), "update"),
    (re.compile(r"\bS-1-\d+"), "account"),
    (re.compile(r"\bHK(?:CU|EY_CURRENT_USER)\b", re.IGNORECASE), "hkcu registry"),
    (re.compile(r"\bHK(?:LM|CR|U|EY_\w+)\b", re.IGNORECASE), "registry"),
    (re.compile(r"\[\w[\w .-]*\]"), "section ini"),
    (re.compile(r"%(?:local)?appdata%|appdata\\", re.IGNORECASE), "profile everyuser"),
    (re.compile(r"\.(?:ini|cfg|conf)\b", re.IGNORECASE), "ini"),
    (re.compile(r"\.(?:lnk|url)\b", re.IGNORECASE), "shortcut"),
    (re.compile(r"\.msi\b", re.IGNORECASE), "msi"),
    (re.compile(r"\.msp\b", re.IGNORECASE), "msp"),
    (re.compile(r"\.mst\b", re.IGNORECASE), "mst"),
    (re.compile(r"\.msu\b", re.IGNORECASE), "update install"),
    (re.compile(r"\.wim\b", re.IGNORECASE), "wim"),
    (re.compile(r"\.(?:dll|ocx)\b", re.IGNORECASE), "dll"),
    (re.compile(r"\.(?:ttf|otf|ttc)\b", re.IGNORECASE), "font"),
    (re.compile(r"\.exe\b", re.IGNORECASE), "exe"),
    (re.compile(r"\\AppData\\|\\Roaming\\", re.IGNORECASE), "profile"),
    (re.compile(r"\b\d+ ?(?:gb|mb)\b", re.IGNORECASE), "disk"),
)  # fmt: skip
_NAME, _ASKED, _DESCRIBED, _PARAMETER = 3, 2, 1, 0.4
"""How much a word counts by where it stands: in the name, in examples, in the description, and in parameters."""
_BY_WORDS, _BY_MEANING, _BY_LETTERS = 0.5, 0.42, 0.12
_K1, _B = 1.3, 0.4


@dataclass(frozen=True)
class Retrieved:
    """A function that may serve a text.

    Attributes:
        score: From 0 to about 1; it compares functions for the same text, and is no probability.
        reason: The words and ideas that speak for it, in words.
    """

    function: str
    score: float
    reason: str


def stem(word: str) -> str:
    """Return a word without its usual endings."""
    for ending, least in (("ations", 4), ("ation", 4), ("ings", 4), ("ing", 4), ("ies", 3), ("ied", 3), ("ed", 3),
                          ("es", 4), ("s", 3), ("ly", 4), ("en", 5), ("er", 5), ("e", 3)):  # fmt: skip
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
    return word


@cache
def _thesaurus() -> dict[tuple[str, ...], tuple[str, ...]]:
    """The ideas by the stems of their words and phrases."""
    ideas: dict[tuple[str, ...], list[str]] = {}
    for line in _THESAURUS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or ":" not in line:
            continue
        idea, _, words = line.partition(":")
        for phrase in words.split():
            ideas.setdefault(tuple(stem(word) for word in phrase.lower().split("_")), []).append(f"~{idea}")
    return {phrase: tuple(found) for phrase, found in ideas.items()}


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case; names such as Start-ADTMsiProcess are split."""
    parts: list[str] = []
    for word in _WORD.findall(text):
        if "ADT" in word:
            parts += [part.lower() for part in _HUMP.sub(" ", word.replace("ADT", " ").replace("-", " ")).split()]
        else:
            parts.append(word.lower().strip("'-/+"))
    return [part for part in parts if part]


def terms_of(text: str) -> list[str]:
    """Return the stems of a text, and the ideas behind its words, phrases, and signs such as names of files."""
    words = words_of(text)
    stems = [stem(word) for word in words]
    terms = [found for word, found in zip(words, stems, strict=True) if word not in _STOP]
    ideas: set[str] = set()
    known = _thesaurus()
    for length in (1, 2, 3):
        for start in range(len(stems) - length + 1):
            ideas.update(known.get(tuple(stems[start : start + length]), ()))
    for word in words:
        if "-" in word or "/" in word:
            for part in re.split(r"[-/]", word):
                terms.append(stem(part))
                ideas.update(known.get((stem(part),), ()))
    for sign, named in _SIGNS:
        if sign.search(text):
            ideas.update(f"~{idea}" for idea in named.split())
    return terms + sorted(ideas)


def _letters(text: str) -> Counter[str]:
    """Groups of four letters: they find words within compounds, such as Registrywert."""
    counted: Counter[str] = Counter()
    for word in words_of(text):
        if len(word) >= 4 and word not in _STOP:
            counted.update(word[start : start + 4] for start in range(len(word) - 3))
    return counted


class _Index:
    """What texts are compared with."""

    def __init__(self) -> None:
        self.names = list(catalog())
        described = [descriptions()[name] for name in self.names]
        self.weights = [self._weights(name, text) for name, text in zip(self.names, described, strict=True)]
        self.lengths = [sum(weights.values()) for weights in self.weights]
        self.average = sum(self.lengths) / len(self.lengths)
        seen = Counter(term for weights in self.weights for term in weights)
        self.rarity = {term: math.log(1 + (len(self.names) - n + 0.5) / (n + 0.5)) for term, n in seen.items()}
        self.letters = [
            _letters(" ".join((_HUMP.sub(" ", name), text.text, *text.asked)))
            for name, text in zip(self.names, described, strict=True)
        ]
        found = Counter(group for letters in self.letters for group in letters)
        self.letter_rarity = {group: math.log(len(self.names) / n) for group, n in found.items()}
        self.letter_lengths = [self._length(letters) for letters in self.letters]
        self.sentences: list[str] = []
        self.owners: list[int] = []
        for place, text in enumerate(described):
            for sentence in (*re.split(r"(?<=\.) ", text.text), *text.asked):
                self.sentences.append(sentence)
                self.owners.append(place)
        self.vectors: np.ndarray | None = None
        try:
            self.vectors = meaning.embed(self.sentences)
        except meaning.MeaningUnavailableError:
            self.vectors = None

    def _weights(self, name: str, text: Description) -> dict[str, float]:
        weights: defaultdict[str, float] = defaultdict(float)
        parameters = " ".join(_HUMP.sub(" ", parameter.name) for parameter in catalog()[name].parameters or ())
        for part, weight in ((name, _NAME), (text.text, _DESCRIBED), (parameters, _PARAMETER)):
            for term in set(terms_of(part)):
                weights[term] += weight
        for asked in text.asked:
            for term in terms_of(asked):
                weights[term] += _ASKED / 2
        return dict(weights)

    def _length(self, letters: Counter[str]) -> float:
        squares = ((self.letter_rarity.get(group, 0.0) * min(n, 3)) ** 2 for group, n in letters.items())
        return math.sqrt(sum(squares)) or 1.0

    def by_words(self, terms: Iterable[str]) -> list[float]:
        """Return BM25 for each function."""
        scores = [0.0] * len(self.names)
        for term in set(terms):
            rarity = self.rarity.get(term)
            if rarity is None:
                continue
            for place, weights in enumerate(self.weights):
                if (n := weights.get(term)) is not None:
                    norm = _K1 * (1 - _B + _B * self.lengths[place] / self.average)
                    scores[place] += rarity * n * (_K1 + 1) / (n + norm)
        return scores

    def by_letters(self, text: str) -> list[float]:
        """Return the similarity of the groups of letters for each function."""
        asked = _letters(text)
        length = self._length(asked)
        rarity = self.letter_rarity
        known = {group: rarity[group] ** 2 * min(n, 3) for group, n in asked.items() if group in rarity}
        return [
            sum(weight * min(letters[group], 3) for group, weight in known.items() if group in letters) / (length * own)
            for letters, own in zip(self.letters, self.letter_lengths, strict=True)
        ]

    def by_meaning(self, texts: list[str]) -> list[list[float]] | None:
        """Return, for each text, the similarity of the nearest sentences of each function."""
        if self.vectors is None:
            return None
        similar = meaning.embed(texts) @ self.vectors.T
        rows: list[list[float]] = []
        for row in similar.tolist():
            nearest: list[list[float]] = [[] for _ in self.names]
            for owner, value in zip(self.owners, row, strict=True):
                nearest[owner].append(value)
            rows.append([_top(values) for values in nearest])
        return rows


def _top(values: list[float]) -> float:
    best = sorted(values, reverse=True)[:2]
    return 0.7 * best[0] + 0.3 * best[-1]


@cache
def _index() -> _Index:
    return _Index()


def retrieve(text: str, count: int = 5) -> list[Retrieved]:
    """Return the functions that serve an instruction best, best first.

    The first call reads the descriptions and embeds them, which takes a second or so.
    """
    text = text[:LONGEST]
    index = _index()
    parts = [text, *_clauses(text)]
    meant = index.by_meaning(parts)
    totals = [0.0] * len(index.names)
    for number, part in enumerate(parts):
        words = index.by_words(terms_of(part))
        letters = index.by_letters(part)
        most = max(max(words), 4.0)
        near = meant[number] if meant is not None else [0.0] * len(words)
        share = 1.0 if number == 0 else 0.9
        for place in range(len(totals)):
            score = _BY_WORDS * words[place] / most + _BY_MEANING * near[place] + _BY_LETTERS * letters[place]
            totals[place] = max(totals[place], share * score)
    order = sorted(range(len(totals)), key=lambda place: (-totals[place], index.names[place]))[:count]
    return [Retrieved(index.names[place], round(totals[place], 4), _reason(index, place, text)) for place in order]


def _clauses(text: str) -> list[str]:
    """Return the parts of an instruction that asks for several things."""
    found = [part.strip() for part in _CLAUSE.split(text)]
    long = [part for part in found if len(part) >= _SHORTEST_CLAUSE]
    return long[:_MOST_CLAUSES] if len(long) > 1 else []


def _reason(index: _Index, place: int, text: str) -> str:
    weights = index.weights[place]
    shared = {term for term in terms_of(text) if term in weights}
    telling = sorted(shared, key=lambda term: (-index.rarity[term] * min(weights[term], 4), term))[:4]
    if not telling:
        return "It is similar in meaning."
    words = [shown(term.removeprefix("~"), 40) for term in telling]
    return f"It speaks of: {', '.join(dict.fromkeys(words))}."
