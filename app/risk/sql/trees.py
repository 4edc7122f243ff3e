"""Parts of parsed conditions: the queries within them, and which columns are theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from app.risk.sql.alternatives import bare


def hidden(column: exp.Column, condition: Any, table: str) -> bool:
    """Return whether a query between a column and the condition has a table of the column's qualifier."""
    query = column.find_ancestor(exp.Select)
    while query is not None and query is not condition.parent_select:
        if any(source.alias_or_name.lower() == table for source in sources(query)):
            return True
        query = query.find_ancestor(exp.Select)
    return False


def sources(query: Any) -> Iterator[Any]:
    """Yield what a query reads: tables and queries within it."""
    source = query.args.get("from_")
    if source is not None:
        yield source.this
        yield from (join.this for join in source.this.args.get("joins") or [])
    yield from (join.this for join in query.args.get("joins") or [])


def is_outside(column: Any, condition: Any) -> bool:
    """Return whether a column is not inside a query within the condition."""
    node = column
    while node is not condition and node is not None:
        if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
            return False
        node = node.parent
    return not isinstance(condition, exp.Query)


def is_query(node: Any) -> bool:
    """Return whether a node is a query, perhaps in parentheses."""
    return isinstance(query_of(node), exp.Query)


def query_of(node: Any) -> Any:
    """Return a node without the parentheses around it."""
    while isinstance(node, (exp.Subquery, exp.Paren)):
        node = node.this
    return node


def name_of(node: Any) -> str:
    """Return the name of a column or a function in lower case; empty for anything else."""
    node = bare(node)
    return node.name.lower() if isinstance(node, (exp.Column, exp.Alias, exp.Anonymous)) else ""
