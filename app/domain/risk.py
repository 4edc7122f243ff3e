"""Risk findings, and the assessment they result in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
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
        unread: True if this place could not be read, or runs something that has not been read.
    """

    rule: str
    severity: RiskLevel
    message: str
    line: int | None = None
    item: str = ""
    unread: bool = False

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the request."""
        plain = {
            "rule": self.rule,
            "severity": self.severity.value,
            "message": self.message,
            "line": self.line,
            "item": self.item,
        }
        return plain | {"unread": True} if self.unread else plain

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Finding:
        """The inverse of `to_json`."""
        return cls(
            value["rule"], RiskLevel(value["severity"]), value["message"], value.get("line"), value.get("item", ""),
            bool(value.get("unread")),
        )  # fmt: skip


@dataclass(frozen=True)
class Touches:
    """What a proposal would touch, as far as its code and its arguments name it. Each list is sorted.

    Attributes:
        commands: Programs, cmdlets, and functions that would run.
        paths: Files and folders that it reads, writes, or deletes.
        hosts: Other machines that it connects to.
        databases: Databases that it opens.
        objects: Tables and other objects of databases, and resources of clusters and clouds.
        environment: Environment variables that it reads or sets.
    """

    commands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        """Return the JSON form, without empty lists."""
        return {name: list(names) for name, names in vars(self).items() if names}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Touches:
        """Return the inverse of `to_json`."""
        return cls(**{one.name: tuple(value.get(one.name, ())) for one in fields(cls)})


@dataclass(frozen=True)
class Assessment:
    """The risk of a proposal.

    Attributes:
        level: The risk level.
        score: The same as a number from 0 to 10.
        findings: The reasons, the worst first.
        understood: True if everything that would run has been read, and its effects are known.
        touches: What it would touch.
    """

    level: RiskLevel
    score: float
    findings: tuple[Finding, ...] = field(default_factory=tuple)
    understood: bool = False
    touches: Touches = field(default_factory=Touches)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the request."""
        return {
            "level": self.level.value,
            "score": self.score,
            "findings": [finding.to_json() for finding in self.findings],
            "understood": self.understood,
            "touches": self.touches.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Assessment:
        """The inverse of `to_json`."""
        return cls(
            RiskLevel(value["level"]),
            value["score"],
            tuple(Finding.from_json(finding) for finding in value["findings"]),
            bool(value.get("understood")),
            Touches.from_json(value.get("touches") or {}),
        )


def assess(
    findings: Iterable[Finding],
    floor: RiskLevel = RiskLevel.SAFE,
    understood: bool = False,
    touches: Touches | None = None,
) -> Assessment:
    """Combine findings: the worst one sets the level, others of that severity raise the score within its band."""
    found = tuple(
        sorted(findings, key=lambda finding: (-finding.severity.rank, finding.item, finding.line or 0, finding.rule))
    )
    level = max([floor, *(finding.severity for finding in found)], key=lambda severity: severity.rank)
    alike = sum(1 for finding in found if finding.severity is level)
    score = min(BASE_SCORE[level] + _STEP * max(0, alike - 1), _BAND[level])
    return Assessment(level, round(score, 1), found, understood, touches or Touches())
