"""Creates indexes on PostgreSQL so that a crash at any moment does no harm.

A killed CREATE INDEX CONCURRENTLY leaves an invalid index: writers keep it up to date, but no query uses it. And the
server may still be building it after our process has ended. So a session lock on the target, which exists exactly as
long as the building session, is taken first; any index found after that is either valid or a leftover to replace.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from workflows.database_maintenance.model import Applied, Index, ItemStatus, Schema, TargetError, TrialError
from workflows.database_maintenance.statements import Definition, drop_statement, locate, same

if TYPE_CHECKING:
    from workflows.database_maintenance.targets.postgres import PostgresTarget

LOCK_NAME = "assent.database_maintenance"
_POLL_S = 0.2
_BUILDING = """
SELECT p.pid FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.index_relid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.datname = current_database() AND c.relname = %s AND n.nspname = %s
"""


@contextmanager
def applying(connection: psycopg.Connection[Any], name: str, wait_s: float) -> Iterator[None]:
    """Hold the right to change indexes of this database, which only one session at a time has.

    Raises:
        TargetError: another session kept it for longer than `wait_s` seconds.
    """
    deadline = time.monotonic() + wait_s
    # Polled, because a waiting statement would hold a snapshot, and a concurrent build
    # waits for all older snapshots, so the two would wait for each other.
    while not _ask(connection, "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"):
        if time.monotonic() > deadline:
            raise TargetError(f"Another run has been changing indexes of target {name!r} for {wait_s:,.0f} s.")
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            _ask(connection, "SELECT pg_advisory_unlock(hashtextextended(%s, 0))")


def _ask(connection: psycopg.Connection[Any], statement: str) -> bool:
    row = connection.execute(statement.encode(), (LOCK_NAME,)).fetchone()
    return bool(row and row[0])


def create_index(
    target: PostgresTarget, item_id: str, statement: str, definition: Definition, schema: Schema
) -> Applied:
    """See `targets.base.Target.create_index`. Call it under `applying`, with a schema read under it."""
    table = locate(definition, schema, target.settings.max_table_rows)
    record = Applied(
        id=item_id,
        statement=statement,
        status=ItemStatus.CREATED,
        index=definition.name,
        table=table.name,
        rollback=drop_statement("postgres", definition.name, table.schema_name if "." in table.name else ""),
    )
    found = target.find_index(definition, schema)
    if found and found.valid:
        if found.table == table.name and same(found, definition):
            return record.model_copy(update={"status": ItemStatus.ALREADY_THERE, "bytes": found.bytes})
        return _refused(record, f"An index {definition.name} with another definition already exists.")
    twin = next((index for index in table.indexes if index.valid and same(index, definition)), None)
    if twin:
        return _refused(record, f"The index {twin.name} is identical; a second one would only cost.")
    if found:
        if target.rows(_BUILDING, definition.name, table.schema_name):
            return _refused(record, f"Another session is building {definition.name} right now.")
        if found.table != table.name:
            return _refused(record, f"An unfinished index {definition.name} exists on {found.table}.")
        target.drop_index(record.rollback)
        record.status = ItemStatus.REBUILT
    return _build(target, record, definition)


def _refused(record: Applied, message: str) -> Applied:
    return record.model_copy(update={"status": ItemStatus.REFUSED, "message": message})


def _build(target: PostgresTarget, record: Applied, definition: Definition) -> Applied:
    connection = target.connection
    started = time.monotonic()
    _limits(connection, target.settings.build_timeout_s)
    try:
        # The extended protocol (binary) refuses texts with several statements.
        connection.execute(record.statement.encode(), binary=True)
    except psycopg.Error as error:
        if connection.closed or connection.broken:
            raise
        message = error.diag.message_primary or type(error).__name__
        left = target.find_index(definition, target.schema())
        if left and not left.valid:
            target.drop_index(record.rollback)
            message += "; its remains have been dropped"
        return record.model_copy(update={"status": ItemStatus.FAILED, "message": message})
    finally:
        if not connection.closed and not connection.broken:
            _limits(connection, 0)
    if any("(" in key for key in definition.keys):
        # Without statistics of the expression, the planner guesses how many rows the index finds.
        with suppress(TrialError):
            target.analyze(record.table)
    made = _made(target, definition)
    if made is None:
        return record.model_copy(
            update={"status": ItemStatus.FAILED, "message": "The index is not valid after creation."}
        )
    return record.model_copy(update={"seconds": round(time.monotonic() - started, 3), "bytes": made.bytes})


def _made(target: PostgresTarget, definition: Definition) -> Index | None:
    found = target.find_index(definition, target.schema())
    return found if found and found.valid else None


def _limits(connection: psycopg.Connection[Any], seconds: int) -> None:
    connection.execute(sql.SQL("SET statement_timeout = {}").format(sql.Literal(f"{seconds}s")))
