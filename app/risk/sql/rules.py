"""How rules for SQL statements are declared and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from app.domain.risk import Finding
from app.risk.rules import RiskRule, declare, word_set
from app.risk.sql.examples import EXAMPLES
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel


class Hit(NamedTuple):
    """A match of an SQL rule. The line defaults to the statement's first, and the severity to the rule's."""

    message: str
    line: int | None = None
    severity: RiskLevel | None = None


Check = Callable[[SqlStatement], Iterable[Hit]]
_CHECKS: list[tuple[RiskRule, frozenset[str], Check]] = []


def declare_sql(rule_id: str, severity: RiskLevel, summary: str, *, unread: bool = False) -> RiskRule:
    """Add a rule with its examples to the catalog."""
    dialect, example, harmless = EXAMPLES.get(rule_id, ("", "", ""))
    return declare(rule_id, severity, summary, example, harmless, language=dialect, unread=unread)


def sql_rule(
    rule_id: str, severity: RiskLevel, summary: str, verbs: str = "", *, unread: bool = False
) -> Callable[[Check], Check]:
    """Add an SQL rule, which is checked for statements that begin with one of `verbs`, or for all if there are none."""
    rule = declare_sql(rule_id, severity, summary, unread=unread)

    def register(check: Check) -> Check:
        _CHECKS.append((rule, word_set(verbs), check))
        return check

    return register


def findings_of(statement: SqlStatement) -> Iterator[Finding]:
    """Check a statement with all SQL rules."""
    for rule, verbs, check in _CHECKS:
        if not verbs or statement.verb in verbs:
            for hit in check(statement):
                yield rule.finding(hit.message, hit.line or statement.line, hit.severity)
