"""SQLite as a target."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from workflows.database_maintenance.candidates import aliases
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.joins import Join
from workflows.database_maintenance.measure import repeat
from workflows.database_maintenance.model import (
    Applied,
    Backup,
    Candidate,
    Index,
    ItemStatus,
    Measurement,
    Query,
    Schema,
    StaleTable,
    StatementRefused,
    Table,
    TargetError,
    TrialError,
)
from workflows.database_maintenance.sqltext import normal, quote
from workflows.database_maintenance.statements import Definition, drop_statement, locate, read_definition, same
from workflows.database_maintenance.targets.base import Lab
from workflows.database_maintenance.targets.counts import compare
from workflows.database_maintenance.targets.plans import read_sqlite
from workflows.database_maintenance.targets.sqlite_guard import harden, only_reading
from workflows.database_maintenance.targets.sqlite_waiting import BusyError, when_free

_BUSY_S = 30.0
_STEPS = 10_000


def path_of(address: str) -> Path:
    """Return the file of a ``sqlite:///path`` address (four slashes for an absolute path)."""
    return Path(unquote(address.removeprefix("sqlite:///").split("?")[0]))


def connect(path: Path, name: str, *, create: bool = False) -> sqlite3.Connection:
    """Return a connection without implicit transactions. Raises TargetError: there is no such database."""
    mode = "rwc" if create else "rw"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_S,
            check_same_thread=False,
        )
        harden(connection)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise TargetError(f"Target {name!r} cannot be opened: {error}") from None
    return connection


def timed(connection: sqlite3.Connection, text: str, timeout_ms: int, rows: dict[str, int]) -> Measurement:
    """Run a query to its end, and read its plan.

    Raises:
        TrialError: it does more than read and compute, so it was not run; or SQLite refuses it.
    """
    with only_reading(connection):
        return _timed(connection, text, timeout_ms, rows)


def _timed(connection: sqlite3.Connection, text: str, timeout_ms: int, rows: dict[str, int]) -> Measurement:
    try:
        details = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()]
        started = time.monotonic()
        deadline = started + timeout_ms / 1000
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            for _ in connection.execute(text):
                pass
            late = False
        except sqlite3.OperationalError as error:
            late = "interrupted" in str(error)
            if not late:
                raise
        finally:
            connection.set_progress_handler(None, _STEPS)
        spent = (time.monotonic() - started) * 1000
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise TrialError(f"the database refuses it: {error}") from error
    measured = read_sqlite(details, aliases(text, "sqlite"), rows, timeout_ms if late else spent)
    return measured.model_copy(update={"timed_out": late})


