"""How similar two situations are, from 0 to 1. Pure.

Each feature is compared by itself, and the least similar one counts: a column with the same heading whose values look
different is another situation, and so is one with other headings whose values look the same.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from assent.situations import Situation

Meaning = Callable[[str, str], float]
"""Returns how similar the meanings of two texts are, from 0 to 1."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_RUN = re.compile(r"[^\W_]+")
_FEW = 8
"""A sample with at most this many different values may be a vocabulary, which is compared by its words."""
_AROUND_ALONE = 0.35
"""How much the surroundings count if there is neither a sample nor anything else but a text to compare."""
_AROUND = 0.06
_ALONE = 0.25
"""How much words without a counterpart count against two names that are otherwise similar."""


def spelling_only(_one: str, _other: str) -> float:
    """No meaning: texts are compared by their spelling only."""
    return 0.0


def similarity(one: Situation, other: Situation, meaning: Meaning = spelling_only) -> float:
    """How similar two situations are; 0 if they are of different kinds, or an exact feature differs."""
    if one.kind != other.kind or one.exact != other.exact:
        return 0.0
    if one.texts.keys() != other.texts.keys() or one.samples.keys() != other.samples.keys():
        return 0.0
    parts = [text_similarity(text, other.texts[name], meaning) for name, text in one.texts.items()]
    sampled = [sample_similarity(values, other.samples[name], meaning) for name, values in one.samples.items()]
    known = [part for part in sampled if part is not None]
    least = min([*parts, *known], default=1.0)
    weight = _AROUND if known or not parts else _AROUND_ALONE
    near = 1.0 if not one.around and not other.around else _shared(one.around, other.around)
    return least * (1 - weight + weight * near)


def words_of(text: str) -> list[str]:
    """The words of a name or text, without case and accents: ``u_hwMemory (MB)`` gives u, hw, memory, mb."""
    return list(_words(text))


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", _CAMEL.sub(" ", text)) if not unicodedata.combining(char)
    )
    return tuple(_RUN.findall(plain.casefold()))


def keys_of(situation: Situation) -> list[str]:
    """Words, and groups of three letters, by which similar situations are found; sorted, each once."""
    found: set[str] = set()
    for text in situation.texts.values():
        found.update(_trigrams(" ".join(words_of(text)))[:60])
    for values in situation.samples.values():
        found.update(f"={value.casefold()[:40]}" for value in values[:10])
        found.update(f"~{shape}" for shape, _ in Counter(map(_shape, values)).most_common(2))
    return sorted(found)[:150]


def description(situation: Situation) -> str:
    """The situation as one text, for embeddings."""
    samples = [" ".join(values[:8]) for values in situation.samples.values()]
    return " ".join([*(" ".join(words_of(text)) for text in situation.texts.values()), *samples])[:600]


def text_similarity(one: str, other: str, meaning: Meaning = spelling_only) -> float:
    """How similar two names or texts are, by spelling, or by meaning if that is more."""
    first, second = _plain(one), _plain(other)
    if first == second:
        return 1.0 if first or one.strip() == other.strip() else 0.0
    if not first or not second:
        return 0.0
    alike = max(_spelled_alike(first, second), meaning(first, second))
    return alike * (1 - _ALONE * _alone(first.split(), second.split(), meaning))


def _plain(text: str) -> str:
    """The words of a text without single letters, which are prefixes such as in ``u_owner``, if there are others."""
    words = words_of(text)
    return " ".join([word for word in words if len(word) > 1] or words)


def _spelled_alike(first: str, second: str) -> float:
    one, other = set(_trigrams(first)), set(_trigrams(second))
    return 2 * len(one & other) / (len(one) + len(other))


def _alone(first: Sequence[str], second: Sequence[str], meaning: Meaning) -> float:
    """The share of words that have no counterpart: what distinguishes “host” from “virtual host”."""
    both = [(word, second) for word in first] + [(word, first) for word in second]
    alone = [
        word
        for word, others in both
        if not any(_spelled_alike(word, other) >= 0.5 or meaning(word, other) >= 0.65 for other in others)
    ]
    return len(alone) / len(both) if both else 0.0


