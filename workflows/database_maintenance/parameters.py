"""Fills in the parameters of normalized queries.

pg_stat_statements shows ``customer_id = $1``. To measure such a query, each parameter gets a typical value of the
column it is compared with, from the target's own statistics.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from workflows.database_maintenance.model import Schema
from workflows.database_maintenance.sqltext import literal, parse_query

_DOLLAR = re.compile(r"\$(\d+)(?:\s*/\*, \.\.\. \*/)?")
_NAMED = re.compile(r":assent_p(\d+)\b")
_POSITION = {exp.GT: 0.95, exp.GTE: 0.95, exp.LT: 0.05, exp.LTE: 0.05}

ValueAt = Callable[[str, str, float], str | None]
"""Takes a table, a column, and a position from 0 (smallest) to 1 (largest); returns a value of the column as text."""


def fill_parameters(sql: str, schema: Schema, dialect: str, value_at: ValueAt) -> str | None:
    """Return the query with literals in place of every ``$n``; None if a parameter's meaning cannot be determined."""
    if not _DOLLAR.search(sql):
        return sql
    named = _DOLLAR.sub(lambda match: f":assent_p{match[1]}", sql)
    try:
        tree = parse_query(named, dialect)
    except ValueError:
        return None
    values: dict[str, str] = {}
    for placeholder in tree.find_all(exp.Placeholder):
        value = _value_for(placeholder, tree, schema, value_at)
        if value is None:
            return None
        values[placeholder.name.removeprefix("assent_p")] = value
    try:
        return _NAMED.sub(lambda match: values[match[1]], named)
    except KeyError:
        return None


def _value_for(placeholder: exp.Placeholder, tree: exp.Expr, schema: Schema, value_at: ValueAt) -> str | None:
    parent = placeholder.parent
    if isinstance(parent, exp.Limit):
        return "20"
    if isinstance(parent, exp.Offset):
        return "0"
    position = _POSITION.get(type(parent), 0.5) if isinstance(parent, exp.Binary) else 0.5
    if isinstance(parent, exp.Between):
        column, position = parent.this, 0.45 if parent.args.get("low") is placeholder else 0.55
    elif isinstance(parent, exp.In):
        column = parent.this
    elif isinstance(parent, exp.Binary):
        on_left = parent.this is placeholder
        column = parent.expression if on_left else parent.this
        position = 1 - position if on_left else position
    else:
        return None
    if isinstance(column, exp.Lower | exp.Upper):
        column = column.this
    if not isinstance(column, exp.Column):
        return None
    table = _table_of(column, tree, schema)
    value = value_at(table, column.name, position) if table else None
    return None if value is None else literal(value)


def _table_of(column: exp.Column, tree: exp.Expr, schema: Schema) -> str | None:
    mentioned = [
        table
        for node in tree.find_all(exp.Table)
        if (not column.table or node.alias_or_name == column.table)
        and (table := schema.find(node.name, node.db)) is not None
        and table.column(column.name)
    ]
    return mentioned[0].name if mentioned else None
