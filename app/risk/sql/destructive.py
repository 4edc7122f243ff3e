"""Rules for loss of data: dropped objects, emptied tables, and writes that affect too many rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.conditions import Reach
from app.risk.sql.holdings import lost_with
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_GONE = "Only a backup can restore it."


@sql_rule("sql.drop.table", RiskLevel.CRITICAL, "A table is dropped with all its rows.", verbs="DROP")
def drop_table(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "TABLE" and statement.keys[1:2] == ["FOREIGN"]:
        words = f"Drops the foreign table {statement.object_name}; its rows remain on the other server."
        yield Hit(words, severity=RiskLevel.HIGH)
    elif statement.object == "TABLE":
        yield Hit(f"Drops the table {statement.object_name} with all its rows, indexes, and grants. {_GONE}")


@sql_rule("sql.drop.database", RiskLevel.CRITICAL, "A whole database is dropped.", verbs="DROP")
def drop_database(statement: SqlStatement) -> Iterator[Hit]:
    if (statement.object == "DATABASE" and not statement.has("LINK")) or (
        statement.object == "SCHEMA" and statement.dialect == "mysql"
    ):
        yield Hit(f"Drops the database {statement.object_name} and everything in it. {_GONE}")


@sql_rule("sql.drop.schema", RiskLevel.CRITICAL, "A schema is dropped.", verbs="DROP")
def drop_schema(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "SCHEMA" and statement.dialect != "mysql":
        yield Hit(f"Drops the schema {statement.object_name}; with CASCADE, every table in it as well. {_GONE}")


@sql_rule("sql.drop.owned", RiskLevel.CRITICAL, "Everything that a role owns is dropped.", verbs="DROP")
def drop_owned(statement: SqlStatement) -> Iterator[Hit]:
    if statement.starts("DROP", "OWNED"):
        yield Hit(f"Drops every object that the role owns in this database, including tables. {_GONE}")


_MINOR = word_set("statistics comment")
_OTHER_RULES = word_set(
    "TABLE DATABASE SCHEMA OWNED INDEX ROLE USER GROUP POLICY COLUMN LOGIN EXTENSION SERVER SUBSCRIPTION"
)


@sql_rule(
    "sql.drop.object", RiskLevel.HIGH, "A view, function, trigger, sequence, or other object is dropped.", verbs="DROP"
)
def drop_object(statement: SqlStatement) -> Iterator[Hit]:
    kind = statement.object.lower() or "object"
    if lost := lost_with(statement):
        name = statement.object_name or kind
        yield Hit(f"Drops {name} with {lost}. {_GONE}", severity=RiskLevel.CRITICAL)
    elif kind in ("type", "domain") and statement.has("CASCADE"):
        words = f"Drops the {kind} {statement.object_name}, and every column of that type with its data. {_GONE}"
        yield Hit(words, severity=RiskLevel.CRITICAL)
    elif kind in _MINOR:
        yield Hit(f"Drops the {kind} {statement.object_name}.", severity=RiskLevel.MEDIUM)
    elif statement.object not in _OTHER_RULES:
        yield Hit(f"Drops the {kind} {statement.object_name}; everything that uses it fails from then on.")


@sql_rule(
    "sql.drop.cascade",
    RiskLevel.HIGH,
    "CASCADE also affects everything that depends on the object.",
    verbs="DROP ALTER TRUNCATE",
)
def cascade(statement: SqlStatement) -> Iterator[Hit]:
    place = statement.find("CASCADE")
    # In a foreign key (ON DELETE CASCADE), it says what later deletes do.
    if place > 0 and statement.keys[place - 1] not in ("DELETE", "UPDATE"):
        words = (
            "CASCADE also affects everything that depends on the object, without naming it; check what that is first."
        )
        yield Hit(words, statement.line_at(place))


@sql_rule("sql.drop.column", RiskLevel.CRITICAL, "A column is dropped with its data.", verbs="ALTER")
def drop_column(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE":
        return
    for index, keys in statement.actions():
        if keys[0] != "DROP" or keys[1:2] in (
            ["CONSTRAINT"],
            ["PRIMARY"],
            ["FOREIGN"],
            ["INDEX"],
            ["KEY"],
            ["PARTITION"],
            ["CHECK"],
            ["ROW"],
            ["ALL"],
            ["MASKING"],
            ["PERIOD"],
            ["SUPPLEMENTAL"],
        ):
            continue
        if "POLICY" in keys or "POLICIES" in keys:
            continue
        name = statement.name_after(index + (2 if keys[1:2] == ["COLUMN"] else 1))
        yield Hit(
            f"Drops the column {name} of {statement.object_name} with its data. {_GONE}", statement.line_at(index)
        )


@sql_rule(
    "sql.drop.constraint", RiskLevel.MEDIUM, "A constraint is dropped; invalid data can be stored.", verbs="ALTER"
)
def drop_constraint(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE":
        return
    for index, keys in statement.actions():
        if keys[0] == "DROP" and keys[1:2] and keys[1] in ("CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK"):
            words = (
                f"Drops a constraint of {statement.object_name}; the database will accept data that it used to reject."
            )
            yield Hit(words, statement.line_at(index))


@sql_rule("sql.truncate", RiskLevel.CRITICAL, "A table is emptied.", verbs="TRUNCATE")
def truncate(statement: SqlStatement) -> Iterator[Hit]:
    if statement.name_after(1).lower().startswith("performance_schema."):
        yield Hit("Sets counters of the server back to nothing.", severity=RiskLevel.MEDIUM)
    elif len(statement.keys) > 1 and statement.keys[1] != "(":  # MySQL has a function of that name
        yield Hit(f"Deletes all rows of {statement.name_after(1) or 'the table'} at once. {_GONE}")


@sql_rule("sql.delete.no_where", RiskLevel.CRITICAL, "DELETE without WHERE: every row is deleted.")
def delete_all(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if isinstance(write.node, exp.Delete) and statement.selected(write) is Reach.ALL and not _limited(write.node):
            yield Hit(f"Deletes every row of {write.table}: there is no WHERE. {_GONE}", write.line)
    if statement.verb == "DELETE" and not statement.understood and not statement.has("WHERE"):
        yield Hit(f"Apparently deletes every row: there is no WHERE. {_GONE}")


@sql_rule("sql.update.no_where", RiskLevel.CRITICAL, "UPDATE without WHERE: every row changes.")
def update_all(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if isinstance(write.node, exp.Update) and statement.selected(write) is Reach.ALL and not _limited(write.node):
            yield Hit(f"Changes every row of {write.table}: there is no WHERE. The old values are lost.", write.line)
    unread = statement.verb == "UPDATE" and not statement.understood and not statement.starts("UPDATE", "STATISTICS")
    if unread and not statement.has("WHERE"):
        yield Hit("Apparently changes every row: there is no WHERE. The old values are lost.")


@sql_rule(
    "sql.where.always_true", RiskLevel.CRITICAL, "The WHERE of a DELETE or UPDATE does not restrict it to some rows."
)
def always_true_where(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if statement.selected(write) is not Reach.ALL:
            continue
        if isinstance(write.node, exp.Merge) and _changes_matches(write.node):
            words = f"The condition joins every row of {write.table}: all of them can be changed. {_GONE}"
            yield Hit(words, write.line)
        elif isinstance(write.node, (exp.Delete, exp.Update)) and _limited(write.node):
            words = f"The condition does not pick out rows of {write.table}: it is as if there were none. {_GONE}"
            yield Hit(words, write.line)


@sql_rule(
    "sql.where.nearly_always_true",
    RiskLevel.HIGH,
    "The WHERE of a DELETE or UPDATE matches nearly every row.",
)
def nearly_always_true_where(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if isinstance(write.node, (exp.Delete, exp.Update)) and statement.selected(write) is Reach.NEARLY_ALL:
            words = (
                f"The condition holds for nearly every row of {write.table}, for example because keys are never NULL."
            )
            yield Hit(words, write.line)


def _limited(node: exp.Expression) -> bool:
    return node.args.get("where") is not None


def _changes_matches(node: exp.Expression) -> bool:
    return any(
        when.args.get("matched") and not isinstance(when.args.get("then"), exp.Insert)
        for when in node.find_all(exp.When)
    )


@sql_rule("sql.delete", RiskLevel.MEDIUM, "Rows are deleted.")
def delete(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        reach = statement.selected(write)
        if isinstance(write.node, exp.Delete) and (_limited(write.node) or reach is not Reach.ALL):
            words = f"Deletes the rows of {write.table} that match the condition. Count them first."
            yield Hit(words, write.line, RiskLevel.LOW if reach is Reach.NONE else None)


@sql_rule("sql.update", RiskLevel.MEDIUM, "Rows are changed.")
def update(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        reach = statement.selected(write)
        if isinstance(write.node, exp.Update) and (_limited(write.node) or reach is not Reach.ALL):
            words = f"Changes the rows of {write.table} that match the condition; the old values are not kept."
            yield Hit(words, write.line, RiskLevel.LOW if reach is Reach.NONE else None)


@sql_rule("sql.explain_writes", RiskLevel.HIGH, "EXPLAIN ANALYZE runs a statement that deletes or changes rows.")
def explain_writes(statement: SqlStatement) -> Iterator[Hit]:
    if statement.prefix == "EXPLAIN" and statement.verb != "EXPLAIN":
        for write in statement.writes:
            if not isinstance(write.node, exp.Insert):
                words = f"EXPLAIN ANALYZE runs the statement: it looks like a question, but changes {write.table}."
                yield Hit(words, write.line)
                return


@sql_rule("sql.insert", RiskLevel.LOW, "Rows are added.")
def insert(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if isinstance(write.node, exp.Insert) and not _replaces(statement, write.node):
            yield Hit(f"Adds rows to {write.table}.", write.line)


@sql_rule("sql.overwrite", RiskLevel.CRITICAL, "All rows of a table are replaced.")
def overwrite(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if isinstance(write.node, exp.Insert) and write.node.args.get("overwrite"):
            if statement.has("OVERWRITE", "DIRECTORY") or statement.has("LOCAL", "DIRECTORY"):
                yield Hit("Replaces all files of a folder by the result.", write.line, RiskLevel.HIGH)
                continue
            part = isinstance(write.node.this, exp.Table) and write.node.this.args.get("partition") is not None
            what = "a partition" if part or write.node.args.get("partition") else "the table"
            level = None if what == "the table" else RiskLevel.HIGH
            yield Hit(f"Replaces all rows of {what} {write.table} by others. {_GONE}", write.line, level)
    several = isinstance(statement.tree, exp.MultitableInserts) and statement.starts("INSERT", "OVERWRITE")
    if several or statement.starts("LOAD", "DATA", "OVERWRITE"):
        yield Hit(f"Replaces all rows of the tables by others. {_GONE}")


@sql_rule("sql.upsert", RiskLevel.MEDIUM, "Rows are added, and existing ones are overwritten.")
def upsert(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if (
            isinstance(write.node, exp.Insert)
            and _replaces(statement, write.node)
            and not write.node.args.get("overwrite")
        ):
            yield Hit(f"Adds rows to {write.table}, and overwrites existing ones.", write.line)


def _replaces(statement: SqlStatement, node: exp.Expression) -> bool:
    conflict: Any = node.args.get("conflict")
    if conflict is not None and (
        conflict.args.get("duplicate") or "UPDATE" in str(conflict.args.get("action") or "").upper()
    ):
        return True
    if node is statement.tree and statement.verb == "REPLACE":
        return True
    return bool(node.args.get("overwrite")) or str(node.args.get("alternative") or "").upper() == "REPLACE"


@sql_rule("sql.merge", RiskLevel.MEDIUM, "MERGE adds, changes, or deletes rows by comparison with another table.")
def merge(statement: SqlStatement) -> Iterator[Hit]:
    for write in statement.writes:
        if isinstance(write.node, exp.Merge):
            deletes = "DELETE" in statement.keys
            verbs = "Adds, changes, or deletes" if deletes else "Adds or changes"
            words = f"{verbs} rows of {write.table} by comparison with another table."
            level = RiskLevel.HIGH if deletes else None
            if _acts_without_source(write.node):
                words = f"Changes or deletes every row of {write.table} that the other table does not have. {_GONE}"
                level = RiskLevel.CRITICAL
            yield Hit(words, write.line, level)


def _acts_without_source(node: exp.Expression) -> bool:
    return any(
        when.args.get("source") and not when.args.get("condition") and not when.args.get("matched")
        for when in node.find_all(exp.When)
    )
