"""Rules for transactions over several statements."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.risk import Finding
from app.risk.sql.context import Context
from app.risk.sql.rules import declare_sql
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

OPEN = declare_sql(
    "sql.transaction.open", RiskLevel.MEDIUM, "A transaction is begun but not ended, or ended but not begun."
)
INSIDE = declare_sql(
    "sql.transaction.not_allowed", RiskLevel.MEDIUM, "A statement that cannot run inside a transaction is inside one."
)
ENUM_IN_TRANSACTIONS = 12.0
"""The first version of PostgreSQL that can add values of an enum inside a transaction."""


def transaction_findings(statements: list[SqlStatement], context: Context) -> Iterator[Finding]:
    """Check the transactions of a text."""
    begun: SqlStatement | None = None
    for statement in statements:
        if statement.verb in ("BEGIN", "START"):
            if begun is not None and statement.dialect != "tsql":
                yield OPEN.finding("A transaction is begun inside another one.", statement.line)
            begun = statement
        elif statement.verb in ("COMMIT", "END", "ABORT") or (statement.verb == "ROLLBACK" and not statement.has("TO")):
            if begun is None and statement.dialect != "oracle":
                words = f"{statement.verb} ends a transaction that was not begun here, and everything done in it."
                yield OPEN.finding(words, statement.line)
            begun = None
        elif begun is not None and _is_not_allowed(statement, context):
            words = "This cannot run inside a transaction: the transaction fails here and is rolled back."
            yield INSIDE.finding(words, statement.line)
    if begun is not None:
        yield OPEN.finding(
            "This transaction is never ended: it holds its locks until the connection closes, and is then rolled back.",
            begun.line,
        )


_ROLLBACK_WORDS = {"ROLLBACK", "TRANSACTION", "TRAN", "WORK"}


def rolled_back(statements: list[SqlStatement]) -> set[SqlStatement]:
    """Return the statements in transactions that the text itself rolls back as a whole."""
    undone: set[SqlStatement] = set()
    begun: list[SqlStatement] | None = None
    for statement in statements:
        if statement.verb in ("BEGIN", "START"):
            begun = [] if begun is None else begun
        elif statement.verb in ("COMMIT", "END", "ABORT") or statement.starts("PREPARE", "TRANSACTION"):
            begun = None
        elif statement.verb == "ROLLBACK" and not statement.has("TO"):
            if begun is not None and set(statement.keys) <= _ROLLBACK_WORDS:
                undone.update(begun)
            begun = None
        elif begun is not None:
            begun.append(statement)
    return undone


def _is_not_allowed(statement: SqlStatement, context: Context) -> bool:
    if statement.has("CONCURRENTLY") or statement.verb == "VACUUM":
        return statement.verb != "REFRESH"
    adds_value = statement.verb == "ALTER" and statement.object == "TYPE" and statement.has("ADD", "VALUE")
    return adds_value and context.version is not None and context.version < ENUM_IN_TRANSACTIONS
