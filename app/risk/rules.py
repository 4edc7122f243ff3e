"""The catalogue of rules: every reason that an assessment can give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from app.domain.risk import Finding
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.sql_statement import Statement


@dataclass(frozen=True)
class Rule:
    """One reason for a risk level.

    Attributes:
        id: stable, such as ``sql.drop.table``.
        severity: how bad it usually is; a finding may say otherwise where facts (such as a table's rows) tell more.
        summary: one line for the catalogue.
    """

    id: str
    severity: RiskLevel
    summary: str

    def finding(self, message: str, line: int | None = None, severity: RiskLevel | None = None) -> Finding:
        """What was found, in plain words: what would happen and why it matters."""
        return Finding(self.id, severity or self.severity, message, line)


RULES: dict[str, Rule] = {}
"""All rules by id."""


def declare(rule_id: str, severity: RiskLevel, summary: str) -> Rule:
    """Enter a rule into the catalogue."""
    if rule_id in RULES:
        raise ValueError(f"The rule {rule_id} is declared twice.")
    rule = RULES[rule_id] = Rule(rule_id, severity, summary)
    return rule


def word_set(words: str) -> frozenset[str]:
    """The words of a text; long lists read better that way."""
    return frozenset(words.split())


class Hit(NamedTuple):
    """Where a rule for SQL applies. Without a line it is the statement's first, without a severity the rule's own."""

    message: str
    line: int | None = None
    severity: RiskLevel | None = None


Check = Callable[["Statement"], Iterable[Hit]]
_CHECKS: list[tuple[Rule, frozenset[str], Check]] = []


def sql_rule(rule_id: str, severity: RiskLevel, summary: str, verbs: str = "") -> Callable[[Check], Check]:
    """Enter a rule for SQL statements, tried on those that begin with one of `verbs`; with none, on all."""
    rule = declare(rule_id, severity, summary)

    def register(check: Check) -> Check:
        _CHECKS.append((rule, word_set(verbs), check))
        return check

    return register


def findings_of(statement: Statement) -> Iterator[Finding]:
    """Try all rules for SQL on a statement."""
    for rule, verbs, check in _CHECKS:
        if not verbs or statement.verb in verbs:
            for hit in check(statement):
                yield rule.finding(hit.message, hit.line or statement.line, hit.severity)