def sample_similarity(one: Sequence[str], other: Sequence[str], meaning: Meaning = spelling_only) -> float | None:
    """How similar two samples of values look; None if neither has a value, 0 if only one has."""
    first, second = _filled(one), _filled(other)
    if not first or not second:
        return None if first == second else 0.0
    distinct = set(first), set(second)
    shared = len(distinct[0] & distinct[1]) / min(len(distinct[0]), len(distinct[1]))
    if _is_vocabulary(first) or _is_vocabulary(second):
        if not (_is_vocabulary(first) and _is_vocabulary(second)):
            return shared * 0.8
        # Already half of the words in common is no coincidence.
        return max(math.sqrt(shared), meaning(" ".join(sorted(distinct[0])), " ".join(sorted(distinct[1]))))
    shapes = _cosine(Counter(map(_shape, first)), Counter(map(_shape, second)))
    lengths = _ratio(_mean(map(len, first)), _mean(map(len, second)))
    digits = 1 - abs(_digits(first) - _digits(second))
    form = shapes * (0.5 + 0.5 * lengths) * digits
    sizes = _size(first), _size(second)
    if sizes[0] is not None and sizes[1] is not None:
        # Numbers: how large they are is all that distinguishes megabytes from processors.
        form = min(form, 1 - min(1.0, abs(sizes[0] - sizes[1]) / 2))
    return max(form, shared)


def _filled(values: Sequence[str]) -> list[str]:
    return [value.strip().casefold() for value in values if value.strip()]


def _is_vocabulary(values: Sequence[str]) -> bool:
    """True for values such as a status or a type: a few words that repeat."""
    distinct = set(values)
    wordy = sum(any(char.isalpha() for char in value) for value in distinct) >= len(distinct) * 0.6
    return wordy and len(distinct) <= _FEW and (len(distinct) * 2 <= len(values) or len(distinct) <= 2)


@lru_cache(maxsize=50_000)
def _shape(value: str) -> str:
    """The form of a value: runs of letters, digits, and both become a, 9, and x; the rest stays.

    In values of three runs or more, such as addresses, which of them a group happens to be says nothing.
    """
    text = value[:80]
    several = len(_RUN.findall(text)) >= 3

    def kind(found: re.Match[str]) -> str:
        run = found[0]
        return "w" if several else "9" if run.isdigit() else "a" if run.isalpha() else "x"

    return re.sub(r"\s+", " ", _RUN.sub(kind, text))


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    product = sum(count * other[shape] for shape, count in one.items())
    return product / math.sqrt(sum(map(_square, one.values())) * sum(map(_square, other.values())))


def _square(number: int) -> int:
    return number * number


def _digits(values: Sequence[str]) -> float:
    total = sum(map(len, values))
    return sum(char.isdigit() for value in values for char in value) / total if total else 0.0


def _size(values: Sequence[str]) -> float | None:
    """The magnitude of numbers: the mean of their logarithms; None if they are not numbers."""
    numbers = []
    for value in values:
        try:
            numbers.append(math.log10(1 + abs(float(value.replace(",", ".").replace(" ", "")))))
        except (ValueError, OverflowError):
            return None
    return _mean(numbers)


def _mean(numbers: Sequence[float] | map[int]) -> float:
    listed = list(numbers)
    return sum(listed) / len(listed)


def _ratio(one: float, other: float) -> float:
    return min(one, other) / max(one, other) if max(one, other) else 1.0


def _shared(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of what is next to both."""
    first, second = ({" ".join(words_of(text)) for text in texts} for texts in (one, other))
    return len(first & second) / len(first | second) if first | second else 1.0


@lru_cache(maxsize=20_000)
def _trigrams(text: str) -> list[str]:
    padded = f"  {text} "
    return sorted({padded[at : at + 3] for at in range(len(padded) - 2)})
