"""Risk findings, and the assessment they result in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
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

REGISTERED_TOOL = "tool.registered"
"""The rule of the finding that says that a policy registers a tool as reading."""
_RUN_NOTHING = ("question", "error")
_STEP = 0.2
_BAND = {RiskLevel.SAFE: 0.9, RiskLevel.LOW: 3.9, RiskLevel.MEDIUM: 6.4, RiskLevel.HIGH: 8.9, RiskLevel.CRITICAL: 10.0}


NOT_UNDERSTOOD = "not everything that would run has been read, or its effects are unknown."
"""What people read after "Not understood:"."""


def mark_unread(words: str, understood: bool) -> str:
    """Return the words for a level, with a short mark if not everything was understood."""
    return words if understood else f"{words}, not understood"


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

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The lists that are not empty, by the words for them."""
        return {words: getattr(self, name) for name, words in TOUCH_WORDS.items() if getattr(self, name)}

    def to_json(self) -> dict[str, list[str]]:
        """Return the JSON form, without empty lists."""
        return {name: list(names) for name, names in vars(self).items() if names}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Touches:
        """Return the inverse of `to_json`."""
        return cls(**{one.name: tuple(value.get(one.name, ())) for one in fields(cls)})


TOUCH_WORDS = {
    "commands": "Commands",
    "paths": "Files",
    "hosts": "Hosts",
    "databases": "Databases",
    "objects": "Objects",
    "environment": "Environment",
}
"""What people read over each list of `Touches`, in the order in which they read them."""


@dataclass(frozen=True)
class RuleChange:
    """What a policy made of a rule: its findings have this level, or do not count (None)."""

    rule: str
    level: RiskLevel | None
    reason: str


@dataclass(frozen=True)
class Adjustment:
    """What a policy changed about an assessment.

    Attributes:
        policy_version: None while the policy is only tested.
        level, score: As they would have been without the policy.
        changes: The rules that it changed, of those with findings.
        findings: The findings of these rules as they were.
    """

    policy_version: int | None
    level: RiskLevel
    score: float
    changes: tuple[RuleChange, ...]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "policy_version": self.policy_version,
            "level": self.level.value,
            "score": self.score,
            "changes": [
                {"rule": change.rule, "level": change.level.value if change.level else "off", "reason": change.reason}
                for change in self.changes
            ],
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Adjustment:
        """Return the inverse of `to_json`."""
        return cls(
            value["policy_version"],
            RiskLevel(value["level"]),
            value["score"],
            tuple(
                RuleChange(
                    change["rule"], None if change["level"] == "off" else RiskLevel(change["level"]), change["reason"]
                )
                for change in value["changes"]
            ),
            tuple(Finding.from_json(finding) for finding in value["findings"]),
        )


@dataclass(frozen=True)
class Assessment:
    """The risk of a proposal.

    Attributes:
        level: The risk level.
        score: The same as a number from 0 to 10.
        findings: The reasons, the worst first.
        understood: True if everything that would run has been read, and its effects are known.
        touches: What it would touch.
        adjustment: What a policy changed about it; None: nothing.
    """

    level: RiskLevel
    score: float
    findings: tuple[Finding, ...] = field(default_factory=tuple)
    understood: bool = False
    touches: Touches = field(default_factory=Touches)
    adjustment: Adjustment | None = None

    def is_clear(self, kind: str) -> bool:
        """Return True if a request of this kind is understood; what a question asks or an error says is not run."""
        return self.understood or kind in _RUN_NOTHING

    @property
    def relies_on_registration(self) -> bool:
        """True if a tool counts as reading because a policy registers it."""
        return any(finding.rule == REGISTERED_TOOL for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the request."""
        adjustment = {"adjustment": self.adjustment.to_json()} if self.adjustment is not None else {}
        return adjustment | {
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
            Adjustment.from_json(value["adjustment"]) if value.get("adjustment") else None,
        )

    def adjusted(self, changes: Mapping[str, RuleChange], version: int | None, floor: RiskLevel) -> Assessment:
        """Return the assessment under a policy that changes these rules.

        Args:
            changes: By the rule's id.
            floor: The minimum risk level of the proposal.
        """
        found = [finding for finding in self.findings if finding.rule in changes]
        if not found:
            return self
        kept = [finding for finding in self.findings if finding.rule not in changes]
        for finding in found:
            level = changes[finding.rule].level
            if level is not None:
                kept.append(replace(finding, severity=level))
        named = sorted({finding.rule for finding in found})
        adjustment = Adjustment(version, self.level, self.score, tuple(changes[rule] for rule in named), tuple(found))
        return replace(assess(kept, floor, self.understood, self.touches), adjustment=adjustment)

    def original(self) -> Assessment:
        """Return the assessment as it was before a policy changed it."""
        if self.adjustment is None:
            return self
        changed = {change.rule for change in self.adjustment.changes}
        kept = [finding for finding in self.findings if finding.rule not in changed]
        found = in_order([*kept, *self.adjustment.findings])
        return replace(self, level=self.adjustment.level, score=self.adjustment.score, findings=found, adjustment=None)


def floor_of(document: Any) -> RiskLevel:
    """Return the minimum risk that a proposal states; high if that is not a risk level. Never raises."""
    stated = document.get("risk_floor") if isinstance(document, Mapping) else None
    if stated is None:
        return RiskLevel.SAFE
    return RiskLevel(stated) if is_level(stated) else RiskLevel.HIGH


def is_level(value: Any) -> bool:
    """Return True if a JSON value is a risk level."""
    return isinstance(value, str) and value in set(RiskLevel)


def is_clear(assessment: Mapping[str, Any], kind: str) -> bool:
    """Return `Assessment.is_clear` of an assessment as it is stored, without reading its findings."""
    return bool(assessment.get("understood")) or kind in _RUN_NOTHING


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which people read them: the worst first."""
    return tuple(
        sorted(findings, key=lambda finding: (-finding.severity.rank, finding.item, finding.line or 0, finding.rule))
    )


def assess(
    findings: Iterable[Finding],
    floor: RiskLevel = RiskLevel.SAFE,
    understood: bool = False,
    touches: Touches | None = None,
) -> Assessment:
    """Combine findings: the worst one sets the level, others of that severity raise the score within its band."""
    found = in_order(findings)
    level = max([floor, *(finding.severity for finding in found)], key=lambda severity: severity.rank)
    alike = sum(1 for finding in found if finding.severity is level)
    score = min(BASE_SCORE[level] + _STEP * max(0, alike - 1), _BAND[level])
    return Assessment(level, round(score, 1), found, understood, touches or Touches())