class SqliteTarget:
    """An open SQLite database file."""

    dialect = "sqlite"

    def __init__(self, settings: MaintenanceInput, address: str) -> None:
        self.settings = settings
        self.name = settings.target
        self.path = path_of(address)
        self._connection = connect(self.path, self.name)
        self._reader = connect(self.path, self.name)
        self._reader.execute("PRAGMA query_only = ON")
        self._rows: dict[str, int] | None = None

    def close(self) -> None:
        self._connection.close()
        self._reader.close()

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def schema(self) -> Schema:
        return read_schema(self._reader)

    @property
    def row_counts(self) -> dict[str, int]:
        """Return the rows per table, counted once per connection."""
        if self._rows is None:
            self._rows = {table.bare.lower(): table.rows for table in self.schema().tables.values()}
        return self._rows

    def statement_statistics(self, min_ms: float, limit: int) -> list[Query] | None:
        return None

    def hidden_statements(self) -> str:
        return ""

    def typical_value(self, table: str, column: str, position: float) -> str | None:
        return None

    def measure(self, query: Query) -> Measurement:
        run = lambda: timed(self._reader, query.sql, self.settings.query_timeout_ms, self.row_counts)  # noqa: E731
        return repeat(run, self.settings.runs_per_measurement)

    def lab(self, tables: Sequence[str], copies: set[str], joins: Sequence[Join] = ()) -> AbstractContextManager[Lab]:
        return SqliteLab.opened(self)

    def copy_to(self, path: Path) -> None:
        """Copy the database with SQLite's backup API.

        Raises:
            TargetError: another process kept it locked for too long.
        """
        deadline = time.monotonic() + self.settings.build_timeout_s

        def wait(status: int, _remaining: int, _total: int) -> None:
            if status not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_DONE) and time.monotonic() > deadline:
                raise TargetError(f"Target {self.name!r} cannot be copied: another process keeps it locked.")

        with closing(sqlite3.connect(path)) as copy:
            self._reader.backup(copy, progress=wait)

    def stale_tables(self, schema: Schema) -> list[StaleTable]:
        known = {}
        if self._reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
            for bare, stat in self._reader.execute("SELECT tbl, stat FROM sqlite_stat1"):
                known[bare] = int(str(stat).split()[0])
        stale = []
        for table in schema.tables.values():
            if table.bare not in known and table.rows:
                stale.append(StaleTable(table=table.name, reason="never analyzed", rows=table.rows))
            elif abs(table.rows - known.get(table.bare, 0)) > 0.1 * max(table.rows, 1):
                reason = f"had {known[table.bare]:,} rows when it was analyzed"
                stale.append(StaleTable(table=table.name, reason=reason, rows=table.rows))
        return stale

    def analyze(self, table: str) -> None:
        try:
            when_free(
                self._connection,
                lambda: self._connection.execute(f"ANALYZE {table}"),
                self.settings.query_timeout_ms / 1000,
            )
        except BusyError as error:
            raise TrialError(str(error)) from error

    def backup(self, folder: Path, stem: str, scratch: str) -> Backup:
        started = time.monotonic()
        final, partial = folder / f"{stem}.sqlite", folder / f"{stem}.sqlite.partial"
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            # The open read transaction keeps counts and copy on the same state while others write.
            self._reader.execute("BEGIN")
            try:
                counts = _counts(self._reader)
                self.copy_to(partial)
            finally:
                self._reader.execute("ROLLBACK")
            with tempfile.TemporaryDirectory(prefix="assent-restore-") as place:
                difference = _restored_difference(partial, Path(place) / f"{scratch}.sqlite", counts)
        except sqlite3.Error as error:
            raise TargetError(f"The backup of {self.name!r} failed: {error}") from error
        if difference:
            partial.unlink(missing_ok=True)
            raise TargetError(f"The backup of {self.name!r} differs from the database: {difference}.")
        partial.replace(final)
        return Backup(
            path=str(final),
            bytes=final.stat().st_size,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 2),
            tables=len(counts),
            rows=sum(counts.values()),
        )

    @contextmanager
    def applying(self) -> Iterator[None]:
        """Creation is one transaction, so an interrupted one never happened; nothing more is needed."""
        yield

    def find_index(self, definition: Definition, schema: Schema) -> Index | None:
        name = definition.name.lower()
        named = (index for table in schema.tables.values() for index in table.indexes if index.name.lower() == name)
        return next(named, None)

    def create_index(self, item_id: str, statement: str, definition: Definition, schema: Schema) -> Applied:
        if definition.concurrently:
            raise StatementRefused("SQLite does not support CONCURRENTLY.")
        table = locate(definition, schema, self.settings.max_table_rows)
        record = Applied(
            id=item_id,
            statement=statement,
            status=ItemStatus.CREATED,
            index=definition.name,
            table=table.name,
            rollback=drop_statement(self.dialect, definition.name),
        )
        started = time.monotonic()
        try:
            made = when_free(self._connection, lambda: self._created(record, definition), self.settings.build_timeout_s)
        except (BusyError, sqlite3.Error, sqlite3.Warning) as error:
            return record.model_copy(update={"status": ItemStatus.FAILED, "message": str(error)})
        return made.model_copy(update={"seconds": round(time.monotonic() - started, 3)})

    def _created(self, record: Applied, definition: Definition) -> Applied:
        """Create the index in the open transaction, unless it exists."""
        current = read_schema(self._connection)
        found = self.find_index(definition, current)
        if found and found.table == record.table and same(found, definition):
            return record.model_copy(update={"status": ItemStatus.ALREADY_THERE})
        twin = next((index for index in current.tables[record.table].indexes if same(index, definition)), None)
        if found or twin:
            other = found.name if found else twin.name if twin else ""
            kind = "another" if found else "the same"
            message = f"An index {other} with {kind} definition exists already."
            return record.model_copy(update={"status": ItemStatus.REFUSED, "message": message})
        before = _used_bytes(self._connection)
        self._connection.execute(record.statement)
        return record.model_copy(update={"bytes": _used_bytes(self._connection) - before})

    def drop_index(self, rollback: str) -> None:
        try:
            when_free(self._connection, lambda: self._connection.execute(rollback), self.settings.build_timeout_s)
        except BusyError as error:
            raise TargetError(f"{rollback} could not be run on {self.name!r}: {error}.") from error


