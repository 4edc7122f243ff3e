"""Lessons: their states, and which of them may change a proposal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from assent.digests import canonical
from assent.situations import Situation

ALIKE = 0.75
"""Situations that are at least this similar are taken for the same."""
MARGIN = 0.1
"""Lessons whose situations are less similar than the most similar one by more than this do not count against it."""
ABOUT_ALIKE = 0.5
"""A lesson whose situation is at least this similar is a suggestion."""
MAX_VALUE = 4_000
"""Longest value of a lesson, in characters of JSON. A longer correction is not learned."""
MAX_LESSONS = 50
"""Most lessons from one request."""


class LessonState(StrEnum):
    """What a lesson does: active ones are recalled, those switched off by people or retired by an undoing are not."""

    ACTIVE = "active"
    OFF = "off"
    RETIRED = "retired"

    @property
    def words(self) -> str:
        """For people."""
        return {"active": "active", "off": "switched off", "retired": "retired"}[self.value]


@dataclass(frozen=True)
class Correction:
    """What people made of one proposed value. If they restored it, `before` and `after` are equal.

    Attributes:
        path: JSON pointer in the proposal.
    """

    path: str
    before: Any
    after: Any
    situation: Situation


@dataclass(frozen=True)
class KnownLesson:
    """A lesson, as far as deciding about its use is concerned."""

    id: str
    situation: Situation
    before: Any
    after: Any
    votes_for: int
    votes_against: int
    by: str
    at: datetime
    why: str

    @property
    def confidence(self) -> float:
        """From 0 to 1: the share of people who agree, counting the correction itself, and a doubt to begin with."""
        return (self.votes_for + 1) / (self.votes_for + self.votes_against + 1.25)


@dataclass(frozen=True)
class Recalled:
    """A lesson for a proposed value. `reason`: why it is only a suggestion; empty if it applies."""

    lesson: KnownLesson
    similarity: float
    reason: str

    @property
    def applies(self) -> bool:
        """True if it may fill the field."""
        return not self.reason


DISPUTED = "People have corrected this in different ways."
DIFFERENT = "What is proposed here differs from what was corrected."
LESS_ALIKE = "Another lesson is about a more similar situation."
UNLIKE = "The situation is only somewhat similar."
DOUBTED = "People have undone it more often than they approved it."


def chosen(
    value: Any, matches: Sequence[tuple[KnownLesson, float]], guess: bool = False, most: int = 3
) -> list[Recalled]:
    """Which lessons there are for a proposed value, the best first, and whether the first may change it.

    One that says that the value is right as it is (because people restored it) is not listed, but it prevents others.

    Args:
        matches: lessons with the similarity of their situations to this one.
        guess: nothing speaks for the value, so a lesson may replace it even if another value was corrected.
    """
    near = [match for match in matches if match[1] >= ABOUT_ALIKE]
    near.sort(key=lambda match: (-match[1], -match[0].votes_for, match[0].id))
    wanted = canonical(value)
    enough = max(ALIKE, near[0][1] - MARGIN) if near else ALIKE
    alike = [lesson for lesson, similar in near if similar >= enough and (guess or canonical(lesson.before) == wanted)]
    disputed = len({canonical(lesson.after) for lesson in alike}) > 1
    found: list[Recalled] = []
    seen: set[str] = set()
    for lesson, similar in near:
        after = canonical(lesson.after)
        if after == wanted or after in seen:
            continue
        seen.add(after)
        found.append(Recalled(lesson, similar, _reason(lesson, similar, enough, guess, wanted, disputed)))
    found.sort(key=lambda recalled: not recalled.applies)
    return found[:most]


def _reason(
    lesson: KnownLesson, similar: float, enough: float, guess: bool, wanted: str, disputed: bool
) -> str:  # fmt: skip
    if similar < ALIKE:
        return UNLIKE
    if similar < enough:
        return LESS_ALIKE
    if not guess and canonical(lesson.before) != wanted:
        return DIFFERENT
    if disputed:
        return DISPUTED
    return DOUBTED if lesson.votes_against > lesson.votes_for else ""
