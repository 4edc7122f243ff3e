"""A second opinion: what a text resembles among thousands of texts that people have rated.

Rules say what is known about a command, a function, or a tool. Where they know too little, the words of the text still
tell: ``purge``, ``vault``, ``--all``. Words, neighbors, and parts of words are scored, linear in all of them, by
numbers that `bench/resemblance` trains and writes. The opinion can raise medium to high, and both to critical. It never
lowers anything, and it makes nothing understood. It needs the standard library only: it runs where the readers run.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

from app.domain.risk import Finding
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

FILE = Path(__file__).with_name("resemblance.bin")
BITS = 18
"""A feature is one of 2 to the power of this many places."""
FREQUENCY_STEPS = 24
"""Stored frequencies are in steps, this many of which are 1 of the natural logarithm."""
SURER = 1.5
"""By how much more (a logit) the opinion has to be sure where rules understand the whole text, which it raises by one
step only."""
FEWEST_WORDS = 15
"""In a text of fewer words that rules understand, they know every one of them: what they call high stays high."""
SURER_OF_ORDINARY = 1.0
"""By how much more where a tool's name and its action speak of nothing that harms."""
LONGEST = 1_500
"""Longer texts are not scored: no text that people rated is longer, and they do many things besides."""
RESEMBLES_HIGH = declare(
    "resembles.high", RiskLevel.HIGH, "Its words resemble those of texts that people rated high. No rule knows why.",
    "doorctl unlock --zone north", "doorctl state --zone north", language="shell",
)  # fmt: skip
RESEMBLES_CRITICAL = declare(
    "resembles.critical", RiskLevel.CRITICAL,
    "Its words resemble those of texts that people rated critical. No rule knows why.",
    "keyvaultctl purge --all-keys --force", "keyvaultctl list --all-keys", language="shell",
)  # fmt: skip
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\sA-Za-z\d]")
_PART = 4
_CACHED = 8_192
_WORDS_SHOWN = 3
_SHORTEST_SHOWN = 3
_RAREST_SHOWN = 8.0
"""Words of a higher frequency, which are in hardly any text, are not named: they may be names, or parts of secrets."""


@dataclass(frozen=True)
class Numbers:
    """The trained numbers.

    Attributes:
        frequencies: How much a feature counts, in steps; more if it is rare.
        high, critical: The weights of the features, as multiples of the scale with the same name.
        biases, thresholds: What the sums begin with, and what they have to reach, for high and for critical.
    """

    frequencies: bytes
    high: array[int]
    critical: array[int]
    scales: tuple[float, float]
    biases: tuple[float, float]
    thresholds: tuple[float, float]

    @classmethod
    def read(cls, path: Path = FILE) -> Numbers:
        """Read the file that `write` wrote."""
        facts, _, packed = path.read_bytes().partition(b"\n")
        stored = json.loads(facts)
        plain = zlib.decompress(packed)
        size = 1 << BITS
        high, critical = array("b", plain[size : 2 * size]), array("b", plain[2 * size : 3 * size])
        return cls(plain[:size], high, critical, *(tuple(stored[key]) for key in ("scales", "biases", "thresholds")))

    def write(self, path: Path = FILE) -> None:
        """Write the file: a line of JSON, and the numbers compressed."""
        facts = {"scales": self.scales, "biases": self.biases, "thresholds": self.thresholds}
        plain = self.frequencies + self.high.tobytes() + self.critical.tobytes()
        path.write_bytes(json.dumps(facts).encode() + b"\n" + zlib.compress(plain, 9))


@cache
def numbers() -> Numbers:
    """Return the trained numbers, about 800 KiB, read on first use."""
    return Numbers.read()


def opinion(text: str, level: RiskLevel, *, understood: bool = False, ordinary: bool = False) -> Finding | None:
    """Return a finding if the text resembles texts of a higher level than the one that rules gave it.

    Args:
        text: A script or statement; of a tool call, the JSON of its tool and arguments.
        level: The level by rules. Only medium and high can be raised: below, everything is known to be harmless.
        understood: Rules understand all of it: the opinion has to be surer, and raises by one step only.
        ordinary: The words for what is done speak of nothing that harms: to call it high, it has to be somewhat surer.
    """
    if level not in (RiskLevel.MEDIUM, RiskLevel.HIGH) or len(text) > LONGEST:
        return None
    known = numbers()
    tokens = tokens_of(text)
    values = weighted(values_of(tokens), known.frequencies)
    medium = level is RiskLevel.MEDIUM
    surer = SURER if understood else SURER_OF_ORDINARY if ordinary and medium else 0.0
    high, critical = (at + surer for at in known.thresholds)
    if (medium and score(values, known, 0) < high) or (understood and not medium and _is_short(tokens)):
        return None
    if not (medium and understood) and score(values, known, 1) >= critical:
        return RESEMBLES_CRITICAL.finding(_message("critical", tokens, values, known, 1))
    return RESEMBLES_HIGH.finding(_message("high", tokens, values, known, 0)) if medium else None


