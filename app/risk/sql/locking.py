"""Rules for what blocks others: locks, rewrites, and index builds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from app.risk.rules import word_set
from app.risk.sql.functions import HARMLESS_FUNCTIONS
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import LARGE_TABLE, SMALL_TABLE, SqlStatement
from assent.contracts import RiskLevel


def by_rows(statement: SqlStatement, table: str, usual: RiskLevel) -> tuple[RiskLevel, str]:
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


def locks_explicitly(statement: SqlStatement) -> bool:
    """Return whether a statement of MySQL asks for copying the table, or for blocking others."""
    if statement.has("ALGORITHM", "=", "COPY"):
        return True
    return statement.has("LOCK", "=", "EXCLUSIVE") or statement.has("LOCK", "=", "SHARED")


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
    online = statement.has("ONLINE") and not statement.has("ONLINE", "=", "OFF")
    if statement.dialect not in ("mysql", "sqlite") and not online:
        severity, size = by_rows(statement, table, RiskLevel.HIGH)
        other = "ONLINE" if statement.dialect in ("tsql", "oracle") else "CONCURRENTLY"
        words = f"Blocks every write to {table} until the index is built; {other} would not. {size}"
    elif statement.dialect == "mysql" and locks_explicitly(statement):
        severity, size = by_rows(statement, table, RiskLevel.HIGH)
        words = f"Blocks every write to {table} until the index is built, because it asks for that. {size}"
    else:
        severity, size = by_rows(statement, table, RiskLevel.MEDIUM)
        words = f"Blocks writes to {table} until the index is built. {size}"
    yield Hit(words, severity=severity)


@sql_rule("sql.index.concurrently", RiskLevel.LOW, "An index is built without blocking writes.", verbs="CREATE")
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
    verbs="REINDEX VACUUM CLUSTER REPACK OPTIMIZE REPAIR",
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
        severity, size = by_rows(statement, (statement.targets or [""])[0], RiskLevel.HIGH)
        words = (
            f"{statement.verb} rewrites the table or index under an exclusive lock: everything that uses it is blocked."
        )
        yield Hit(f"{words} {size}", severity=severity)


@sql_rule(
    "sql.maintenance",
    RiskLevel.LOW,
    "Maintenance that does not block other work.",
    verbs="REINDEX VACUUM ANALYZE ANALYSE CHECKPOINT CLUSTER CHECK CHECKSUM UPDATE",
)
def maintenance(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "UPDATE" and not statement.starts("UPDATE", "STATISTICS"):
        return
    if not _is_exclusive(statement) and not statement.has("INTO"):
        yield Hit(f"{statement.verb} does not block other work, but causes disk reads and writes.")


def _is_exclusive(statement: SqlStatement) -> bool:
    if statement.verb == "VACUUM":
        if statement.dialect == "sqlite":
            return not statement.has("INTO")
        place = statement.find("FULL")
        return 0 < place < 12 and statement.keys[place + 1 : place + 2] not in (["FALSE"], ["OFF"], ["0"], ["NO"])
    if statement.verb == "REINDEX":
        return not statement.has("CONCURRENTLY")
    return statement.verb in ("CLUSTER", "REPACK", "OPTIMIZE", "REPAIR")


@sql_rule(
    "sql.refresh.blocking",
    RiskLevel.HIGH,
    "A materialized view is refreshed while reads of it are blocked.",
    verbs="REFRESH",
)
def refresh(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("CONCURRENTLY"):
        yield Hit("Refreshes a materialized view without blocking reads of it.", severity=RiskLevel.LOW)
    else:
        severity, size = by_rows(statement, (statement.targets or [""])[0], RiskLevel.HIGH)
        words = "Refreshes a materialized view, and blocks reads of it until that is done; CONCURRENTLY would not."
        yield Hit(f"{words} {size}", severity=severity)


@sql_rule("sql.lock_table", RiskLevel.HIGH, "A table is locked explicitly.", verbs="LOCK UNLOCK FLUSH")
def lock_table(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "FLUSH":
        if statement.has("READ", "LOCK") or statement.has("FOR", "EXPORT"):
            yield Hit("Locks all tables, or those named, against writes until they are unlocked.")
    elif statement.verb == "UNLOCK" or statement.has("ACCESS", "SHARE") or statement.has("ROW", "SHARE"):
        yield Hit("Gives back locks, or takes a lock that blocks hardly anybody.", severity=RiskLevel.LOW)
    else:
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
        if statement.dialect == "tsql" and keys[:2] == ["ALTER", "COLUMN"] and keys[3:4] not in (["ADD"], ["DROP"]):
            changes = True
        if changes or (keys[0] in ("MODIFY", "CHANGE") and statement.dialect != "postgres"):
            severity, size = by_rows(statement, statement.object_name, RiskLevel.HIGH)
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
        fills = {"DEFAULT", "GENERATED", "AS", "IDENTITY", "AUTO_INCREMENT"}.intersection(keys)
        if statement.dialect != "mysql" and _adds_column(keys) and "NOT NULL" in text and not fills:
            words = (
                f"Adds a NOT NULL column without a default to {statement.object_name}: this fails if it has any rows."
            )
            yield Hit(words, statement.line_at(index))


_OTHER_DEFAULTS = frozenset({"mysql", "sqlite", "tsql", "oracle"})
_VOLATILE = word_set(
    "RANDOM CLOCK_TIMESTAMP TIMEOFDAY GEN_RANDOM_UUID UUID_GENERATE_V4 UUID_GENERATE_V1 UUIDV4 UUIDV7 NEXTVAL "
    "SERIAL BIGSERIAL SMALLSERIAL IDENTITY"
)


def _calls_unknown(keys: list[str]) -> bool:
    """Return whether the default of a column calls a function that is not known to be the same for all rows."""
    if "DEFAULT" not in keys:
        return False
    rest = keys[keys.index("DEFAULT") :]
    calls = [before.lower() for before, after in pairwise(rest) if after == "(" and before.isidentifier()]
    return any(name not in HARMLESS_FUNCTIONS and name not in ("default", "check", "references") for name in calls)


@sql_rule(
    "sql.alter.default",
    RiskLevel.HIGH,
    "A column with a default is added; servers of this version rewrite the table for it.",
    verbs="ALTER",
)
def default_of_old_server(statement: SqlStatement) -> Iterator[Hit]:
    since = {"postgres": 11.0, "mysql": 8.0}.get(statement.dialect, 0.0)
    version = statement.context.version
    if version is None or version >= since:
        return
    for index, keys in _alterations(statement):
        if _adds_column(keys) and (statement.dialect == "mysql" or _has_default(keys)):
            severity, size = by_rows(statement, statement.object_name, RiskLevel.HIGH)
            words = f"Before version {since:g}, this rewrites {statement.object_name} while others wait. {size}"
            yield Hit(words, statement.line_at(index), severity)


def _has_default(keys: list[str]) -> bool:
    return "DEFAULT" in keys and keys[keys.index("DEFAULT") + 1 :][:1] != ["NULL"]


@sql_rule(
    "sql.alter.volatile_default",
    RiskLevel.HIGH,
    "A column whose default differs from row to row is added; the table is rewritten.",
    verbs="ALTER",
)
def volatile_default(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if statement.dialect in _OTHER_DEFAULTS and "STORED" not in keys:
            continue
        if _adds_column(keys) and (_VOLATILE.intersection(keys) or "STORED" in keys or _calls_unknown(keys)):
            severity, size = by_rows(statement, statement.object_name, RiskLevel.HIGH)
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
        if not _checks_rows(statement, keys):
            continue
        severity, size = by_rows(statement, statement.object_name, RiskLevel.HIGH)
        advice = (
            "build the index CONCURRENTLY first and add it USING INDEX"
            if "UNIQUE" in keys or "PRIMARY" in keys
            else "add it NOT VALID and validate it later"
        )
        words = f"Checks every row of {statement.object_name} while writes are blocked; {advice}. {size}"
        yield Hit(words, statement.line_at(index), severity)


def _checks_rows(statement: SqlStatement, keys: list[str]) -> bool:
    """Return whether an action adds a constraint that all rows are checked for."""
    if keys[0] == "WITH" and "ADD" in keys:
        return keys[1] != "NOCHECK"
    if keys[0] != "ADD" or not keys[1:2]:
        return False
    text = " ".join(keys)
    if "NOT VALID" in text or "USING INDEX" in text or "NOVALIDATE" in keys:
        return False
    if keys[1] in _CONSTRAINT_WORDS:
        return statement.dialect != "mysql" or keys[1] not in ("INDEX", "KEY", "UNIQUE")
    inline = {"REFERENCES", "CHECK", "UNIQUE"} | ({"PRIMARY"} if "KEY" in keys else set())
    return keys[1] != "PARTITION" and statement.dialect != "sqlite" and bool(inline.intersection(keys))


@sql_rule(
    "sql.alter.set_not_null",
    RiskLevel.HIGH,
    "SET NOT NULL reads the whole table under an exclusive lock.",
    verbs="ALTER",
)
def set_not_null(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if keys[0] == "ALTER" and "SET NOT NULL" in " ".join(keys):
            column = statement.tokens[index + (2 if keys[1:2] == ["COLUMN"] else 1)].text.lower()
            if (statement.object_name.lower(), column) in statement.context.checked and not _is_old(statement):
                words = "A validated CHECK shows that no value is NULL, so the table is not read."
                yield Hit(words, statement.line_at(index), RiskLevel.MEDIUM)
                continue
            severity, size = by_rows(statement, statement.object_name, RiskLevel.HIGH)
            words = (
                f"Reads all of {statement.object_name} under an exclusive lock, and fails if any value is NULL. {size}"
            )
            yield Hit(words, statement.line_at(index), severity)


def _is_old(statement: SqlStatement) -> bool:
    return statement.context.version is not None and statement.context.version < 12


@sql_rule("sql.alter.rewrite", RiskLevel.HIGH, "The table is rewritten under an exclusive lock.", verbs="ALTER")
def rewrite(statement: SqlStatement) -> Iterator[Hit]:
    for index, keys in _alterations(statement):
        if keys[0] == "SET" and keys[1:2] and keys[1] in ("TABLESPACE", "LOGGED", "UNLOGGED", "ACCESS"):
            severity, size = by_rows(statement, statement.object_name, RiskLevel.HIGH)
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
    moves = statement.find("SET", "SCHEMA") if statement.verb == "ALTER" else -1
    if moves > 0 and statement.object in ("TABLE", "VIEW", "FUNCTION", "PROCEDURE", "TYPE", "SEQUENCE", "MATERIALIZED"):
        words = f"Moves {statement.object_name} to another schema; programs that use the old name fail at once."
        yield Hit(words, statement.line_at(moves))
    if place >= 0 and statement.object != "INDEX" and statement.keys[place : place + 2] not in (
        ["RENAME", "INDEX"], ["RENAME", "KEY"], ["RENAME", "CONSTRAINT"],
    ):  # fmt: skip
        yield Hit("Renames an object; every program that uses the old name fails at once.", statement.line_at(place))


@sql_rule("sql.alter", RiskLevel.MEDIUM, "The definition of an object is changed.", verbs="ALTER")
def alter(statement: SqlStatement) -> Iterator[Hit]:
    kind = statement.object.lower() or "object"
    if kind == "session":
        yield Hit("Changes a setting for the rest of this session.", severity=RiskLevel.SAFE)
        return
    yield Hit(
        f"Changes the {kind} {statement.object_name}; this waits for running queries, and blocks later ones meanwhile."
    )
