"""Trials on PostgreSQL: everything happens in one transaction that is rolled back.

Candidates are built on copies of the tables, which block nobody. Only if the input says so, they are built on the
tables themselves, which blocks their writers until the attempt is undone, and at most for the time that the input
allows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from workflows.database_maintenance.inputs import TrialPlace
from workflows.database_maintenance.joins import Join
from workflows.database_maintenance.model import Candidate, Measurement, Query, Schema, Table, TrialError
from workflows.database_maintenance.sqltext import quote
from workflows.database_maintenance.targets.base import NeedsCopyError
from workflows.database_maintenance.targets.postgres_copies import Copy, reading_copies
from workflows.database_maintenance.targets.postgres_query import silence_event_triggers, trusted_path

if TYPE_CHECKING:
    from workflows.database_maintenance.targets.postgres import PostgresTarget

_ELSEWHERE = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.QueryCanceled,
)
"""Errors that end a trial on the table itself, but not one on a copy."""
_LOCK_WAIT_MS = 2_000
_FROZEN_S = 30
"""A session that does nothing for this long while it blocks writers is ended by the server."""


class PostgresLab:
    """An open trial transaction; see `targets.base.Lab`."""

    def __init__(self, target: PostgresTarget, schema: Schema, copies: dict[str, Copy]) -> None:
        self._target = target
        self._connection = target.connection
        self._schema = schema
        self._copies = copies
        self._blocked: tuple[str, float] | None = None
        """The table whose writers wait, and until when at most."""

    @classmethod
    @contextmanager
    def opened(
        cls, target: PostgresTarget, tables: Sequence[str], copied: set[str], joins: Sequence[Join]
    ) -> Iterator[PostgresLab]:
        """Open a lab for `tables`; those in `copied` are tried on copies even if the input names the tables."""
        schema = target.schema()
        wanted = [schema.tables[name] for name in dict.fromkeys(tables)]
        direct = [table for table in wanted if table.name not in copied and _may_be_blocked(table, target)]
        lab = cls(target, schema, target.copies.of([table for table in wanted if table not in direct], joins))
        with target.connection.transaction(force_rollback=True):
            silence_event_triggers(target.connection)
            for table in direct:
                if not table.analyzed:
                    target.require_plain(table.name)
                    lab._execute(f"ANALYZE {table.name}")
            yield lab

    def method_for(self, table: str) -> str:
        copy = self._copies.get(table)
        return copy.in_words if copy else "measured on the table itself and rolled back"

    def scale_for(self, tables: Sequence[str]) -> float:
        return max((self._copies[name].scale for name in tables if name in self._copies), default=1.0)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        before = self._blocked
        try:
            with self._connection.transaction(force_rollback=True):
                yield
        finally:
            self._blocked = before

    def build(self, candidate: Candidate) -> int:
        table, copy = self._schema.tables[candidate.table], self._copies.get(candidate.table)
        place = copy.place if copy else f"{quote(table.schema_name)}.{quote(table.bare)}"
        try:
            with self._connection.transaction():
                if copy is None:
                    self._limit_lock(candidate.table)
                # A user's function may have the same name as the one that the query calls.
                self._execute("SET LOCAL search_path = pg_catalog")
                self._execute(f"CREATE INDEX {quote(candidate.id)} ON {place} ({', '.join(candidate.keys)})")
                self._connection.execute("SELECT set_config('search_path', %s, true)", (self._target.search_path,))
                self._execute("SET LOCAL statement_timeout TO DEFAULT")
        except _ELSEWHERE as error:
            raise (TrialError(_reason(error)) if copy else NeedsCopyError(candidate.table)) from error
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise TrialError(_reason(error)) from error
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
            if copy is None:
                self._target.require_plain(table.name)
            self._execute(f"ANALYZE {place}")
        return round(row[0] * (copy.scale if copy else 1.0))

    def measure(self, query: Query) -> Measurement:
        text = reading_copies(query.sql, self._schema, self._copies) if self._copies else query.sql
        if self._blocked is None:
            return self._named_after_tables(self._target.measure_text(text))
        allowed = min(self._target.settings.query_timeout_ms, self._left_ms())
        try:
            measured = self._target.measure_text(text, allowed)
        except TrialError:
            self._left_ms()
            raise
        if measured.timed_out and allowed < self._target.settings.query_timeout_ms:
            raise NeedsCopyError(self._blocked[0])
        self._left_ms()
        return self._named_after_tables(measured)

    def _named_after_tables(self, measured: Measurement) -> Measurement:
        """Return the measurement with the tables in place of their copies."""
        by_copy = {copy.name: copy.table for copy in self._copies.values()}
        for scan in measured.scans:
            if table := by_copy.get(scan.table):
                scan.table, scan.schema_name = table.bare, table.schema_name
        return measured

    def _limit_lock(self, table: str) -> None:
        """Limit how long the writers of a table wait, from now until the attempt is undone."""
        if self._blocked is None:
            self._blocked = table, time.monotonic() + self._target.settings.trial_lock_ms / 1000
        left = self._left_ms()
        self._execute(f"SET LOCAL lock_timeout = {min(left, _LOCK_WAIT_MS)}")
        self._execute(f"SET LOCAL statement_timeout = {left}")
        self._execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_FROZEN_S}s'")

    def _left_ms(self) -> int:
        """Return how long writers may still wait. Raises NeedsCopyError: they have waited long enough."""
        assert self._blocked is not None
        table, until = self._blocked
        left = int((until - time.monotonic()) * 1000)
        if left <= 0:
            raise NeedsCopyError(table)
        return left

    def _execute(self, statement: str) -> None:
        self._connection.execute(statement.encode())


def _may_be_blocked(table: Table, target: PostgresTarget) -> bool:
    return target.settings.trials_on is TrialPlace.TABLES and table.rows <= target.settings.trial_rows


def _reason(error: psycopg.Error) -> str:
    return error.diag.message_primary or type(error).__name__
