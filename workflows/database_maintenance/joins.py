"""Finds how queries join tables, so that samples of them can be taken that keep the joins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from workflows.database_maintenance.model import Query, Schema
from workflows.database_maintenance.sqltext import parse_query


@dataclass(frozen=True, order=True)
class Side:
    """A column of a table in a join, both as the catalog spells them."""

    table: str
    column: str


@dataclass(frozen=True, order=True)
class Join:
    """Two columns that a query requires to be equal."""

    left: Side
    right: Side

    def from_table(self, table: str) -> tuple[Side, Side] | None:
        """Return the table's own side and the other one; None if it is not part of the join."""
        if self.left.table == table:
            return self.left, self.right
        return (self.right, self.left) if self.right.table == table else None


def joins_of(queries: Iterable[Query], schema: Schema, dialect: str) -> list[Join]:
    """Return the joins of all queries, each once, in a fixed order. Queries that cannot be parsed are left out."""
    found: set[Join] = set()
    for query in queries:
        try:
            scopes = traverse_scope(parse_query(query.sql, dialect))
        except (ValueError, SqlglotError):
            continue
        for scope in scopes:
            found.update(_joins(scope, schema))
    return sorted(found)


def _joins(scope: Scope, schema: Schema) -> Iterator[Join]:
    for equality in scope.find_all(exp.EQ):
        sides = [_side(node, scope, schema) for node in (equality.this, equality.expression)]
        if sides[0] and sides[1] and sides[0].table != sides[1].table:
            yield Join(*sorted((sides[0], sides[1])))
    for using in scope.find_all(exp.Join):
        for identifier in using.args.get("using") or []:
            owners = [side for side in _owners(identifier.name, scope, schema) if side]
            yield from (Join(*sorted(pair)) for pair in pairwise(owners) if pair[0] != pair[1])


def _side(node: exp.Expr, scope: Scope, schema: Schema) -> Side | None:
    if not isinstance(node, exp.Column):
        return None
    owners = _owners(node.name, scope, schema, node.table)
    return owners[0] if len(owners) == 1 else None


def _owners(name: str, scope: Scope, schema: Schema, alias: str = "") -> list[Side]:
    """Return the columns of the scope's tables that a name may mean; in a subquery, also of those around it."""
    owners: list[Side] = []
    around: Scope | None = scope
    while around is not None and not owners:
        for source_alias, source in around.sources.items():
            table = schema.find(source.name, source.db) if isinstance(source, exp.Table) else None
            column = table.column(name) if table and alias in ("", source_alias) else None
            if table and column:
                owners.append(Side(table.name, column))
        around = around.parent
    return owners
