"""Rules for what blocks others: locks, rewrites, and index builds."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import LARGE_TABLE, SMALL_TABLE, SqlStatement
from assent.contracts import RiskLevel


def _by_rows(statement: SqlStatement, table: str, usual: RiskLevel) -> tuple[RiskLevel, str]:
    """Return the severity of blocking access to a table, and a sentence about the table's size."""
    rows = statement.rows_of(table)
    if rows is None:
        return usual, "The table's size is unknown."
    if rows < SMALL_TABLE:
        return RiskLevel.LOW, f"With about {rows:,} rows, this takes a moment."
    if rows < LARGE_TABLE:
        return min(
            usual, RiskLevel.MEDIUM, key=lambda level: level.rank
        ), f"It has about {rows:,} rows: expect seconds."
    return usual, f"It has about {rows:,} rows: expect minutes."


def _indexed_table(statement: SqlStatement) -> str:
    place = statement.find("ON")
    return statement.name_after(place + 1) if place > 0 else ""


@sql_rule(
    "sql.index.blocking", RiskLevel.HIGH, "An index is built while writes to its table are blocked.", verbs="CREATE"
)
def create_index(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "INDEX" or statement.has("CONCURRENTLY"):
        return
    table = _indexed_table(statement)
    if statement.dialect in ("postgres", "redshift", ""):
        severity, size = _by_rows(statement, table, RiskLevel.HIGH)
        words = f"Blocks every write to {table} until the index is built; CONCURRENTLY would not. {size}"
    else:
        severity, size = _by_rows(statement, table, RiskLevel.MEDIUM)
        words = f"Blocks writes to {table} until the index is built. {size}"
    yield Hit(words, severity=severity)


@sql_rule("sql.index.concurrently", RiskLevel.MEDIUM, "An index is built without blocking writes.", verbs="CREATE")
def create_index_concurrently(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "INDEX" and statement.has("CONCURRENTLY"):
        table = _indexed_table(statement)
        words = (
            f"Builds an index on {table} while reads and writes continue. It takes disk space and time, slows down "
            "later writes a little, and leaves an invalid index behind if it fails."
        )
        yield Hit(words)


@sql_rule("sql.index.drop_blocking", RiskLevel.HIGH, "An index is dropped under an exclusive lock.", verbs="DROP")
def drop_index_blocking(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "INDEX" and not statement.has("CONCURRENTLY") and statement.dialect in ("postgres", ""):
        name = statement.name_after(2)
        words = (
            f"Dropping {name} waits for all running queries on its table and blocks all later ones; CONCURRENTLY "
            "would not. Queries that use the index become slow."
        )
        yield Hit(words)


@sql_rule("sql.index.drop", RiskLevel.MEDIUM, "An index is dropped; queries that use it become slow.", verbs="DROP")
def drop_index(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "INDEX" and (statement.has("CONCURRENTLY") or statement.dialect not in ("postgres", "")):
        yield Hit(
            f"Drops the index {statement.name_after(2)}; queries that use it become slow until it is built again."
        )


@sql_rule(
    "sql.maintenance.exclusive",
    RiskLevel.HIGH,
    "Maintenance that blocks reads or writes.",
    verbs="REINDEX VACUUM CLUSTER REPACK OPTIMIZE",
)
def exclusive_maintenance(statement: SqlStatement) -> Iterator[Hit]:
    if not _is_exclusive(statement):
        return
    if statement.dialect == "sqlite":
        words = (
            f"{statement.verb} rewrites the file or the index. It blocks writes and needs the same disk space again."
        )
        yield Hit(words, severity=RiskLevel.MEDIUM)
    else:
        words = (
            f"{statement.verb} rewrites the table or index under an exclusive lock: everything that uses it is blocked."
        )
        yield Hit(words)


@sql_rule(
    "sql.maintenance",
    RiskLevel.LOW,
    "Maintenance that does not block other work.",
    verbs="REINDEX VACUUM ANALYZE ANALYSE CHECKPOINT CLUSTER",
)
def maintenance(statement: SqlStatement) -> Iterator[Hit]:
    if not _is_exclusive(statement):
        yield Hit(f"{statement.verb} does not block other work, but causes disk reads and writes.")


def _is_exclusive(statement: SqlStatement) -> bool:
    if statement.verb == "VACUUM":
        return "FULL" in statement.keys[:12] or statement.dialect == "sqlite"
    if statement.verb == "REINDEX":
        return not statement.has("CONCURRENTLY")
    return statement.verb in ("CLUSTER", "REPACK", "OPTIMIZE")


@sql_rule(
    "sql.refresh.blocking",
    RiskLevel.MEDIUM,
    "A materialized view is refreshed while reads of it are blocked.",
    verbs="REFRESH",
)
def refresh(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("CONCURRENTLY"):
        yield Hit("Refreshes a materialized view without blocking reads of it.", severity=RiskLevel.LOW)
    else:
        yield Hit("Refreshes a materialized view, and blocks reads of it until that is done; CONCURRENTLY would not.")


@sql_rule("sql.lock_table", RiskLevel.HIGH, "A table is locked explicitly.", verbs="LOCK")
def lock_table(statement: SqlStatement) -> Iterator[Hit]:
    yield Hit("Locks a table until the transaction ends; the default mode also blocks reads.")


@sql_rule(
    "sql.alter.column_type",
    RiskLevel.HIGH,
    "A column's type is changed; the table is usually rewritten.",
    verbs="ALTER",
)
def alter_type(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        changes = keys[0] == "ALTER" and ("TYPE" in keys[2:6])
        if changes or (keys[0] in ("MODIFY", "CHANGE") and statement.dialect != "postgres"):
            severity, size = _by_rows(statement, statement.object_name, RiskLevel.HIGH)
            words = (
                f"Changes the type of a column of {statement.object_name}: unless both types are stored the same way, "
                f"the whole table is rewritten, and nobody can read or write it meanwhile. {size}"
            )
            yield Hit(words, statement.line_at(index), severity)


def _alterations(statement: SqlStatement) -> Iterator[tuple[int, list[str]]]:
    if statement.object == "TABLE":
        yield from statement.actions()


_CONSTRAINT_WORDS = ("CONSTRAINT", "CHECK", "FOREIGN", "PRIMARY", "UNIQUE", "EXCLUDE", "INDEX", "KEY")


def _adds_column(keys: list[str]) -> bool:
    return keys[0] == "ADD" and bool(keys[1:2]) and keys[1] not in (*_CONSTRAINT_WORDS, "PARTITION")


@sql_rule("sql.alter.add_not_null", RiskLevel.HIGH, "A NOT NULL column is added without a default.", verbs="ALTER")
def add_not_null(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        text = " ".join(keys)
        if _adds_column(keys) and "NOT NULL" in text and "DEFAULT" not in keys and "GENERATED" not in keys:
            words = (
                f"Adds a NOT NULL column without a default to {statement.object_name}: this fails if it has any rows."
            )
            yield Hit(words, statement.line_at(index))


_VOLATILE = word_set(
    "RANDOM CLOCK_TIMESTAMP TIMEOFDAY GEN_RANDOM_UUID UUID_GENERATE_V4 UUID_GENERATE_V1 UUIDV4 UUIDV7 NEXTVAL "
    "SERIAL BIGSERIAL SMALLSERIAL IDENTITY"
)


@sql_rule(
    "sql.alter.volatile_default",
    RiskLevel.HIGH,
    "A column whose default differs from row to row is added; the table is rewritten.",
    verbs="ALTER",
)
def volatile_default(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if _adds_column(keys) and (_VOLATILE.intersection(keys) or "STORED" in keys):
            severity, size = _by_rows(statement, statement.object_name, RiskLevel.HIGH)
            table = statement.object_name
            words = (
                f"The new column's value differs in each row, so {table} is rewritten under an exclusive lock. {size}"
            )
            yield Hit(words, statement.line_at(index), severity)


@sql_rule(
    "sql.alter.constraint",
    RiskLevel.HIGH,
    "A constraint is added and checked while the table is locked.",
    verbs="ALTER",
)
def add_constraint(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if keys[0] != "ADD" or not keys[1:2] or keys[1] not in _CONSTRAINT_WORDS:
            continue
        text = " ".join(keys)
        if "NOT VALID" in text or "USING INDEX" in text:
            continue
        severity, size = _by_rows(statement, statement.object_name, RiskLevel.HIGH)
        advice = (
            "build the index CONCURRENTLY first and add it USING INDEX"
            if "UNIQUE" in keys or "PRIMARY" in keys
            else "add it NOT VALID and validate it later"
        )
        words = f"Checks every row of {statement.object_name} while writes are blocked; {advice}. {size}"
        yield Hit(words, statement.line_at(index), severity)


@sql_rule(
    "sql.alter.set_not_null",
    RiskLevel.HIGH,
    "SET NOT NULL reads the whole table under an exclusive lock.",
    verbs="ALTER",
)
def set_not_null(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if keys[0] == "ALTER" and "SET NOT NULL" in " ".join(keys):
            severity, size = _by_rows(statement, statement.object_name, RiskLevel.HIGH)
            words = (
                f"Reads all of {statement.object_name} under an exclusive lock, and fails if any value is NULL. {size}"
            )
            yield Hit(words, statement.line_at(index), severity)


@sql_rule("sql.alter.rewrite", RiskLevel.HIGH, "The table is rewritten under an exclusive lock.", verbs="ALTER")
def rewrite(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if keys[0] == "SET" and keys[1:2] and keys[1] in ("TABLESPACE", "LOGGED", "UNLOGGED", "ACCESS"):
            severity, size = _by_rows(statement, statement.object_name, RiskLevel.HIGH)
            words = f"Rewrites {statement.object_name} under an exclusive lock, which also blocks reads. {size}"
            yield Hit(words, statement.line_at(index), severity)


@sql_rule(
    "sql.rename",
    RiskLevel.HIGH,
    "An object is renamed; programs that use the old name fail at once.",
    verbs="ALTER RENAME",
)
def rename(statement: SqlStatement) -> Iterator[Hit]:
    place = statement.find("RENAME")
    if place >= 0 and statement.object != "INDEX":
        yield Hit("Renames an object; every program that uses the old name fails at once.", statement.line_at(place))


@sql_rule("sql.alter", RiskLevel.MEDIUM, "The definition of an object is changed.", verbs="ALTER")
def alter(statement: SqlStatement) -> Iterator[Hit]:
    kind = statement.object.lower() or "object"
    yield Hit(
        f"Changes the {kind} {statement.object_name}; this waits for running queries, and blocks later ones meanwhile."
    )
