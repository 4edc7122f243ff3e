"""Which rows a write selects: its conditions, those of its joins and of the query that it writes through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot import exp

from app.risk.sql.conditions import Reach, Target, reach_of

FEW_ROWS = 10_000
"""A LIMIT up to this many rows restricts a write."""


def reach_of_write(node: Any, repeated: bool = False, rows: Mapping[str, str] | None = None) -> Reach:
    """Return how many rows of its target a DELETE, UPDATE, or MERGE changes; SOME for an INSERT.

    Args:
        node: The write.
        repeated: True if it stands in a loop, so that a LIMIT restricts only each turn.
        rows: Variables that take each row of a table in turn, with the table's name, both in lower case.
    """
    if isinstance(node, exp.Merge):
        return reach_of([node.args.get("on")], Target(_names(node.this)))
    if not isinstance(node, (exp.Delete, exp.Update)):
        return Reach.SOME
    if _is_few(node.args.get("limit")) and not repeated:
        return Reach.SOME
    names, sources = _target_names(node)
    twins = _whole_queries(node, names) | frozenset(
        variable for variable, table in (rows or {}).items() if table in names
    )
    reach = reach_of(_conditions(node, sources), Target(names, twins=twins, repeated=repeated))
    chosen = _chosen_by_query(node, names)
    return min(reach, chosen)


def _target_names(node: Any) -> tuple[set[str], list[Any]]:
    """Return the names of the table that is written, and the tables that it is joined with."""
    sources = [source for source in (node.args.get("from_"), *(node.args.get("using") or [])) if source is not None]
    tables = [source.this if isinstance(source, exp.From) else source for source in sources]
    written = [table for table in (node.args.get("tables") or []) if isinstance(table, exp.Table)] or [node.this]
    names: set[str] = set()
    for table in written:
        names |= _names(table)
    for table in [node.this, *tables, *(join.this for source in [node.this, *tables] for join in _joins(source))]:
        if isinstance(table, exp.Table) and _names(table) & names and table.alias:
            names |= _names(table)
    return names, [node.this, *tables]


def _names(table: Any) -> set[str]:
    return {table.name.lower(), table.alias_or_name.lower()} - {""} if isinstance(table, exp.Table) else set()


def _joins(source: Any) -> list[Any]:
    return (source.args.get("joins") or []) if isinstance(source, exp.Expression) else []


def _conditions(node: Any, sources: list[Any]) -> Iterator[Any]:
    where = node.args.get("where")
    if where is not None:
        yield where.this
    for source in sources:
        for join in _joins(source):
            if (join.side or "").upper() in ("LEFT", "RIGHT", "FULL"):
                continue
            if join.args.get("on") is not None:
                yield join.args["on"]
            elif join.args.get("using") or (join.method or "").upper() == "NATURAL":
                yield exp.column("joined")  # whatever has no partner is left alone


def _chosen_by_query(node: Any, names: set[str]) -> Reach:
    """Return how many rows a common table expression leaves of those that are written through it."""
    with_ = node.args.get("with_")
    for part in with_.expressions if with_ is not None else []:
        query = part.this
        if part.alias.lower() in names and isinstance(query, exp.Select):
            if _is_few(query.args.get("limit")) or _is_few(query.args.get("fetch")):
                return Reach.SOME
            source: Any = query.args.get("from_")
            where: Any = query.args.get("where")
            if where is not None and source is not None:
                return Target(_names(source.this)).reach(where.this)
    return Reach.ALL


def _whole_queries(node: Any, names: set[str]) -> frozenset[str]:
    """Return the names of common table expressions that have all rows of the table that is written."""
    with_ = node.args.get("with_")
    found = set()
    for part in with_.expressions if with_ is not None else []:
        query = part.this
        source: Any = query.args.get("from_") if isinstance(query, exp.Select) else None
        if source is None or not _names(source.this) & names or query.args.get("joins"):
            continue
        if not any(query.args.get(key) for key in ("where", "limit", "fetch", "group", "having", "qualify")):
            found.add(part.alias.lower())
    return frozenset(found)


def _is_few(limit: Any) -> bool:
    if not isinstance(limit, (exp.Limit, exp.Fetch)):
        return False
    if isinstance(limit, exp.Fetch) and (limit.args.get("limit_options") and "PERCENT" in limit.sql().upper()):
        return False
    count = limit.args.get("count") or limit.args.get("expression")
    if isinstance(count, exp.Literal) and not count.is_string:
        return float(count.name) <= FEW_ROWS
    return count is not None and not isinstance(count, exp.Null)
