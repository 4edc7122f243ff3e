"""Writes to rows that are named by a key, such as ``WHERE id = 7``: few rows, whatever words stand around them."""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp

from app.risk.sql.parsing import SQLGLOT_NAMES

LONGEST = 4_000
"""Longer texts are not looked at."""
_KEYS = re.compile(r"(?:^|_)(?:id|ids|uuid|guid|pk|key|sku|slug|email|number|no)$|[a-z](?:Id|ID|Key|Uuid)$", re.I)
_TELLING = re.compile(r"role|admin|super|perm|priv|grant|pass|secret|token|hash|salt|key", re.I)
"""Parts of the names of columns and tables about rights and secrets, where one row may be too many."""
_OTHERS = (exp.Select, exp.Insert, exp.Transaction, exp.Commit)


def writes_named_rows(text: str, dialect: str) -> bool:
    """Return True if each statement changes or deletes rows named by their key at most, none about rights or secrets.

    Args:
        dialect: Our name of the dialect; empty if it is unknown.
    """
    if len(text) > LONGEST:
        return False
    try:
        trees = sqlglot.parse(text, read=SQLGLOT_NAMES.get(dialect))
    except Exception:  # whatever the parser fails on: then it is not known
        return False
    return any(map(_is_write, trees)) and all(
        _is_by_key(tree) if _is_write(tree) else isinstance(tree, _OTHERS) for tree in trees if tree is not None
    )


def _is_write(tree: Any) -> bool:
    return isinstance(tree, exp.Update | exp.Delete)


def _is_by_key(tree: Any) -> bool:
    where = tree.args.get("where")
    if where is None or tree.find(exp.Subquery, exp.Select, exp.Join):
        return False
    if _TELLING.search(tree.this.name) or any(_TELLING.search(change.this.name) for change in _changes(tree)):
        return False
    condition = where.this.unnest()
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    return any(map(_names_a_key, parts))


def _changes(tree: Any) -> list[Any]:
    return [change for change in tree.args.get("expressions") or [] if isinstance(change, exp.EQ)]


def _names_a_key(part: Any) -> bool:
    part = part.unnest()
    if isinstance(part, exp.EQ):
        column, values = part.this, [part.expression]
    elif isinstance(part, exp.In) and not part.args.get("query"):
        column, values = part.this, part.expressions
    else:
        return False
    simple = (exp.Literal, exp.Placeholder, exp.Parameter, exp.Neg)
    return (
        isinstance(column, exp.Column)
        and bool(_KEYS.search(column.name))
        and bool(values)
        and all(isinstance(value, simple) for value in values)
    )