def _is_short(tokens: list[str]) -> bool:
    return sum(token.isalpha() for token in tokens) < FEWEST_WORDS


@contextmanager
def second_opinion(
    reading: Reading, text: str, ordinary: bool = False, is_known: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Read a text by rules within the block; afterwards, the opinion on it is added, if there is one.

    It depends on this text alone, whatever else the proposal holds. It is more careful with what rules understand in
    full, and with what is `ordinary`.

    Args:
        is_known: Returns whether rules know that what they understand and call medium is no more than that. Asked only
            where the opinion would raise it.
    """
    first = len(reading.findings)
    with reading.apart():
        yield
        found = opinion(text, level_by_rules(reading, first), understood=reading.understood, ordinary=ordinary)
        if found is not None and not (reading.understood and found.severity is RiskLevel.HIGH and is_known()):
            reading.take([found])


def level_by_rules(reading: Reading, first: int) -> RiskLevel:
    """Return the level of the findings from this one on."""
    severities = (found.severity for found in reading.findings[first:])
    return max(severities, key=lambda severity: severity.rank, default=RiskLevel.SAFE)


def call_text(tool: str, arguments: object) -> str:
    """Return the text of a tool call, as it is scored; empty if its arguments are nested too deep."""
    try:
        return json.dumps({"tool": tool, "args": arguments}, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return ""


def tokens_of(text: str) -> list[str]:
    """Return the words and marks of a text: ``deleteAllKeys`` is three words, and every number is ``0``."""
    return ["0" if token.isdigit() else token.lower() for token in _TOKENS.findall(text)]


def values_of(tokens: list[str]) -> dict[int, float]:
    """Return the features with their values: families count the same, however many features of each there are."""
    words = [token for token in tokens if token.isalpha()]
    families = (
        Counter(map(_word_place, tokens)),
        Counter(_place(f"b{one} {two}") for one, two in pairwise(tokens)),
        Counter(_place(f"p{one} {two}") for one, two in pairwise(words)),
        Counter(place for word in words for place in _part_places(word)),
    )
    values: dict[int, float] = {}
    for counts in families:
        logs = {place: 1 + math.log(count) for place, count in counts.items()}
        length = math.sqrt(sum(value * value for value in logs.values()))
        for place, value in logs.items():
            values[place] = values.get(place, 0.0) + value / length
    return values


def weighted(values: dict[int, float], frequencies: bytes) -> dict[int, float]:
    """Return the values with rare features counting more, scaled to the length 1."""
    found = {place: value * frequencies[place] for place, value in values.items()}
    length = math.sqrt(sum(value * value for value in found.values())) or 1.0
    return {place: value / length for place, value in found.items()}


def score(values: dict[int, float], known: Numbers, column: int) -> float:
    """Return the logit of being at least high (column 0), or critical (column 1)."""
    weights = (known.high, known.critical)[column]
    return known.biases[column] + known.scales[column] * sum(value * weights[place] for place, value in values.items())


def _message(level: str, tokens: list[str], values: dict[int, float], known: Numbers, column: int) -> str:
    weights = (known.high, known.critical)[column]

    def gain(word: str) -> float:
        return sum(values[place] * weights[place] for place in (_word_place(word), *_part_places(word)))

    words = {word for word in tokens if len(word) >= _SHORTEST_SHOWN and word.isalpha()}
    common = [word for word in words if known.frequencies[_word_place(word)] <= _RAREST_SHOWN * FREQUENCY_STEPS]
    telling = [word for word in sorted(common, key=lambda word: (-gain(word), word))[:_WORDS_SHOWN] if gain(word) > 0]
    because = f", by words such as {', '.join(telling)}" if telling else ""
    return f"This resembles texts that people rated {level}{because}. No rule says more about it."


def _place(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "replace")) & ((1 << BITS) - 1)


@lru_cache(_CACHED)
def _word_place(token: str) -> int:
    return _place(f"w{token}")


@lru_cache(_CACHED)
def _part_places(word: str) -> tuple[int, ...]:
    whole = f"<{word}>"
    return tuple(_place(f"c{whole[at : at + _PART]}") for at in range(max(1, len(whole) - _PART + 1)))
