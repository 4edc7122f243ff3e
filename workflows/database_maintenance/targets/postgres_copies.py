"""Copies of tables for trials: temporary tables of the session, which block nobody and end with it.

A table up to the row limit of the input is copied whole. Of a larger one, the copy is a sample; where queries join it
with another sampled table, the sample consists of the rows that belong to that one's rows, because two samples that are
taken separately have hardly a row in common to join.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from workflows.database_maintenance.joins import Join, Side
from workflows.database_maintenance.model import Schema, Table, TrialError
from workflows.database_maintenance.sqltext import normal, parse_query, quote
from workflows.database_maintenance.targets.postgres_query import silence_event_triggers

if TYPE_CHECKING:
    from workflows.database_maintenance.targets.postgres import PostgresTarget

_SAMPLE_ROWS = (50_000, 200_000)
"""Minimum and maximum rows of a sample."""
_MOST_ROWS = 4
"""A sample by a join has at most this many times the wanted rows."""
_LOCK_WAIT, _TIMEOUT = "2s", "10min"
_COMPARABLE = ("smallint", "integer", "bigint", "uuid", "text", "date", "numeric", "character varying")
"""Types that are compared by the server's own functions only."""


@dataclass(frozen=True)
class Copy:
    """A copy of a table; `scale` is how many rows of the table one of its rows stands for."""

    name: str
    table: Table
    scale: float
    joined_to: str = ""

    @property
    def place(self) -> str:
        """The copy's name as statements use it."""
        return f"pg_temp.{self.name}"

    @property
    def in_words(self) -> str:
        """How trials on it are to be understood."""
        if self.scale <= 1:
            return "measured on a whole copy of the table"
        rows = f"estimated on a copy of one row in {self.scale:,.1f}"
        return f"{rows}, those that join the copy of {self.joined_to}" if self.joined_to else rows


