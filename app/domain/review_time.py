"""How long a review of a request takes, estimated from its content, and corrected by how long people took. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assent.contracts import calls_of

MOST_SECONDS = 3_600
"""Neither an estimate nor a measured time is longer: people do not read a whole file of megabytes at a stretch."""
_OPENING = 15.0
"""Seconds to see what a request is about, and who else has decided."""
_CODE, _TEXT = 20.0, 40.0
"""Characters that a reviewer takes in per second: of what would run, and of the words around it."""
_VALUE, _ITEM, _FINDING = 0.5, 6.0, 6.0
"""Seconds for each value, for each thing that is decided by itself, and for each finding."""
_WORDS = frozenset(("summary", "rationale", "benefit", "cost", "goal", "question", "attachments", "message"))
_UNREAD = frozenset(
    ("kind", "title", "agent", "labels", "risk_floor", "expires_in_seconds", "urgency", "environment", "args_schema",
     "data_schema", "answer_schema", "tables", "decisions", "rests_on", "correctable", "lessons")
)  # fmt: skip
BANDS = (60, 180, 600)
"""Upper bounds, in seconds, of the sizes by which estimates are corrected; what is above the last one is one size."""
FEWEST = 5
"""Measured reviews of a kind and size that it takes to correct estimates."""
_LEAST_FACTOR, _MOST_FACTOR = 0.1, 10.0


def content_seconds(document: Any, findings: int) -> int:
    """Seconds to review a proposal, by its content.

    Args:
        findings: how many the portal has.
    """
    code, words, values = _measured(document)
    parts = _parts(document)
    seconds = _OPENING + code / _CODE + words / _TEXT + values * _VALUE + parts * _ITEM + findings * _FINDING
    return round(min(seconds, MOST_SECONDS))


def band_of(seconds: int) -> int:
    """The size to which an estimate by content belongs, from 0."""
    return sum(seconds >= bound for bound in BANDS)


@dataclass(frozen=True)
class Pace:
    """How long people took, compared with the estimates by content.

    Attributes:
        factors: the median of measured by estimated time, by kind and size.
    """

    factors: Mapping[tuple[str, int], float]

    def seconds(self, kind: str, by_content: int) -> int:
        """The estimate for a request, in seconds."""
        return round(min(by_content * self.factor(kind, band_of(by_content)), MOST_SECONDS))

    def factor(self, kind: str, band: int) -> float:
        """What an estimate by content is multiplied with; 1 if too little is known."""
        return self.factors.get((kind, band), 1.0)


NO_PACE = Pace({})


def pace_from(measured: Iterable[tuple[str, int, float, int]]) -> Pace:
    """The pace from medians.

    Args:
        measured: kind, size, median of measured by estimated time, and number of reviews.
    """
    return Pace(
        {
            (kind, band): min(max(median, _LEAST_FACTOR), _MOST_FACTOR)
            for kind, band, median, number in measured
            if number >= FEWEST
        }
    )


def minutes_words(seconds: float) -> str:
    """A time in words, such as ``about 2 min`` or ``about 1 h 10 min``."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min"
    # Ten minutes are exact enough for an hour and more.
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"about {hours} h {rest} min" if rest else f"about {hours} h"


def _parts(document: Any) -> int:
    """How many things are decided by themselves: calls, items, steps."""
    if not isinstance(document, dict):
        return 1
    listed = document.get("items") if document.get("kind") == "optimizations" else document.get("steps")
    return max(1, len(calls_of(document)), len(listed) if isinstance(listed, list) else 0)


def _measured(document: Any) -> tuple[int, int, int]:
    """Characters of what would run, characters of words, and the number of values."""
    code = words = values = 0
    waiting: list[tuple[Any, bool]] = [(document, False)]
    while waiting:
        value, is_words = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                if name not in _UNREAD:
                    waiting.append((inner, is_words or name in _WORDS))
        elif isinstance(value, list):
            waiting.extend((inner, is_words) for inner in value)
        elif isinstance(value, str) and is_words:
            words += len(value)
        elif value is not None and value != "":
            code += len(value) if isinstance(value, str) else 4
            values += 1
    return code, words, values
