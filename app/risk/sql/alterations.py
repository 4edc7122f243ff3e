"""Rules for changes to tables and indexes: partitions, and what MySQL, SQL Server, and Oracle do in their own ways."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.locking import by_rows, locks_explicitly
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_GONE = "Only a backup can restore it."


@sql_rule("sql.drop.partition", RiskLevel.CRITICAL, "A partition or a column is dropped with its data.", verbs="ALTER")
def drop_partition(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE":
        return
    for index, keys in statement.actions():
        line = statement.line_at(index)
        if keys[0] in ("DROP", "TRUNCATE", "REPLACE") and keys[1:2] in (["PARTITION"], ["SUBPARTITION"]):
            yield Hit(f"Deletes a partition of {statement.object_name} with all its rows. {_GONE}", line)
        elif keys[0] == "DISCARD" and "TABLESPACE" in keys:
            yield Hit(f"Deletes the file with the rows of {statement.object_name}. {_GONE}", line)
        elif keys[:2] == ["SET", "UNUSED"] or keys[:2] == ["DROP", "UNUSED"]:
            yield Hit(f"Takes columns of {statement.object_name} away with their data. {_GONE}", line)


_KEPT = word_set(
    "DATA_RETENTION_TIME_IN_DAYS EXPIRATION_TIMESTAMP PARTITION_EXPIRATION_DAYS DEFAULT_TABLE_EXPIRATION_DAYS "
    "MAX_DATA_EXTENSION_TIME_IN_DAYS NETWORK_POLICY DEFAULT_PARTITION_EXPIRATION_DAYS"
)


@sql_rule(
    "sql.retention", RiskLevel.HIGH, "How long data is kept, or from where one may connect, is changed.", verbs="ALTER"
)
def retention(statement: SqlStatement) -> Iterator[Hit]:
    name = next((key for key in statement.keys if key in _KEPT), "")
    if name:
        yield Hit(f"Sets {name.lower()}: data may go by itself, or be out of reach of what could bring it back.")


@sql_rule(
    "sql.partition",
    RiskLevel.HIGH,
    "Partitions are attached, detached, exchanged, or reorganized.",
    verbs="ALTER",
)
def partition(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE":
        return
    table = statement.object_name
    for index, keys in statement.actions():
        line = statement.line_at(index)
        if keys[0] == "DETACH":
            level = RiskLevel.MEDIUM if "CONCURRENTLY" in keys else None
            yield Hit(f"The rows of a partition are no longer in {table}, whose users wait meanwhile.", line, level)
        elif keys[0] == "ATTACH":
            level, size = by_rows(statement, table, RiskLevel.HIGH)
            yield Hit(f"Checks all rows of the new partition of {table} while it is locked. {size}", line, level)
        elif keys[0] == "SWITCH":
            yield Hit(f"Moves all rows of {table}, or of a partition, into another table.", line)
        elif keys[0] in _REORGANIZING and "PARTITION" in keys[1:3]:
            yield Hit(f"Moves or exchanges rows of partitions of {table}, whose users wait meanwhile.", line)
        elif keys[:2] == ["PARTITION", "BY"] or keys[:2] == ["REMOVE", "PARTITIONING"]:
            level, size = by_rows(statement, table, RiskLevel.HIGH)
            yield Hit(f"Copies all of {table} into other partitions while writes wait. {size}", line, level)


_REORGANIZING = word_set("EXCHANGE REORGANIZE COALESCE REBUILD OPTIMIZE REPAIR SPLIT MERGE MOVE ANALYZE CHECK IMPORT")
_COPIES = word_set(
    "ENGINE CONVERT ROW_FORMAT KEY_BLOCK_SIZE FORCE ORDER ENCRYPTION COMPRESSION TABLESPACE PACK_KEYS IMPORT"
)
_COPYING_ADDITIONS = word_set("FULLTEXT SPATIAL PRIMARY")


@sql_rule("sql.alter.copy", RiskLevel.HIGH, "The table is copied, and writes to it wait.", verbs="ALTER")
def copies_table(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE" or statement.dialect in ("postgres", "redshift", "sqlite"):
        return
    table = statement.object_name
    for index, keys in statement.actions():
        found = _copy_of(statement, keys)
        if keys[0] == "ENGINE" and "BLACKHOLE" in keys:
            yield Hit(f"All rows of {table} are lost: this engine keeps none.", severity=RiskLevel.CRITICAL)
        elif found:
            level, size = by_rows(statement, table, RiskLevel.HIGH)
            yield Hit(f"{found} {size}", statement.line_at(index), level)
    if statement.dialect in ("mysql", "") and locks_explicitly(statement):
        level, size = by_rows(statement, table, RiskLevel.HIGH)
        yield Hit(f"Asks for a copy of {table}, or for a lock that blocks writes. {size}", severity=level)


def _copy_of(statement: SqlStatement, keys: list[str]) -> str:
    table, dialect = statement.object_name, statement.dialect
    if dialect in ("mysql", ""):
        additions = keys[0] == "ADD" and keys[1:2] and keys[1] in _COPYING_ADDITIONS
        if keys[0] in _COPIES or additions or keys[:2] == ["DROP", "PRIMARY"]:
            return f"Copies {table} and builds its indexes again; writes wait."
    if dialect in ("oracle", "") and keys[0] in ("MOVE", "SHRINK") and "ONLINE" not in keys:
        return f"Moves all rows of {table} under a lock; its indexes may be unusable afterwards."
    if dialect in ("tsql", "") and keys[0] == "REBUILD" and " ".join(keys).find("ONLINE = ON") < 0:
        return f"Rebuilds {table} under a lock that blocks everybody."
    return ""


@sql_rule(
    "sql.alter.index", RiskLevel.MEDIUM, "An index is added, dropped, hidden, rebuilt, or disabled.", verbs="ALTER"
)
def alter_index(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "TABLE" and statement.dialect in ("mysql", ""):
        for index, keys in statement.actions():
            if keys[0] == "ADD" and keys[1:2] and keys[1] in ("INDEX", "KEY", "UNIQUE"):
                words = f"Builds an index on {statement.object_name}, mostly while writes go on."
                yield Hit(words, statement.line_at(index))
            elif keys[0] == "DROP" and keys[1:2] and keys[1] in ("INDEX", "KEY"):
                words = f"Drops an index of {statement.object_name}; queries that use it become slow."
                yield Hit(words, statement.line_at(index))
    elif statement.object == "INDEX" and statement.dialect not in ("postgres", "redshift", "sqlite"):
        if statement.has("REBUILD"):
            online = statement.has("ONLINE", "=", "ON") or statement.keys[-1:] == ["ONLINE"]
            words = "Builds the index again" + (
                " while others go on." if online else "; its table is blocked meanwhile."
            )
            yield Hit(words, severity=None if online else RiskLevel.HIGH)
        elif statement.has("DISABLE") or statement.has("UNUSABLE"):
            yield Hit("Queries that use the index become slow, or fail, from now on.", severity=RiskLevel.HIGH)
        elif statement.has("REORGANIZE") or statement.has("COALESCE"):
            yield Hit("Tidies the index while others go on.", severity=RiskLevel.LOW)


@sql_rule(
    "sql.constraint.disabled", RiskLevel.HIGH, "Constraints or the history of a table are turned off.", verbs="ALTER"
)
def constraint_disabled(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE" or statement.dialect in ("postgres", "sqlite", "redshift"):
        return
    for index, keys in statement.actions():
        text = " ".join(keys)
        off = keys[:2] == ["NOCHECK", "CONSTRAINT"] or text.startswith(
            ("DISABLE CONSTRAINT", "DISABLE PRIMARY", "DISABLE UNIQUE")
        )
        if off or "SYSTEM_VERSIONING = OFF" in text or text.startswith(("DISABLE NOVALIDATE", "DISABLE VALIDATE")):
            words = f"{statement.object_name} accepts data that it used to reject, or its history is no longer kept."
            yield Hit(words, statement.line_at(index))


@sql_rule("sql.domain", RiskLevel.HIGH, "A domain's rules change; every column of that type is checked.", verbs="ALTER")
def domain(statement: SqlStatement) -> Iterator[Hit]:
    stricter = statement.has("ADD") or statement.has("SET", "NOT", "NULL")
    if statement.object == "DOMAIN" and stricter and not statement.has("NOT", "VALID"):
        yield Hit(f"Reads every table with a column of type {statement.object_name}, while writes to them wait.")


@sql_rule("sql.enum", RiskLevel.HIGH, "A value or part of a type is renamed or dropped.", verbs="ALTER")
def enum(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "TYPE" and statement.has("DROP", "ATTRIBUTE"):
        words = f"Takes an attribute, with its data, from every column of type {statement.object_name}."
        yield Hit(words, severity=RiskLevel.CRITICAL)