class Copies:
    """The copies that a session has made so far."""

    def __init__(self, target: PostgresTarget) -> None:
        self._target = target
        self._made: dict[str, Copy] = {}

    def of(self, tables: Sequence[Table], joins: Sequence[Join]) -> dict[str, Copy]:
        """Return copies of tables by the tables' names; those that do not exist yet are made.

        Raises:
            TrialError: a table cannot be copied, or copying it would call something that may do more than compute.
        """
        limit = self._target.settings.trial_rows
        missing = [table for table in tables if table.name not in self._made]
        for table in (table for table in missing if table.rows <= limit):
            self._make(table)
        large = [table for table in missing if table.rows > limit]
        while large:
            table, join = self._next(large, joins)
            large.remove(table)
            self._make(table, join)
        return {table.name: self._made[table.name] for table in tables}

    def _next(self, large: list[Table], joins: Sequence[Join]) -> tuple[Table, tuple[Side, Side] | None]:
        """Return a table that joins one that is sampled already, or else the one that most others refer to."""
        sampled = {copy.table.name for copy in self._made.values() if copy.scale > 1}
        for table in large:
            for join in joins:
                sides = join.from_table(table.name)
                if sides and sides[1].table in sampled and self._comparable(table, sides):
                    return table, sides
        return min(large, key=lambda table: (-_references(table, joins), -table.rows, table.name)), None

    def _comparable(self, table: Table, sides: tuple[Side, Side]) -> bool:
        kinds = (table.columns[sides[0].column], self._made[sides[1].table].table.columns[sides[1].column])
        return all(kind.split("(")[0] in _COMPARABLE for kind in kinds)

    def _make(self, table: Table, join: tuple[Side, Side] | None = None) -> None:
        self._target.require_plain(table.name)
        try:
            try:
                self._made[table.name] = self._copied(table, join)
            except (psycopg.DataError, psycopg.ProgrammingError):
                if join is None:
                    raise
                self._made[table.name] = self._copied(table, None)
        except psycopg.Error as error:
            if self._target.connection.closed:
                raise
            reason = error.diag.message_primary or type(error).__name__
            raise TrialError(f"{table.name} cannot be copied for trials: {reason}") from error

    def _copied(self, table: Table, join: tuple[Side, Side] | None) -> Copy:
        name = f"assent_copy_{len(self._made) + 1}"
        source = f"{quote(table.schema_name)}.{quote(table.bare)}"
        with self._target.connection.transaction():
            silence_event_triggers(self._target.connection)
            for setting in (f"lock_timeout = '{_LOCK_WAIT}'", f"statement_timeout = '{_TIMEOUT}'"):
                self._execute(f"SET LOCAL {setting}")
            # Names must not resolve to functions of the database's users.
            self._execute("SET LOCAL search_path = pg_catalog")
            self._execute(f"CREATE TEMPORARY TABLE {name} (LIKE {source} INCLUDING INDEXES)")
            self._execute(f"INSERT INTO pg_temp.{name} SELECT t.* FROM ONLY {source} AS t{self._part(table, join)}")  # noqa: S608 - quoted catalogue names
            self._execute(f"ANALYZE pg_temp.{name}")
            if role := self._target.measuring_role:
                grant = sql.SQL("GRANT SELECT ON {} TO {}")
                self._target.connection.execute(grant.format(sql.Identifier("pg_temp", name), sql.Identifier(role)))
            row = self._target.connection.execute(f"SELECT count(*) FROM pg_temp.{name}".encode()).fetchone()  # noqa: S608
        scale = table.rows / max(1, row[0] if row else 1)
        whole = table.rows <= self._target.settings.trial_rows
        return Copy(name, table, 1.0 if whole else max(scale, 1.0), join[1].table if join else "")

    def _part(self, table: Table, join: tuple[Side, Side] | None) -> str:
        """Return the clause that selects a part of a large table; empty for a small one."""
        limit = self._target.settings.trial_rows
        if table.rows <= limit:
            return ""
        wanted = max(_SAMPLE_ROWS[0], min(limit, _SAMPLE_ROWS[1]))
        if join is None:
            share = min(100.0, 100.0 * wanted / table.rows)
            return f" TABLESAMPLE SYSTEM ({share:.6f}) REPEATABLE (7)" if share < 100 else ""
        own, other = join
        partner = f"SELECT p.{quote(other.column)} FROM {self._made[other.table].place} AS p"  # noqa: S608
        return f" WHERE t.{quote(own.column)} IN ({partner}) LIMIT {_MOST_ROWS * wanted}"

    def _execute(self, statement: str) -> None:
        self._target.connection.execute(statement.encode())


def _references(table: Table, joins: Iterable[Join]) -> int:
    """Return how many joins refer to a table by a column that identifies its rows."""
    unique = {index.keys[0] for index in table.indexes if index.unique and len(index.keys) == 1}
    pairs = [sides for join in joins if (sides := join.from_table(table.name))]
    return sum(normal(quote(own.column), "postgres") in unique for own, _ in pairs)


def reading_copies(text: str, schema: Schema, copies: dict[str, Copy]) -> str:
    """Return a query that reads the copies in place of their tables. Everything else stays as it is written."""
    tree = parse_query(text, "postgres")
    try:
        scopes = traverse_scope(tree)
    except SqlglotError as error:
        raise TrialError("its tables cannot be told apart") from error
    edits: dict[int, tuple[int, str]] = {}
    for scope in scopes:
        for mention in scope.tables:
            table = schema.find(mention.name, mention.db)
            is_real = isinstance(scope.sources.get(mention.alias_or_name), exp.Table)
            if is_real and table and table.name in copies:
                alias = "" if mention.alias else f" AS {quote(mention.name)}"
                _replace(edits, mention.parts, copies[table.name].place + alias)
    for column in tree.find_all(exp.Column):
        table = schema.find(column.table, column.db) if column.db else None
        if table and table.name in copies:
            # The copy has another schema; its alias is the table's name.
            _replace(edits, column.parts[:-1], quote(column.table))
    for start in sorted(edits, reverse=True):
        end, replacement = edits[start]
        text = text[:start] + replacement + text[end:]
    return text


def _replace(edits: dict[int, tuple[int, str]], parts: list[exp.Expr], replacement: str) -> None:
    first, last = parts[0].meta.get("start"), parts[-1].meta.get("end")
    if first is not None and last is not None:
        edits[first] = (last + 1, replacement)
