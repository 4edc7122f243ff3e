"""Line-by-line diffs of two texts."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

from app.domain.agent_findings import AgentRemark
from app.domain.risk import Finding
from app.domain.weight import weigh
from app.web.field_text import text_for_field

_DIFF_LINES = 4_000
_CONTEXT = 3


@dataclass(frozen=True)
class MarkedLine:
    """A line of code or of a diff. `mark` is empty, ``add``, ``del``, or ``gap``.

    `remarks` are findings that the agent reports, and `talk` are comments of people at the line.
    """

    number: int | None
    text: str
    findings: list[Finding] = field(default_factory=list)
    remarks: list[AgentRemark] = field(default_factory=list)
    mark: str = ""
    talk: list[Any] = field(default_factory=list)


def difference(old: str, new: str) -> list[MarkedLine]:
    """A line-by-line diff of two texts, with some context around each change."""
    before, after = (text_for_field(text).split("\n") for text in (old, new))
    if len(before) + len(after) > _DIFF_LINES:
        words = f"The texts have {len(before):,} and {len(after):,} lines, which is too many to compare here."
        return [MarkedLine(None, words, mark="gap")]
    # Comparing similar lines takes time proportional to the product of their numbers.
    weigh(len(before) * len(after) * 0.05)
    lines: list[MarkedLine] = []
    for group in difflib.SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT):
        if lines:
            lines.append(MarkedLine(None, "…", mark="gap"))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [MarkedLine(j1 + at + 1, line) for at, line in enumerate(after[j1:j2])]
                continue
            lines += [MarkedLine(i1 + at + 1, line, mark="del") for at, line in enumerate(before[i1:i2])]
            lines += [MarkedLine(j1 + at + 1, line, mark="add") for at, line in enumerate(after[j1:j2])]
    return lines
