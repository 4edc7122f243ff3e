"""A guarded batch: one statement that writes everything that a use case writes, or nothing.

The guard is an UPDATE that matches exactly one row, or none if somebody else was first. All rows, jobs, and
notifications of the batch are written only if it matches. As a single statement, the batch is its own transaction: one
trip to the server instead of a dozen, and no moment at which a process could die halfway.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.domain.run_protocol import Statement
from app.domain.text import storable
from app.domain.weight import note_write
from app.store.base import Base, CanonicalJSON, metadata
from app.store.engine import Sessions
from app.store.jobs import DEFER, END, advance_job
from assent.digests import canonical

VOID = "AS014"
"""SQLSTATE of a batch whose guard matched nothing, which rolls back the statements written with it."""
MOST_VALUES = 50
"""The driver parses a statement with more values each time it is run."""
ATTEMPTS = 5
"""How often a batch is attempted if the server aborts it to resolve a deadlock."""


class Batch:
    """Everything that one use case writes.

    Args:
        guard: An UPDATE … RETURNING with named parameters (``%(name)s``), or empty for a batch without a condition.
        values: The guard's parameters, with JSON columns as canonical text (`text_of`).
    """

    def __init__(self, guard: str = "", values: Mapping[str, Any] | None = None) -> None:
        self._guard = guard
        self._values = dict(values or {})
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._upserts: dict[str, tuple[str, str, str]] = {}
        self._also: list[str] = []
        self._jobs: list[dict[str, Any]] = []
        self._ended_jobs: list[int] = []
        self._along: list[Statement] = []

    def add(self, model: type[Base], **values: Any) -> None:
        """Insert a row. Columns without a value get their defaults."""
        table, constants, documents = _columns(model)
        row = constants | values
        for name, value in values.items():
            row[name] = _sent(value, name in documents)
        self._rows.setdefault(table, []).append(row)

    def put(self, model: type[Base], key: str, *, where: str = "", keep: str = "", **values: Any) -> None:
        """Insert a row, or replace the one with the same key.

        Args:
            key: Columns of the key, separated by commas.
            where: A condition that an existing row must meet to be replaced.
            keep: Columns, separated by commas, in which an existing row keeps its value if it has one.
        """
        table = _table(model).name
        keys = [part.strip() for part in key.split(",")]
        # A statement may write a row only once, so the last values count.
        self._rows[table] = [row for row in self._rows.get(table, []) if any(row[key] != values[key] for key in keys)]
        self.add(model, **values)
        self._upserts[table] = (key, where, keep)

    def also(self, statement: str, **values: Any) -> str:
        """Add another data-changing statement. It must refer to ``guard`` itself if it depends on it.

        Returns:
            The name by which later statements can refer to its result.
        """
        self._also.append(statement)
        self._values |= values
        return f"also_{len(self._also) - 1}"

    def set(self, name: str, value: Any) -> None:
        """Give a parameter of the guard another value."""
        self._values[name] = value

    def advance(self, run_id: str) -> None:
        """Enqueue a job that advances the run. The jobs of a run are executed one at a time."""
        self._jobs.append(advance_job(run_id))

    def end_job(self, job_id: int) -> None:
        """Remove a job in progress from the queue, because this batch completes its work."""
        self._ended_jobs.append(job_id)

    def along(self, statements: Sequence[Statement]) -> None:
        """Add more statements of the same transaction, which have no effect if the guard matches nothing."""
        self._along += statements

    def run(self, sessions: Sessions) -> dict[str, Any] | None:
        """Write everything. Returns the guard's row, or None if the guard matched nothing and nothing was written.

        Raises:
            sqlalchemy.exc.IntegrityError: A row conflicts with an existing one. Nothing was written.
        """
        shape = (
            self._guard,
            tuple(
                (name, tuple(self._rows[name][0]), *self._upserts.get(name, ("", "", "")))
                for name in sorted(self._rows)
            ),
            tuple(self._also),
            bool(self._jobs),
            bool(self._ended_jobs),
            bool(self._along),
        )
        parts, values = _inlined(self._along)
        parameters = self._values | {f"rows_{name}": json.dumps(rows) for name, rows in self._rows.items()}
        if self._jobs:
            parameters["jobs"] = json.dumps(self._jobs)
        if self._ended_jobs:
            parameters["ended"] = self._ended_jobs
        if len(parameters) + len(values) > MOST_VALUES:
            parts, values = (), {}
        first = Statement(_statement(*shape, parts), parameters | values)
        note_write()
        try:
            rows = execute_all(sessions, [first] if parts else [first, *self._along])[0]
        except (psycopg.Error, DBAPIError) as error:
            if getattr(getattr(error, "orig", error), "sqlstate", None) == VOID:
                return None
            raise
        if not self._guard:
            return {}
        return rows[0] if rows and rows[0]["guarded"] else None


def made_once(batch: Batch, sessions: Sessions, made_as: str) -> dict[str, Any] | None:
    """Write a batch that creates something with the caller's ID. If it was created before, nothing changes.

    Args:
        made_as: The caller's ID. If empty, the batch is written like any other.
    """
    try:
        return batch.run(sessions)
    except IntegrityError as error:
        if made_as and "pk_" in str(error.orig):
            return {}
        raise


def execute(sessions: Sessions, statement: str, parameters: dict[str, Any]) -> Any:
    """Execute a statement and return its first row; see `execute_all`."""
    return next(iter(execute_all(sessions, [Statement(statement, parameters)])[0]), None)


def execute_all(sessions: Sessions, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
    """Execute statements in one transaction and return the rows of each.

    Two batches may lock a request and its run in opposite order. The one that the server aborts for this has written
    nothing, so it is retried.
    """
    for attempt in count(1):
        try:
            if len(statements) > 1:
                return sessions.together(statements)
            return [sessions.execute(statement.text, statement.parameters) for statement in statements]
        except (psycopg.Error, DBAPIError) as error:
            cause = getattr(error, "orig", error)
            if not isinstance(cause, (DeadlockDetected, SerializationFailure)) or attempt == ATTEMPTS:
                raise
            sessions.pause(random.uniform(0.005, 0.05) * attempt)  # noqa: S311 - not used for secrets
    return []


@lru_cache(maxsize=512)
def _statement(
    guard: str,
    inserts: tuple[tuple[str, tuple[str, ...], str, str, str], ...],
    also: tuple[str, ...],
    jobs: bool,
    ended_jobs: bool,
    along: bool,
    inlined: tuple[str, ...],
) -> str:
    parts = [f"guard as ({guard})"] if guard else []
    condition = " where exists (select from guard)" if guard else ""
    for name, columns, key, where, keep in inserts:
        named = ", ".join(columns)
        conflict = _conflict(name, columns, key, where, keep)
        parts.append(
            f"put_{name} as (insert into {name} ({named}) select {named} "
            f"from json_populate_recordset(null::{name}, %(rows_{name})s::json){condition}{conflict})"
        )
    parts += [f"also_{number} as ({statement})" for number, statement in enumerate(also)]
    parts += [f"along_{number} as ({statement})" for number, statement in enumerate(inlined)]
    if ended_jobs:
        held = " and exists (select from guard)" if guard else ""
        parts.append(f"ended as ({END}{held})")
    wanted = ["guard.*", "true as guarded"] if guard else ["1"]
    if jobs:
        wanted.append(f"{DEFER.format(where='')} as deferred")
    prefix = f"with {', '.join(parts)} " if parts else ""
    if guard and along:
        wanted.append("assent_require(exists (select from guard)) as required")
        return f"{prefix}select {', '.join(wanted)} from (values (1)) as one(row) left join guard on true"
    return f"{prefix}select {', '.join(wanted)}{' from guard' if guard else ''}"


def _inlined(statements: Sequence[Statement]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return statements as parts of another one, and their parameters, which is faster than a pipeline.

    The parts of a statement are executed in no particular order. Returns nothing if the order matters.
    """
    places = [statement.place for statement in statements if statement.place]
    if len(set(places)) < len(places):
        return (), {}
    values = {
        f"along{number}_{name}": value
        for number, statement in enumerate(statements)
        for name, value in statement.parameters.items()
    }
    return tuple(_renamed(statement.text, f"along{number}_") for number, statement in enumerate(statements)), values


