"""What the classifier looks at: words, their characters, ideas of the lexicon, and the shape of a text.

Each family of features is a list of numbers of hashed features. Nothing here needs more than Python, because the same
functions run for training and in the worker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zlib import crc32

from assent.routing.lexicon import Lexicon
from assent.routing.text import folded, readable
from assent.routing.words import general, split_denied, words_of

WORD_BITS, CHARACTER_BITS, IDEA_BITS = 15, 16, 13


@dataclass(frozen=True)
class Features:
    """The features of a text: the place of each in its family, with repetitions.

    Attributes:
        named: word features by their words, for reasons that a person understands.
        mentioned: ideas of the lexicon that the text mentions, with the words that mention them.
        written: folded words as the text writes them.
    """

    words: list[int]
    characters: list[int]
    ideas: list[int]
    named: dict[str, int]
    mentioned: dict[str, list[str]]
    written: dict[str, str]


_SHAPES = {
    "~trace": re.compile(
        r"\b(?:[A-Z][A-Za-z]+(?:Exception|Error)\b|at [\w.$]+\([\w.]+:\d+\)|Traceback|\.py\", line \d+)"
    ),
    "~log level": re.compile(r"\b(?:ERROR|FATAL|WARN(?:ING)?|NOTICE|CRITICAL|ALERT|panic)\b"),
    "~database code": re.compile(r"\b(?:ORA|TNS|DBA|SQLSTATE)[- ]?\d+"),
    "~ticket": re.compile(
        r"(?i)\b(?:subject|from|to|re|fwd?|betreff|ticket|priority|category|scope|inc|req|chg)\s?[:#-]"
    ),
    "~amount of money": re.compile(r"(?i)[$€£]\s?\d|\d\s?(?:€|eur\b|usd\b|k\b)"),
    "~code": re.compile(r"```|[{};]\s"),
}


def place(feature: str, bits: int) -> int:
    """Return the place of a feature in an array with 2 ** bits places."""
    return crc32(feature.encode()) & ((1 << bits) - 1)


def features_of(text: str, lexicon: Lexicon) -> Features:
    """Return the features of a text."""
    read = readable(text)
    low = folded(read)
    words = words_of(general(low))
    wanted, denied = split_denied(low)
    singles = [*_singles(words_of(general(wanted))), *(f"!{word}" for word in _singles(words_of(general(denied))))]
    mentioned = lexicon.mentioned(words_of(wanted))
    not_wanted = lexicon.mentioned(words_of(denied))
    shape = list(_shape(read, len(words)))
    named = {word: place(word, WORD_BITS) for word in dict.fromkeys(singles)}
    word_features = [named[word] for word in singles]
    word_features += [place(pair, WORD_BITS) for pair in _pairs(singles)]
    ideas = [place(feature, IDEA_BITS) for feature in _ideas(mentioned, not_wanted, shape)]
    characters = [place(gram, CHARACTER_BITS) for gram in _grams(words)]
    written = {folded(word): word for word in words_of(read)}
    return Features(word_features, characters, ideas, named, mentioned, written)


def _singles(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        yield word
        parts = re.split(r"[-_'./$:&]", word)
        if len(parts) > 1:
            yield from (part for part in parts if len(part) > 1)


def _pairs(words: list[str]) -> Iterator[str]:
    for first, second in zip(["<", *words], [*words, ">"], strict=True):
        yield f"{first} {second}"
    for first, second in zip(words, words[2:], strict=False):
        yield f"{first} _ {second}"


def _grams(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        padded = f" {word} "
        for length in (3, 4, 5):
            for start in range(len(padded) - length + 1):
                yield padded[start : start + length]


def _ideas(mentioned: dict[str, list[str]], not_wanted: dict[str, list[str]], shape: list[str]) -> Iterator[str]:
    names = sorted([*mentioned, *(f"!{idea}" for idea in not_wanted)])
    mentioned = mentioned | {f"!{idea}": said for idea, said in not_wanted.items()}
    yield from names
    yield from shape
    for number, first in enumerate(names):
        yield f"{first}#{min(len(mentioned[first]), 3)}"
        yield from (f"={word}" for word in mentioned[first])
        yield from (f"{first}+{second}" for second in names[number + 1 :])


def _shape(text: str, words: int) -> Iterator[str]:
    yield f"~length {min(words.bit_length(), 8)}"
    if words <= 3:
        yield "~terse"
    for shape, pattern in _SHAPES.items():
        if pattern.search(text):
            yield shape
    if text.endswith("?"):
        yield "~question"