class SqliteLab:
    """Trials on a copy of the whole database; see `targets.base.Lab`."""

    def __init__(self, target: SqliteTarget, copy: sqlite3.Connection) -> None:
        self._target = target
        self._copy = copy
        self._depth = 0

    @classmethod
    @contextmanager
    def opened(cls, target: SqliteTarget) -> Iterator[SqliteLab]:
        """Open a lab, and delete it at the end."""
        with tempfile.TemporaryDirectory(prefix="assent-trial-") as place:
            path = Path(place) / "copy.sqlite"
            target.copy_to(path)
            with closing(connect(path, target.name)) as copy:
                copy.execute("PRAGMA synchronous = OFF")
                yield cls(target, copy)

    def method_for(self, table: str) -> str:
        return "measured on a copy of the database"

    def scale_for(self, tables: Sequence[str]) -> float:
        return 1.0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        self._depth += 1
        point = f"attempt_{self._depth}"
        self._copy.execute(f"SAVEPOINT {point}")
        try:
            yield
        finally:
            self._copy.execute(f"ROLLBACK TO {point}")
            self._copy.execute(f"RELEASE {point}")
            self._depth -= 1

    def build(self, candidate: Candidate) -> int:
        before = _used_bytes(self._copy)
        try:
            self._copy.execute(f"CREATE INDEX {quote(candidate.id)} ON {candidate.table} ({', '.join(candidate.keys)})")
        except sqlite3.Error as error:
            raise TrialError(str(error)) from error
        return _used_bytes(self._copy) - before

    def measure(self, query: Query) -> Measurement:
        settings = self._target.settings
        run = lambda: timed(self._copy, query.sql, settings.query_timeout_ms, self._target.row_counts)  # noqa: E731
        return repeat(run, settings.runs_per_measurement)


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, page_size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * page_size)


def _table_names(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    )
    return [row[0] for row in rows]


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    return {
        name: connection.execute(f"SELECT count(*) FROM {quote(name)}").fetchone()[0]  # noqa: S608 - quoted catalogue name
        for name in _table_names(connection)
    }


def _restored_difference(backup: Path, scratch: Path, counts: dict[str, int]) -> str:
    """Restore a backup into a scratch file; returns the first difference in words; empty: none."""
    with closing(sqlite3.connect(backup)) as saved, closing(sqlite3.connect(scratch)) as restored:
        saved.backup(restored)
        verdict = restored.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            return str(verdict)
        found = _counts(restored)
    return compare(counts, found)


def read_schema(connection: sqlite3.Connection) -> Schema:
    """Return all ordinary tables with their indexes and exact row counts."""
    tables = {}
    page_size = connection.execute("PRAGMA page_size").fetchone()[0]
    for name, rows in _counts(connection).items():
        columns = connection.execute(f"PRAGMA table_info({quote(name)})").fetchall()
        table = Table(name=quote(name), bare=name, rows=rows, columns={c[1]: c[2] for c in columns}, any_case=True)
        keys = [column for column in columns if column[5]]
        if len(keys) == 1 and str(keys[0][2]).upper() == "INTEGER":
            table.indexes.append(
                Index(name="(rowid)", table=table.name, keys=[normal(quote(keys[0][1]), "sqlite")], unique=True)
            )
        table.indexes += _indexes(connection, table)
        # SQLite does not report sizes; a row is rarely smaller than 8 bytes per column.
        table.bytes = max(page_size, rows * 8 * len(columns))
        tables[table.name] = table
    names = {row[0].lower() for row in connection.execute("SELECT name FROM sqlite_master")}
    return Schema(tables=tables, relations={"": names}, any_case=True)


def _indexes(connection: sqlite3.Connection, table: Table) -> Iterator[Index]:
    statements = dict(
        connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    )
    for _, name, unique, *_ in connection.execute(f"PRAGMA index_list({quote(table.bare)})").fetchall():
        if name in statements:
            try:
                definition = read_definition(statements[name], "sqlite")
            except StatementRefused:
                continue
            yield Index(**definition.model_dump(include=set(Index.model_fields)) | {"name": name, "table": table.name})
        else:
            columns = connection.execute(f"PRAGMA index_info({quote(name)})").fetchall()
            keys = [normal(quote(column[2]), "sqlite") for column in columns]
            yield Index(name=name, table=table.name, keys=keys, unique=bool(unique))
