"""Rules for queries: their cost, the functions that they call, and whether they could be parsed at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.access import routine_named
from app.risk.sql.code import is_known_procedure
from app.risk.sql.conditions import always_true
from app.risk.sql.dialect_functions import OF_ANY, OF_DIALECT
from app.risk.sql.functions import HARMLESS_FUNCTIONS
from app.risk.sql.names import name_of
from app.risk.sql.parsing import QUERY_VERBS, WRITE_VERBS
from app.risk.sql.routines import HARMLESS_PACKAGES
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import CONTROL, LARGE_TABLE, SqlStatement
from app.risk.text import mixes_scripts
from assent.contracts import RiskLevel

_FEW_PAIRS = 1_000_000
_NO_EFFECT = word_set(
    "EXPLAIN SHOW DESCRIBE DESC PRAGMA BEGIN COMMIT ROLLBACK END ABORT SAVEPOINT RELEASE LISTEN UNLISTEN DEALLOCATE "
    "CLOSE FETCH MOVE HELP ? SAVE"
)
"""Verbs that change nothing by themselves; statements inside them are judged separately."""


@sql_rule("sql.unparsed", RiskLevel.HIGH, "A statement that cannot be parsed; it may do anything.", unread=True)
def unparsed(statement: SqlStatement) -> Iterator[Hit]:
    reason = statement.broken
    if not reason and _needs_tree(statement) and not statement.understood:
        reason = "it cannot be parsed"
    if reason:
        yield Hit(f"This statement cannot be analyzed ({reason}), so its effects are unknown.")


@sql_rule("sql.name.lookalike", RiskLevel.HIGH, "A name mixes letters of two alphabets.", unread=True)
def lookalike(statement: SqlStatement) -> Iterator[Hit]:
    for index, token in enumerate(statement.tokens):
        if token.kind in ("word", "name") and not token.text.isascii() and mixes_scripts(token.text):
            words = f"The name {token.text[:80]} mixes letters of two alphabets: it is not the name that it looks like."
            yield Hit(words, statement.line_at(index))
            return


_HARMLESS = HARMLESS_FUNCTIONS | {"operator"}
_HOLDS_QUERY = frozenset({"TABLE", "VIEW", "MATERIALIZED", "INDEX"})


def _needs_tree(statement: SqlStatement) -> bool:
    """Return True for statements that are judged by their content, not by how they begin."""
    if statement.verb == "CREATE":
        return statement.object in _HOLDS_QUERY and statement.object != "INDEX"
    if statement.starts("UPDATE", "STATISTICS"):
        return False
    return statement.verb in QUERY_VERBS or statement.verb in WRITE_VERBS or statement.verb == "COPY"


def judged(statement: SqlStatement, found: bool) -> bool:
    """Return True if a statement is known to be harmless, or its findings cover it."""
    if statement.verb in QUERY_VERBS:
        return True  # `unparsed` reports those that could not be parsed
    if statement.verb in CONTROL or (statement.procedural and statement.verb == "BEGIN"):
        return True
    if statement.runs_literal:
        return True
    if statement.verb == "EXECUTE" and statement.procedure in statement.context.prepared:
        return True
    if statement.procedure and is_known_procedure(statement.procedure):
        return True
    if statement.verb == "START":
        return found or statement.starts("START", "TRANSACTION")
    if statement.verb == "COPY":
        return found or statement.has("TO", "STDOUT")
    return found or statement.verb in _NO_EFFECT


@sql_rule("sql.select.large", RiskLevel.LOW, "A query without LIMIT or WHERE reads an entire large table.")
def select_large(statement: SqlStatement) -> Iterator[Hit]:
    tree = statement.tree
    if not isinstance(tree, exp.Select) or tree.args.get("limit") or tree.args.get("where") or tree.args.get("fetch"):
        return
    if all(expression.find(exp.AggFunc) for expression in tree.expressions):
        return
    source: Any = tree.args.get("from_")
    if source is not None and isinstance(source.this, exp.Table):
        name = name_of(source)
        rows = statement.rows_of(name)
        if rows is not None and rows >= LARGE_TABLE:
            yield Hit(f"Reads all of {name}, about {rows:,} rows; consider a LIMIT.")


@sql_rule("sql.join.cartesian", RiskLevel.MEDIUM, "A join without a condition pairs every row with every row.")
def cartesian(statement: SqlStatement) -> Iterator[Hit]:
    if statement.tree is None:
        return
    for select in statement.tree.find_all(exp.Select):
        tables = _unlinked(select)
        if tables:
            rows = [statement.rows_of(table) for table in tables]
            known = [count for count in rows if count is not None]
            pairs = 1
            for count in known:
                pairs *= count
            few = len(known) == len(rows) and pairs < _FEW_PAIRS
            words = f"Pairs every row of {tables[0]} with every row of {tables[1]}, because no condition joins them."
            yield Hit(words, severity=RiskLevel.LOW if few else None)


def _unlinked(select: exp.Select) -> list[str]:
    """Return two tables of a query that no condition joins; empty if there are none, or it cannot be determined."""
    source: Any = select.args.get("from_")
    if source is None or not isinstance(source.this, exp.Table) or _is_function(source.this):
        return []
    where: Any = select.args.get("where")
    conditions = where.this if where is not None else None
    for join in select.args.get("joins") or []:
        other = join.this
        if (
            not isinstance(other, exp.Table)
            or _is_function(other)
            or join.args.get("using")
            or join.method.upper() == "NATURAL"
        ):
            continue
        on = join.args.get("on")
        if on is not None and not always_true(on):
            continue
        if conditions is None or not _mentions(conditions, other):
            return [name_of(source), name_of(join)]
    return []


def _is_function(table: exp.Table) -> bool:
    return isinstance(table.this, exp.Func)


def _mentions(conditions: exp.Expression, table: exp.Table) -> bool:
    """Return whether a comparison may join the table to another one. An unqualified column may belong to any table."""
    for comparison in conditions.find_all(exp.Predicate):
        names = {column.table.lower() for column in comparison.find_all(exp.Column)}
        if "" in names or (table.alias_or_name.lower() in names and len(names) > 1):
            return True
    return False


@sql_rule("sql.select.locks", RiskLevel.LOW, "A query locks the rows it reads.")
def locks_rows(statement: SqlStatement) -> Iterator[Hit]:
    lock = statement.tree.find(exp.Lock) if statement.tree is not None else None
    if lock is None:
        return
    query = lock.parent
    bounded = any(query.args.get(part) for part in ("where", "limit", "fetch", "having")) if query else True
    if lock.args.get("update") and not bounded:
        yield Hit(
            "Locks every row until the transaction ends; all who want to change one have to wait.",
            severity=RiskLevel.HIGH,
        )
    else:
        yield Hit(
            "Locks the rows that it reads until the transaction ends; others who want to change them have to wait."
        )


def _called(tree: exp.Expression) -> Iterator[tuple[str, str]]:
    """Yield functions that sqlglot has no type for, or that have a schema, with their schema, in lower case."""
    for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc):
        parent = node.parent
        schema = parent.this.name if isinstance(parent, exp.Dot) and parent.expression is node else ""
        yield node.name.lower(), schema.lower()
    for table in tree.find_all(exp.Table):
        if table.db and isinstance(table.this, exp.Func):
            yield (table.this.name or table.this.sql_name()).lower(), table.db.lower()
    for operator in tree.find_all(exp.Operator):
        yield "operator", str(operator.args.get("operator")).rpartition(".")[0].lower() or "pg_catalog"


_NAMES_BEFORE_BRACKETS = word_set(
    "PRAGMA ANALYZE ANALYSE VACUUM GRANT REVOKE DENY ALTER COMMENT LOCK CLUSTER CHECK ASSERT"
)


@sql_rule("sql.function.table", RiskLevel.HIGH, "A query reads from, or writes to, another place than the database.")
def table_function(statement: SqlStatement) -> Iterator[Hit]:
    if statement.parsed_as != "clickhouse" or statement.tree is None:
        return
    for table in statement.tree.find_all(exp.Table):
        name = table.this.name.lower() if isinstance(table.this, (exp.Func, exp.Anonymous)) else ""
        if statement.starts("INSERT", "INTO", "FUNCTION") or statement.starts("INSERT", "INTO", "TABLE", "FUNCTION"):
            yield Hit("Writes rows to another place than the database.")
            return
        if name == "executable":
            yield Hit("Runs a program on the database server.", severity=RiskLevel.CRITICAL)
        elif name in _ELSEWHERE:
            yield Hit(f"{name} reads or writes files, another server, or an address on the network.")


_ELSEWHERE = word_set(
    "url s3 s3cluster gcs remote remotesecure file hdfs mysql postgresql mongodb redis jdbc odbc sqlite "
    "azureblobstorage iceberg deltalake hudi urlcluster filecluster"
)
"""Table functions of ClickHouse."""


@sql_rule("sql.function.unknown", RiskLevel.MEDIUM, "An unknown function is called; it may write.", unread=True)
def unknown_function(statement: SqlStatement) -> Iterator[Hit]:
    for full in unknown_functions(statement):
        yield Hit(f"Calls {full[:80]}, an unknown function; a function can write, even in a query.")


def unknown_functions(statement: SqlStatement) -> Iterator[str]:
    """Yield the functions in a statement that are not known to do nothing but compute, with their schemas."""
    if statement.tree is None or (statement.verb == "CREATE" and statement.object not in _HOLDS_QUERY):
        return
    if statement.verb in _NAMES_BEFORE_BRACKETS:
        return
    seen = set()
    for name, schema in _called(statement.tree):
        foreign = schema not in ("", "pg_catalog")
        own = OF_DIALECT.get(statement.parsed_as, frozenset()) if statement.dialect else OF_ANY
        foreign = foreign and not (schema == "sys" and statement.parsed_as == "tsql")
        known = (
            (not foreign and (name in _HARMLESS or name in own))
            or routine_named(schema, name)
            or schema in HARMLESS_PACKAGES
            or schema == "information_schema"
        )
        if not known and name not in seen:
            seen.add(name)
            yield f"{schema}.{name}" if schema else name