@lru_cache(maxsize=512)
def _renamed(statement: str, prefix: str) -> str:
    """Return the statement with other names for its parameters."""
    return re.sub(r"%\((\w+)\)s", rf"%({prefix}\1)s", statement)


def _conflict(table: str, columns: Sequence[str], key: str, where: str, keep: str) -> str:
    if not key:
        return ""
    keys, kept = ({name.strip() for name in names.split(",")} for names in (key, keep))
    values = {column: f"excluded.{column}" for column in columns if column not in keys}
    values |= {column: f"coalesce({table}.{column}, {values[column]})" for column in kept if column in values}
    changed = ", ".join(f"{column} = {value}" for column, value in values.items())
    return f" on conflict ({key}) do update set {changed}{f' where {where}' if where else ''}"


def text_of(value: Any) -> str | None:
    """Return a value for a JSON column of a guard."""
    return None if value is None else canonical(value)


def document(model: type[Base], name: str, value: Any) -> Any:
    """Return a column's value for a guard: canonical text for a JSON column, and others unchanged."""
    return text_of(value) if name in _documents(_table(model)) else value


def plain(table: Table, name: str, value: Any) -> Any:
    """Return a column's value in the form that is sent as JSON."""
    return _sent(value, name in _documents(table))


def _sent(value: Any, document: bool) -> Any:
    """Return a value in the form that is sent as JSON. A `document` is canonical JSON in a text."""
    if value is None:
        return None
    if document:
        return canonical(value)
    # Most values are of exactly these types, and this is done for hundreds of them in a cycle of a run.
    kind = type(value)
    if kind is str:
        return storable(value)
    if kind is int or kind is bool:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return storable(value)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


@lru_cache
def _documents(table: Table) -> frozenset[str]:
    """Return the names of the columns that contain canonical JSON."""
    return frozenset(column.name for column in table.columns if isinstance(column.type, CanonicalJSON))


@lru_cache
def _table(model: type[Base]) -> Table:
    return metadata.tables[model.__tablename__]


@lru_cache
def _columns(model: type[Base]) -> tuple[str, dict[str, Any], frozenset[str]]:
    """Return a table's name, the constant defaults of its columns as they are sent, and its `_documents`."""
    table, documents = _table(model), _documents(_table(model))
    constants = {
        column.name: _sent(column.default.arg, column.name in documents)
        for column in table.columns
        if isinstance(column.default, ScalarElementColumnDefault)
    }
    return table.name, constants, documents
