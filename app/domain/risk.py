"""Risk findings, and the assessment they result in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from assent.contracts import RiskLevel

BASE_SCORE = {
    RiskLevel.SAFE: 0.0,
    RiskLevel.LOW: 2.5,
    RiskLevel.MEDIUM: 5.0,
    RiskLevel.HIGH: 7.5,
    RiskLevel.CRITICAL: 9.5,
}
"""The score of each level, from 0 to 10 (source document `packaging`, risk levels)."""

_STEP = 0.2
_BAND = {RiskLevel.SAFE: 0.9, RiskLevel.LOW: 3.9, RiskLevel.MEDIUM: 6.4, RiskLevel.HIGH: 8.9, RiskLevel.CRITICAL: 10.0}


@dataclass(frozen=True)
class Finding:
    """One reason for a risk level.

    Attributes:
        rule: stable id such as ``sql.delete.no_where``.
        severity: the risk level of this finding.
        message: in plain words, what would happen and why it matters.
        line: line in the text, from 1; None if the finding concerns the whole text.
        item: id of the optimization item it belongs to, or in a tool call the path to the argument, such as
            ``filter.sql``; empty otherwise.
    """

    rule: str
    severity: RiskLevel
    message: str
    line: int | None = None
    item: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the request."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "message": self.message,
            "line": self.line,
            "item": self.item,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Finding:
        """The inverse of `to_json`."""
        return cls(
            value["rule"], RiskLevel(value["severity"]), value["message"], value.get("line"), value.get("item", "")
        )


@dataclass(frozen=True)
class Assessment:
    """The risk of a proposal: level, score from 0 to 10, and findings."""

    level: RiskLevel
    score: float
    findings: tuple[Finding, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the request."""
        return {
            "level": self.level.value,
            "score": self.score,
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Assessment:
        """The inverse of `to_json`."""
        return cls(
            RiskLevel(value["level"]),
            value["score"],
            tuple(Finding.from_json(finding) for finding in value["findings"]),
        )


def assess(findings: Iterable[Finding], floor: RiskLevel = RiskLevel.SAFE) -> Assessment:
    """Combine findings: the worst one sets the level, others of that severity raise the score within its band."""
    found = tuple(
        sorted(findings, key=lambda finding: (-finding.severity.rank, finding.item, finding.line or 0, finding.rule))
    )
    level = max([floor, *(finding.severity for finding in found)], key=lambda severity: severity.rank)
    alike = sum(1 for finding in found if finding.severity is level)
    score = min(BASE_SCORE[level] + _STEP * max(0, alike - 1), _BAND[level])
    return Assessment(level, round(score, 1), found)
