"""Where on the page each finding of a proposal stands, so that a list of findings can lead there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.agent_findings import AgentRemark
from app.domain.risk import Finding
from app.web.code import Code


@dataclass(frozen=True)
class Spot:
    """A finding and its place.

    Attributes:
        words: The place in words, such as ``Line 3``; empty if the finding concerns the whole proposal.
        anchor: ID of the element that shows the place; empty if there is none.
    """

    finding: Finding | AgentRemark
    words: str
    anchor: str


@dataclass(frozen=True)
class Part:
    """A part of a proposal that the page shows by itself: a script, an item, a call, or an argument.

    Attributes:
        words: What people call it; empty if it is the whole proposal.
        anchor: ID of its element.
        code: Its lines, if it is shown line by line.
    """

    words: str = ""
    anchor: str = ""
    code: Code | None = None

    def spot(self, finding: Finding | AgentRemark) -> Spot:
        """Return the place of a finding in this part."""
        words, anchor = [self.words] if self.words else [], self.anchor
        if finding.line is not None:
            words.append(f"line {finding.line}" if words else f"Line {finding.line}")
            anchor = self.code.anchor(finding.line) if self.code is not None else anchor
        return Spot(finding, ", ".join(words), anchor)


def spots(findings: Iterable[Finding | AgentRemark], parts: Mapping[str, Part]) -> list[Spot]:
    """Return the findings with their places, in the same order.

    Args:
        parts: The parts of the proposal by what findings call them; see `Finding.item`.
    """
    return [_part(finding.item, parts).spot(finding) for finding in findings]


def _part(item: str, parts: Mapping[str, Part]) -> Part:
    if item in parts:
        return parts[item]
    call, _, path = item.partition("/")
    if path and call in parts:
        return Part(f"{parts[call].words}, {path}", parts[call].anchor)
    return Part(item)
