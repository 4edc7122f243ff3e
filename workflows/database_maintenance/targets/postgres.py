"""PostgreSQL as a target. Trials, backups, and index creation are in other modules of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from workflows.database_maintenance import sqltext
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.joins import Join
from workflows.database_maintenance.measure import repeat
from workflows.database_maintenance.model import (
    Applied,
    Backup,
    Index,
    Measurement,
    Query,
    Schema,
    StaleTable,
    Table,
    TargetError,
    TrialError,
)
from workflows.database_maintenance.statements import Definition, key_text
from workflows.database_maintenance.targets import postgres_apply, postgres_backup, postgres_catalog
from workflows.database_maintenance.targets.base import Lab
from workflows.database_maintenance.targets.plans import read_postgres
from workflows.database_maintenance.targets.postgres_calls import Calls
from workflows.database_maintenance.targets.postgres_copies import Copies
from workflows.database_maintenance.targets.postgres_lab import PostgresLab
from workflows.database_maintenance.targets.postgres_query import VIEW, checked_view, trusted_path

Connection = psycopg.Connection[TupleRow]


def connect(address: str, name: str) -> Connection:
    """Return a connection in autocommit mode.

    Raises:
        TargetError: it cannot connect; the message contains neither address nor password.
    """
    address = address.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        return psycopg.connect(
            address, autocommit=True, connect_timeout=10, application_name="assent database_maintenance"
        )
    except psycopg.Error as error:
        raise TargetError(f"Target {name!r} cannot be reached: {_reason(error, address)}") from None


def _reason(error: psycopg.Error, address: str) -> str:
    text = str(error).split("FATAL:")[-1] if "FATAL:" in str(error) else type(error).__name__
    try:
        secrets = [conninfo_to_dict(address).get(key) for key in ("password", "host", "hostaddr")]
    except psycopg.Error:
        return "its address cannot be read"
    for secret in secrets:
        if secret:
            text = text.replace(str(secret), "…")
    return text.strip().splitlines()[0] if text.strip() else "no reason given"


@contextmanager
def lost_connection_as_error(name: str) -> Iterator[None]:
    """Convert a lost connection to TargetError, whose message does not contain the address."""
    try:
        yield
    except psycopg.OperationalError as error:
        if error.sqlstate is None or error.sqlstate.startswith(("57P", "08")):
            raise TargetError(f"The connection to target {name!r} was lost.") from None
        raise


class PostgresTarget:
    """A connected PostgreSQL database."""

    dialect = "postgres"

    def __init__(
        self, settings: MaintenanceInput, address: str, scratch_address: str, measuring_role: str = ""
    ) -> None:
        self.settings = settings
        self.measuring_role = measuring_role
        self.name = settings.target
        self._address = address
        self._scratch_address = scratch_address
        self.connection = connect(address, self.name)
        self._oids: dict[str, int] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self.copies = Copies(self)
        with lost_connection_as_error(self.name):
            # Policies of tables may call anything, so queries that would be subject to one fail instead.
            self.connection.execute("SET row_security = off")
            # With the default of 8 MB, copies would be read from disk again and again, and tables themselves would not.
            with suppress(psycopg.errors.InvalidParameterValue):
                self.connection.execute("SET temp_buffers = '256MB'")
            asked = (
                "SELECT pg_catalog.current_schemas(true)::pg_catalog.text[], pg_catalog.current_setting('search_path')"
            )
            row = self.connection.execute(asked.encode()).fetchone()
        assert row is not None
        self._path: list[str] = row[0]
        self.search_path: str = row[1]

    def close(self) -> None:
        self.connection.close()

    def rows(self, statement: str, *params: Any) -> list[TupleRow]:
        """Return all rows of one of our own queries."""
        with lost_connection_as_error(self.name), trusted_path(self.connection):
            return self.connection.execute(sql.SQL(statement), params or None).fetchall()

    def version(self) -> str:
        return f"PostgreSQL {self.rows('SHOW server_version')[0][0]}"

    def schema(self) -> Schema:
        tables: dict[int, Table] = {}
        for oid, schema_name, bare, visible, rows, size, analyzed in self.rows(postgres_catalog.TABLES, self._path):
            name = sqltext.quote(bare) if visible else f"{sqltext.quote(schema_name)}.{sqltext.quote(bare)}"
            tables[oid] = Table(name=name, schema_name=schema_name, bare=bare, rows=rows, bytes=size, analyzed=analyzed)
        for oid, column, kind in self.rows(postgres_catalog.COLUMNS):
            if oid in tables:
                tables[oid].columns[column] = kind
        for oid, *facts in self.rows(postgres_catalog.INDEXES):
            if oid in tables:
                tables[oid].indexes.append(self._index(tables[oid], *facts))
        for table in tables.values():
            if table.rows < 0:
                table.rows = self._count(table)
        self._oids = {table.name: oid for oid, table in tables.items()}
        self._places = {table.name: (table.schema_name, table.bare) for table in tables.values()}
        relations: dict[str, set[str]] = {}
        for place, name in self.rows(postgres_catalog.RELATIONS):
            relations.setdefault(place, set()).add(name)
        return Schema(tables={table.name: table for table in tables.values()}, relations=relations)

    def _count(self, table: Table) -> int:
        """Count the rows of a table without statistics; counting stops just above the row limit.

        A table with policies counts as too large: they may call anything, and are not run.
        """
        limit = self.settings.max_table_rows + 1
        place = f"{sqltext.quote(table.schema_name)}.{sqltext.quote(table.bare)}"
        counting = f"SELECT count(*) FROM (SELECT 1 FROM ONLY {place} LIMIT {limit}) AS counted"  # noqa: S608 - quoted name
        try:
            return int(self.rows(counting)[0][0])
        except psycopg.errors.InsufficientPrivilege:
            return limit

    def _index(
        self, table: Table, name: str, method: str, unique: bool, valid: bool, size: int,
        keys: list[str], options: list[int], classes: list[str], included: list[str], where: str | None,
    ) -> Index:  # fmt: skip
        texts = []
        for key, option, opclass in zip(keys, options, classes, strict=True):
            descending, first = bool(option & 1), bool(option & 2)
            text = sqltext.normal(key, self.dialect) + (f" {opclass}" if opclass else "")
            texts.append(key_text(text, descending, first if first != descending else None))
        return Index(
            name=name,
            table=table.name,
            method=method,
            unique=unique,
            valid=valid,
            bytes=size,
            keys=texts,
            include=[sqltext.normal(column, self.dialect) for column in included],
            where=sqltext.normal(where, self.dialect) if where else "",
        )

    def statement_statistics(self, min_ms: float, limit: int) -> list[Query] | None:
        rows = self._of_statements(postgres_catalog.SLOW_STATEMENTS, {"min_ms": min_ms, "limit": limit})
        if rows is None:
            return None
        return [
            Query(
                id=f"s{number}",
                name=f"statement {queryid}",
                sql=text,
                weight=float(calls),
                calls=calls,
                mean_ms=round(mean, 3),
            )
            for number, (queryid, text, calls, mean) in enumerate(rows, start=1)
        ]

    def hidden_statements(self) -> str:
        rows = self._of_statements(postgres_catalog.HIDDEN_STATEMENTS)
        if not rows or not rows[0][0]:
            return ""
        count, role = rows[0]
        are = "1 statement of other roles is" if count == 1 else f"{count:,} statements of other roles are"
        return f"{are} hidden from this one: GRANT pg_read_all_stats TO {role}"

    def _of_statements(self, question: str, params: dict[str, Any] | None = None) -> list[TupleRow] | None:
        """Return the rows of a question about pg_stat_statements; None if the target has none, or it cannot be read."""
        with lost_connection_as_error(self.name), trusted_path(self.connection):
            place = self.connection.execute(postgres_catalog.STATISTICS_VIEW).fetchone()
            if place is None:
                return None
            statement = sql.SQL(question).format(view=sql.Identifier(place[0], "pg_stat_statements"))
            try:
                with self.connection.transaction():
                    return self.connection.execute(statement, params).fetchall()
            except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.InsufficientPrivilege):
                # The extension is created but not loaded, or not for this role, which is the same as missing.
                return None

    def typical_value(self, table: str, column: str, position: float) -> str | None:
        rows = self.rows(postgres_catalog.COLUMN_VALUES, *self._places.get(table, ("", "")), column)
        if not rows:
            return None
        common, bounds = rows[0]
        values = bounds or common
        return str(values[min(len(values) - 1, int(position * len(values)))]) if values else None

    def measure(self, query: Query) -> Measurement:
        return self.measure_text(query.sql)

    def measure_text(self, text: str, timeout_ms: int | None = None) -> Measurement:
        """Run a query several times, each in a read-only (sub)transaction that is rolled back.

        Args:
            timeout_ms: limit for each run; None: the input's.

        Raises:
            TrialError: it calls something that may do more than compute, so it was not run; or the target refuses it.
        """
        limit = self.settings.query_timeout_ms if timeout_ms is None else timeout_ms
        with lost_connection_as_error(self.name):
            try:
                with checked_view(self.connection, text, limit, self.measuring_role):
                    return repeat(lambda: self._explain(limit), self.settings.runs_per_measurement)
            except psycopg.errors.QueryCanceled as error:
                raise TrialError("it waits for a lock, or cannot be planned in time") from error
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                raise TrialError(
                    f"the database refuses it: {error.diag.message_primary or type(error).__name__}"
                ) from error

    def _explain(self, timeout_ms: int) -> Measurement:
        """Run the checked query once."""
        try:
            with self.connection.transaction(force_rollback=True):
                document = self._plan("ANALYZE, VERBOSE, BUFFERS, TIMING OFF, FORMAT JSON")
        except psycopg.errors.QueryCanceled:
            scans = postgres_catalog.estimated_scans(self._plan("VERBOSE, FORMAT JSON")[0]["Plan"], self.schema())
            return Measurement(ms=float(timeout_ms), timed_out=True, scans=scans)
        return read_postgres(document)

    def _plan(self, options: str) -> list[Any]:
        row = self.connection.execute(f"EXPLAIN ({options}) SELECT * FROM {VIEW}".encode()).fetchone()  # noqa: S608
        assert row is not None
        return row[0] if isinstance(row[0], list) else json.loads(row[0])

    def require_plain(self, table: str) -> None:
        """Make sure that copying or analyzing a table calls only functions that are known to only compute.

        Raises:
            TrialError: it would call another one, which the message names.
        """
        if table not in self._oids:
            self.schema()
        with lost_connection_as_error(self.name), trusted_path(self.connection):
            if problems := Calls(self.connection).table(self._oids[table]):
                raise TrialError(f"{table} is neither copied nor analyzed: {problems[0]}")

    def lab(self, tables: Sequence[str], copies: set[str], joins: Sequence[Join] = ()) -> AbstractContextManager[Lab]:
        return PostgresLab.opened(self, tables, copies, joins)

    def stale_tables(self, schema: Schema) -> list[StaleTable]:
        stale = []
        with lost_connection_as_error(self.name), trusted_path(self.connection):
            rows = self.connection.execute(postgres_catalog.STALE, {"days": self.settings.stale_after_days}).fetchall()
        for schema_name, bare, reason, age in rows:
            table = schema.find(bare, schema_name)
            if table:
                stale.append(StaleTable(table=table.name, reason=reason, rows=table.rows, age_days=age))
        return stale

    def analyze(self, table: str) -> None:
        self.require_plain(table)
        with lost_connection_as_error(self.name):
            self.connection.execute(f"ANALYZE {table}".encode())

    def backup(self, folder: Path, stem: str, scratch: str) -> Backup:
        return postgres_backup.backup(
            self.connection, self.name, self._address, self._scratch_address, folder, stem, scratch
        )

    def applying(self) -> AbstractContextManager[None]:
        return postgres_apply.applying(self.connection, self.name, self.settings.build_timeout_s + 60)

    def find_index(self, definition: Definition, schema: Schema) -> Index | None:
        table = schema.find(definition.bare_table, definition.schema_name)
        siblings = [other for other in schema.tables.values() if table and other.schema_name == table.schema_name]
        return next((index for sibling in siblings for index in sibling.indexes if index.name == definition.name), None)

    def create_index(self, item_id: str, statement: str, definition: Definition, schema: Schema) -> Applied:
        with lost_connection_as_error(self.name):
            return postgres_apply.create_index(self, item_id, statement, definition, schema)

    def drop_index(self, rollback: str) -> None:
        with lost_connection_as_error(self.name):
            self.connection.execute(rollback.encode())
