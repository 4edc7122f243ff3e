"""What an agent reports about its own proposal: findings, and attachments. Pure.

They are the agent's words: they inform people, and neither raise nor lower the risk that is assessed.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.text import plural
from app.domain.weight import weigh
from assent.findings import AgentFinding, Attachment

Part = TypeVar("Part", bound=BaseModel)
_MOST_COMPARED = 4_000
"""Lines of two texts together whose findings are carried over from one to the other."""


@dataclass(frozen=True)
class AgentRemark:
    """A finding of the agent.

    Attributes:
        level: ``error``, ``warning``, or ``info``.
        line: From 1; None if it concerns the whole text, or if reviewers have changed its line.
        item: The part of the proposal, named as in `app.domain.risk.Finding`.
        outdated: Reviewers have changed the line that it was about.
    """

    level: str
    words: str
    line: int | None = None
    item: str = ""
    code: str = ""
    suggestion: str = ""
    outdated: bool = False


def remarks_of(payload: Any) -> list[AgentRemark]:
    """The agent's findings, errors first, then in the order of their lines."""
    order = ("error", "warning", "info")
    found = [
        AgentRemark(item.level.value, item.words, item.line, item.path, item.code, item.suggestion)
        for item in _listed(payload, "findings", AgentFinding)
    ]
    return sorted(found, key=lambda remark: order.index(remark.level))


def attachments_of(payload: Any) -> list[Attachment]:
    """The texts beside the proposal."""
    return _listed(payload, "attachments", Attachment)


def carried_over(remarks: Sequence[AgentRemark], old: str, new: str) -> list[AgentRemark]:
    """The findings at the lines of a changed text: those whose lines are unchanged; the others are outdated."""
    if old == new:
        return list(remarks)
    before, after = (text.replace("\r\n", "\n").split("\n") for text in (old, new))
    places: dict[int, int] = {}
    if remarks and len(before) + len(after) <= _MOST_COMPARED:
        # Comparing similar lines takes time proportional to the product of their numbers.
        weigh(len(before) * len(after) * 0.05)
        for block in difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
            places |= {block.a + at + 1: block.b + at + 1 for at in range(block.size)}
    return [_moved(remark, places) for remark in remarks]


def reported_words(payload: Any) -> str:
    """How much the agent reports and attaches, in a sentence or two for messages; empty: nothing."""
    remarks, attached = remarks_of(payload), len(attachments_of(payload))
    if not remarks and not attached:
        return ""
    said = [f"reports {level_counts(remarks)}"] if remarks else []
    said += [f"attaches {plural(attached, 'text')}"] if attached else []
    number = len(remarks) + attached
    return f"The agent {' and '.join(said)}. The request’s page shows {'it' if number == 1 else 'them'}."


def level_counts(remarks: Sequence[AgentRemark]) -> str:
    """Such as ``2 errors, 1 warning``."""
    counts = Counter(remark.level for remark in remarks)
    words: dict[str, Callable[[int], str]] = {
        "error": lambda count: plural(count, "error"),
        "warning": lambda count: plural(count, "warning"),
        "info": lambda count: plural(count, "note"),
    }
    return ", ".join(words[level](counts[level]) for level in words if counts[level])


def _moved(remark: AgentRemark, places: dict[int, int]) -> AgentRemark:
    if remark.line is None:
        return remark
    line = places.get(remark.line)
    return replace(remark, line=line, outdated=line is None)


def _listed(payload: Any, name: str, model: type[Part]) -> list[Part]:
    """The parts of a list; none if it is a value of an agent that means something else by this name."""
    given = payload.get(name) if isinstance(payload, dict) else None
    if not isinstance(given, list):
        return []
    try:
        return [model.model_validate(part) for part in given]
    except ValidationError:
        return []
