"""Parses CREATE INDEX statements, compares them with existing indexes, and refuses all other statements.

Reviewers may have edited the proposal, so approved statements are not trusted.
"""

from __future__ import annotations

from sqlglot import exp

from workflows.database_maintenance.model import Index, Schema, StatementRefused, Table
from workflows.database_maintenance.sqltext import folded, normal, normal_tree, parse_one, quote


class Definition(Index):
    """An index as a statement defines it. `schema_name` is the table's schema as written; empty: none."""

    schema_name: str = ""
    bare_table: str
    concurrently: bool = False
    if_not_exists: bool = False


def read_definition(statement: str, dialect: str) -> Definition:
    """Return the definition in a CREATE INDEX statement.

    Raises:
        StatementRefused: it is another statement, or several, or has no index name.
    """
    try:
        tree = parse_one(statement, dialect)
    except ValueError as error:
        raise StatementRefused(f"Not a CREATE INDEX statement: {error}.") from error
    if not isinstance(tree, exp.Create) or str(tree.args.get("kind")).upper() != "INDEX":
        raise StatementRefused("Only a CREATE INDEX statement may be run here.")
    index = tree.this
    table = index.args.get("table") if isinstance(index, exp.Index) else None
    if not isinstance(table, exp.Table):
        raise StatementRefused("The statement names no table.")
    if not index.name:
        raise StatementRefused("The index needs a name, so that it can be found and rolled back.")
    if table.args.get("catalog"):
        raise StatementRefused("The table is in another database.")
    if tree.find(exp.Query):
        raise StatementRefused("An index cannot contain a query.")
    params = index.args.get("params") or exp.IndexParameters()
    where = params.args.get("where")
    using = params.args.get("using")
    return Definition(
        name=folded(index.this, dialect),
        table=folded(table.this, dialect),
        bare_table=folded(table.this, dialect),
        schema_name=folded(table.args["db"], dialect) if table.args.get("db") else "",
        keys=[_key(column, dialect) for column in params.args.get("columns") or []],
        include=[normal_tree(column, dialect) for column in params.args.get("include") or []],
        where=normal_tree(where.this, dialect) if where else "",
        unique=bool(tree.args.get("unique")),
        method=using.name.lower() if using else "btree",
        concurrently=bool(tree.args.get("concurrently")),
        if_not_exists=bool(tree.args.get("exists")),
    )


def _key(column: exp.Expr, dialect: str) -> str:
    if not isinstance(column, exp.Ordered):
        return normal_tree(column, dialect)
    text = normal_tree(column.this, dialect)
    descending = bool(column.args.get("desc"))
    # sqlglot adds the dialect's default, too; only a deviation from it is part of the definition.
    first = bool(column.args.get("nulls_first"))
    default_first = descending if dialect == "postgres" else not descending
    return key_text(text, descending, first if first != default_first else None)


def key_text(text: str, descending: bool, nulls_first: bool | None = None) -> str:
    """One key of an index in normal form; `nulls_first` is set only if it deviates from the dialect's default."""
    nulls = "" if nulls_first is None else (" nulls first" if nulls_first else " nulls last")
    return text + (" desc" if descending else "") + nulls


def same(one: Index, other: Index) -> bool:
    """Return True if both index the same keys in the same way, whatever their names."""
    parts = ("keys", "include", "where", "unique", "method")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def covered_by(keys: list[str], existing: Index, dialect: str) -> bool:
    """Return True if an index on `keys` would add nothing to `existing`: the same keys, or a prefix of its keys."""
    if not existing.valid or existing.where or existing.method != "btree":
        return False
    wanted = [normal_key(key, dialect) for key in keys]
    backwards = [key[:-5] if key.endswith(" desc") else key + " desc" for key in wanted]
    # An index can be read from either end, so the same keys in the opposite directions are equivalent.
    return existing.keys[: len(wanted)] in (wanted, backwards)


def normal_key(key: str, dialect: str) -> str:
    """Return a key of a statement in normal form."""
    text, descending = (key[:-5], True) if key.lower().endswith(" desc") else (key, False)
    return key_text(normal(text, dialect), descending)


def locate(definition: Definition, schema: Schema, max_rows: int) -> Table:
    """Return the target's table that a definition is for.

    Raises:
        StatementRefused: there is no such table that may be examined, or it has more than `max_rows` rows.
    """
    table = schema.find(definition.bare_table, definition.schema_name)
    if table is None:
        raise StatementRefused(f"The target has no table {definition.bare_table!r} that may be modified.")
    if table.rows > max_rows:
        raise StatementRefused(f"{table.name} has {table.rows:,} rows; tables over {max_rows:,} rows are not modified.")
    return table


def create_statement(dialect: str, name: str, table: str, keys: list[str]) -> str:
    """Return the statement that creates an index, without blocking writers if the database supports that."""
    concurrently = " CONCURRENTLY" if dialect == "postgres" else ""
    return f"CREATE INDEX{concurrently} IF NOT EXISTS {quote(name)} ON {table} ({', '.join(keys)})"


def drop_statement(dialect: str, name: str, schema_name: str = "") -> str:
    """Return the statement that undoes it."""
    concurrently = " CONCURRENTLY" if dialect == "postgres" else ""
    prefix = f"{quote(schema_name)}." if schema_name else ""
    return f"DROP INDEX{concurrently} IF EXISTS {prefix}{quote(name)}"
