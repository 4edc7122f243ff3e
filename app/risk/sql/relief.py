"""Findings that weigh less because their objects are new or temporary."""

from __future__ import annotations

from dataclasses import replace

from app.domain.risk import Finding
from app.risk.rules import word_set
from app.risk.sql.context import Context, Newness
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_WAITING = word_set(
    "sql.index.blocking sql.index.concurrently sql.index.drop_blocking sql.index.drop sql.maintenance.exclusive "
    "sql.refresh.blocking sql.lock_table sql.alter.column_type sql.alter.add_not_null sql.alter.volatile_default "
    "sql.alter.constraint sql.alter.set_not_null sql.alter.rewrite sql.rename sql.alter sql.partition "
    "sql.constraint.disabled sql.alter.default"
)
"""Rules about what others wait for, and about what they rely on: there are no others yet."""
_LOSS = word_set(
    "sql.drop.table sql.drop.column sql.drop.object sql.drop.constraint sql.drop.partition sql.truncate sql.merge "
    "sql.delete.no_where sql.update.no_where sql.where.always_true sql.where.nearly_always_true sql.delete sql.update "
    "sql.upsert sql.drop.schema sql.drop.cascade sql.explain_writes"
)
"""Rules about the loss of data: what this text made can be made again."""


def relieved(findings: list[Finding], statement: SqlStatement, context: Context) -> list[Finding]:
    """Lower the findings of a statement all of whose objects were made by the same text."""
    kinds = {context.newness(name) for name in statement.targets}
    if statement.starts("DROP", "TEMPORARY"):
        kinds = {Newness.TEMPORARY}
    if not kinds or Newness.OLD in kinds:
        return findings
    temporary = kinds == {Newness.TEMPORARY}
    return [_relieved(found, temporary) for found in findings]


def undone_finding(found: Finding) -> Finding:
    """Lower a finding about a statement whose transaction is rolled back at its end."""
    if found.rule not in _LOSS and found.rule not in ("sql.insert", "sql.create"):
        return found
    level = RiskLevel.MEDIUM if found.severity.rank > RiskLevel.MEDIUM.rank else RiskLevel.LOW
    message = f"{found.message} The transaction is rolled back at its end, but holds its locks until then."
    return replace(found, severity=level, message=message) if found.severity.rank > level.rank else found


def _relieved(found: Finding, temporary: bool) -> Finding:
    if found.rule in _WAITING or (temporary and found.rule in _LOSS):
        level, why = RiskLevel.LOW, "It is temporary." if temporary else "It was made by this text."
    elif found.rule in _LOSS:
        level = RiskLevel.MEDIUM
        why = "It was made by this text; but if it existed before, and that failed, it is the old one."
    else:
        return found
    if found.severity.rank <= level.rank:
        return found
    return replace(found, severity=level, message=f"{found.message} {why}")
