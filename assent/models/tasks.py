"""What a model is asked for: the task, and how accurate its answer has to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Accuracy(StrEnum):
    """How accurate an answer has to be. It decides on the tier of the model that is asked first."""

    HIGH = "high"
    """Mistakes are expensive: security, root causes, plans."""
    MEDIUM = "medium"
    """Reading and writing with some reasoning: code, reports, choices."""
    LOW = "low"
    """Simple, or checked by the step itself: formats, short summaries."""


TIERS = MappingProxyType({Accuracy.HIGH: 1, Accuracy.MEDIUM: 2, Accuracy.LOW: 3})
"""The tier that is asked first."""

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Usual:
    """What is usual for a task.

    Attributes:
        keep: how long an answer is kept in the cache.
    """

    accuracy: Accuracy
    keep: timedelta


NAMED = MappingProxyType({
    "plan": Usual(Accuracy.HIGH, timedelta(0)),
    "security_assessment": Usual(Accuracy.HIGH, timedelta(hours=1)),
    "root_cause": Usual(Accuracy.HIGH, timedelta(hours=1)),
    "route": Usual(Accuracy.MEDIUM, 7 * DAY),
    "code": Usual(Accuracy.MEDIUM, 7 * DAY),
    "report": Usual(Accuracy.MEDIUM, DAY),
    "classify": Usual(Accuracy.MEDIUM, 7 * DAY),
    "extract": Usual(Accuracy.LOW, 7 * DAY),
    "summarize": Usual(Accuracy.LOW, DAY),
    "format": Usual(Accuracy.LOW, 7 * DAY),
})  # fmt: skip
"""Tasks whose accuracy and lifetime in the cache are known by their names."""
OTHERS = Usual(Accuracy.MEDIUM, timedelta(hours=1))


@dataclass(frozen=True)
class Task:
    """What a step wants a model for.

    Attributes:
        name: in snake_case; usage is counted by it. `NAMED` has accuracy and lifetime of some names.
        accuracy: how accurate the answer has to be; None: what is usual for the task.
        keep: how long an answer is kept in the cache, for the same model, messages, tools, and schema; zero: not at
            all; None: what is usual for the task.
        changes: whether the step changes something. Its answers are then never taken from the cache.
        timeout: seconds that a model may take.
        longest_answer: tokens that an answer may have.
        history: tokens that the messages may have together; earlier ones are left out or summarized.
        most_tools: tools that the model sees at most, chosen by meaning.
    """

    name: str
    accuracy: Accuracy | str | None = None
    keep: timedelta | None = None
    changes: bool = False
    timeout: float = 60.0
    longest_answer: int = 4_000
    history: int = 8_000
    most_tools: int = 10
    level: Accuracy = field(init=False)

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or not self.name.islower():
            raise ValueError(f"{self.name!r} is not the name of a task: use snake_case, such as root_cause.")
        if not 0 < self.timeout <= 3600:
            raise ValueError("The timeout of a task must be more than 0 and at most 3,600 seconds.")
        if not 1 <= self.most_tools <= 10:
            raise ValueError("A task can have between 1 and 10 tools.")
        if self.longest_answer < 1 or self.history < 100:
            raise ValueError("longest_answer must be at least 1 token, and history at least 100.")
        level = Accuracy(self.accuracy) if self.accuracy is not None else NAMED.get(self.name, OTHERS).accuracy
        object.__setattr__(self, "level", level)

    @property
    def lifetime(self) -> timedelta:
        """How long an answer may be taken from the cache; zero: never."""
        if self.changes:
            return timedelta(0)
        return self.keep if self.keep is not None else NAMED.get(self.name, OTHERS).keep
