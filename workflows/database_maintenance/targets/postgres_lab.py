"""Trials on PostgreSQL: everything happens in one transaction that is rolled back.

A small table is used directly; building an index on it blocks its writers until the attempt is undone. For a large
one, a sampled temporary copy is used, which hides it in PostgreSQL's name lookup, and blocks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlglot import exp

from workflows.database_maintenance.model import Candidate, Measurement, Query, Schema, Table, TrialError
from workflows.database_maintenance.sqltext import parse_one, quote
from workflows.database_maintenance.targets.base import NeedsCopyError
from workflows.database_maintenance.targets.postgres_query import silence_event_triggers, trusted_path

if TYPE_CHECKING:
    from workflows.database_maintenance.targets.postgres import PostgresTarget

_LOCK_WAIT = "2s"
_SAMPLE_ROWS = (50_000, 200_000)
"""Minimum and maximum rows of a sampled copy."""


class PostgresLab:
    """An open trial transaction; see `targets.base.Lab`."""

    def __init__(self, target: PostgresTarget, schema: Schema) -> None:
        self._target = target
        self._connection = target.connection
        self._schema = schema
        self._scale: dict[str, float] = {}

    @classmethod
    @contextmanager
    def opened(cls, target: PostgresTarget, tables: Sequence[str], copies: set[str]) -> Iterator[PostgresLab]:
        """Open a lab for `tables`; those in `copies`, and those over the trial limit, are sampled."""
        lab = cls(target, target.schema())
        with target.connection.transaction(force_rollback=True):
            silence_event_triggers(target.connection)
            lab._execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
            for name in dict.fromkeys(tables):
                table = lab._schema.tables[name]
                if name in copies or table.rows > target.settings.trial_rows:
                    lab._sample(table)
                elif not table.analyzed:
                    target.require_plain(table.name)
                    lab._execute(f"ANALYZE {name}")
            yield lab

    def method_for(self, table: str) -> str:
        if table not in self._scale:
            return "built on the table and rolled back"
        return (
            f"built on a copy of one row in {self._scale[table]:.1f}" if self._scale[table] > 1 else "built on a copy"
        )

    @contextmanager
    def attempt(self) -> Iterator[None]:
        with self._connection.transaction(force_rollback=True):
            yield

    def build(self, candidate: Candidate) -> int:
        table = self._schema.tables[candidate.table]
        place = f"{'pg_temp' if candidate.table in self._scale else quote(table.schema_name)}.{quote(table.bare)}"
        try:
            with self._connection.transaction():
                # A user's function may have the same name as the one that the query calls.
                self._execute("SET LOCAL search_path = pg_catalog")
                self._execute(f"CREATE INDEX {quote(candidate.id)} ON {place} ({', '.join(candidate.keys)})")
                self._connection.execute("SELECT set_config('search_path', %s, true)", (self._target.search_path,))
        except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege) as error:
            raise NeedsCopyError(candidate.table) from error
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise TrialError(error.diag.message_primary or type(error).__name__) from error
        with trusted_path(self._connection):
            row = self._connection.execute(
                "SELECT pg_relation_size(i.indexrelid), i.indcheckxmin FROM pg_index i "
                "JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = %s AND i.indrelid = %s::regclass",
                (candidate.id, place),
            ).fetchone()
        assert row is not None
        if row[1]:
            # Recently updated rows prevent the planner from using an index that was built in the same transaction.
            raise NeedsCopyError(candidate.table)
        if any("(" in key for key in candidate.keys):
            # Without statistics of the expression, the planner guesses how many rows it finds.
            if candidate.table not in self._scale:
                self._target.require_plain(table.name)
            self._execute(f"ANALYZE {place}")
        return round(row[0] * self._scale.get(candidate.table, 1.0))

    def measure(self, query: Query) -> Measurement:
        text = self._unqualified(query.sql) if self._scale else query.sql
        return self._target.measure_text(text)

    def _sample(self, table: Table) -> None:
        """Hide the table behind a sampled copy with the same indexes."""
        self._target.require_plain(table.name)
        wanted = max(_SAMPLE_ROWS[0], min(self._target.settings.trial_rows, _SAMPLE_ROWS[1]))
        copy = f"pg_temp.{quote(table.bare)}"
        share = min(100.0, 100.0 * wanted / max(table.rows, 1))
        sampling = f" TABLESAMPLE SYSTEM ({share:.6f}) REPEATABLE (7)" if share < 100 else ""
        source = f"{quote(table.schema_name)}.{quote(table.bare)}"
        self._execute(f"CREATE TEMPORARY TABLE {quote(table.bare)} (LIKE {source} INCLUDING INDEXES) ON COMMIT DROP")
        self._execute(f"INSERT INTO {copy} SELECT * FROM ONLY {source}{sampling}")  # noqa: S608 - quoted catalogue names
        self._execute(f"ANALYZE {copy}")
        if role := self._target.measuring_role:
            self._connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.SQL(copy), sql.Identifier(role)))
        with trusted_path(self._connection):
            row = self._connection.execute(f"SELECT count(*) FROM {copy}".encode()).fetchone()  # noqa: S608
        self._scale[table.name] = table.rows / max(1, row[0] if row else 1)

    def _unqualified(self, text: str) -> str:
        """Return the query without schema names for sampled tables, so that it reads the copies."""
        tree = parse_one(text, "postgres")
        named = [table for table in tree.find_all(exp.Table) if table.db]
        if not named:
            return text
        for mention in named:
            table = self._schema.find(mention.name, mention.db)
            if table and table.name in self._scale:
                mention.set("db", None)
        return tree.sql(dialect="postgres")

    def _execute(self, statement: str) -> None:
        self._connection.execute(statement.encode())
