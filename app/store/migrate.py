"""Migration of the database's schema, and checks that it is up to date.

Alembic migrates Assent's tables, and procrastinate's own files migrate its tables. The command line
(`app.cli.database`) migrates LangGraph's tables, because nothing that the web process loads may import LangGraph.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import LiteralString

import psycopg
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from app.domain.errors import AssentError
from app.installation import ROOT
from app.store.engine import sqlalchemy_url
from app.store.failures import MISSING_RIGHT, state_of

MIGRATIONS = ROOT / "migrations"
_LOCK_KEY = 0x415353454E54  # "ASSENT"
_LOCK_SECONDS = 300.0
_REVISION = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(\S+)\s*$", re.MULTILINE)


_JOB_TRIGGERS: LiteralString = """
create or replace function assent_announce_job() returns trigger language plpgsql as $$
begin
    perform pg_notify('assent_jobs', new.id || ' ' || (new.args->>'run_id'));
    return null;
end $$;
create or replace trigger assent_announce_job after insert on procrastinate_jobs
    for each row when (new.status = 'todo' and new.scheduled_at is null and new.queue_name = 'runs')
    execute function assent_announce_job();
alter table procrastinate_jobs disable trigger procrastinate_jobs_notify_queue_job_inserted_v1;
create or replace function assent_wake_blocked_job() returns trigger language plpgsql as $$
declare
    blocked record;
begin
    select id, args->>'run_id' as run_id into blocked from procrastinate_jobs
        where lock = old.lock and status = 'todo' and id <> old.id
            and (scheduled_at is null or scheduled_at <= now())
        order by priority desc, id limit 1;
    if found then
        perform pg_notify('assent_jobs', blocked.id || ' ' || blocked.run_id);
    end if;
    return null;
end $$;
create or replace trigger assent_wake_blocked_job_deleted after delete on procrastinate_jobs
    for each row when (old.lock is not null) execute function assent_wake_blocked_job();
create or replace trigger assent_wake_blocked_job_ended after update of status on procrastinate_jobs
    for each row when (old.lock is not null and old.status = 'doing') execute function assent_wake_blocked_job();
alter table procrastinate_jobs disable trigger procrastinate_trigger_status_events_insert_v1;
alter table procrastinate_jobs disable trigger procrastinate_trigger_status_events_update_v1;
"""
# procrastinate wakes its workers when a job is inserted, with only the job's ID. Ours also need the run's ID to claim
# both at once (`app.store.jobs.JOBS_CHANNEL`). Jobs of other queues are less urgent, and are found by polling.
# Also, it wakes nobody when a job is no longer blocked by a lock: a decision that arrives while the job that opened its
# request is still ending would wait for the next poll.
# Its history of jobs is turned off: our jobs are deleted when they end, and the audit log says what they did.


class SchemaVersionError(AssentError):
    """The database's schema is not the one that this version needs."""

    code = "schema"


class DatabaseUnreachableError(AssentError):
    """The database does not respond, or rejects the connection."""

    code = "database_unreachable"


class UnfitDatabaseError(AssentError):
    """The account lacks a right, or the server is too old; the message says what to do."""

    code = "unfit_database"


OLDEST = 14
"""The oldest version of PostgreSQL that works."""


@contextmanager
def rights_told() -> Iterator[None]:
    """Say in one line which right the database's account lacks. Raises UnfitDatabaseError."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        if state_of(error) != MISSING_RIGHT:
            raise
        raise UnfitDatabaseError(missing_right(error)) from None


def missing_right(error: BaseException) -> str:
    """One line about a right that the database's account lacks."""
    words = one_line(error.orig or error if isinstance(error, DBAPIError) else error)
    return (
        f"ASSENT_DATABASE_URL: the account lacks a right: {words}. "
        "The page about operating (docs/operating.md) has the SQL that prepares a database."
    )


def _check_server(connection: psycopg.Connection) -> None:
    version, encoding = connection.info.server_version, connection.info.parameter_status("server_encoding")
    if version < OLDEST * 10_000:
        raise UnfitDatabaseError(
            f"ASSENT_DATABASE_URL: the server is PostgreSQL {version // 10_000}; Assent needs {OLDEST} or later."
        )
    if encoding != "UTF8":
        raise UnfitDatabaseError(
            f"ASSENT_DATABASE_URL: the database's encoding is {encoding}; Assent needs UTF8 (CREATE DATABASE … "
            "ENCODING 'UTF8' TEMPLATE template0)."
        )


@rights_told()
def upgrade(database_url: str) -> None:
    """Bring Assent's and procrastinate's tables up to date. Concurrent calls are safe: one works, and the rest wait.

    Raises:
        DatabaseUnreachableError: The database cannot be used.
        SchemaVersionError: The schema is that of a newer version.
        UnfitDatabaseError: The server is too old, or the account lacks a right.
    """
    with connected(database_url) as connection, migration_lock(connection):
        _check_server(connection)
        current, head = current_and_head(database_url)
        if current is not None and not _known(current):
            raise SchemaVersionError(_ahead(current, head))
        _upgrade_assent(database_url)
        _upgrade_procrastinate(connection)
        connection.execute(_JOB_TRIGGERS)


@rights_told()
def check(database_url: str) -> None:
    """Check that this version can use the database.

    Raises:
        DatabaseUnreachableError: The database cannot be used.
        SchemaVersionError: The schema is older or newer; the message says what to do.
    """
    with connected(database_url) as connection:
        current, head = current_and_head(database_url)
        if current is not None and not _known(current):
            raise SchemaVersionError(_ahead(current, head))
        applied, newest = procrastinate_level(connection), _procrastinate_files()[-1]
    if current is None:
        raise SchemaVersionError(
            "The database is empty: run `assent db upgrade`. If Assent is already running, this is not its database: "
            "set ASSENT_DATA_DIR or ASSENT_DATABASE_URL to the same values."
        )
    if current != head:
        raise SchemaVersionError(f"The database is behind (at {current}, needs {head}): run `assent db upgrade`.")
    if applied is None or applied < newest:
        raise SchemaVersionError(f"The job queue's tables are behind (needs {newest}): run `assent db upgrade`.")
    if applied > newest:
        raise SchemaVersionError(
            f"The job queue's tables are newer ({applied}) than this version: install the newer version."
        )


def current_and_head(database_url: str) -> tuple[str | None, str]:
    """Return the database's revision (None if it is empty), and the one that this version needs."""
    with connected(database_url) as connection:
        exists = _first(connection, "SELECT to_regclass('alembic_version') IS NOT NULL")
        current = _first(connection, "SELECT version_num FROM alembic_version") if exists else None
    return None if current is None else str(current), newest_revision()


def newest_revision() -> str:
    """Return the revision that this version needs."""
    revisions = _revisions()
    heads = set(revisions) - set(revisions.values())
    if len(heads) != 1:
        raise SchemaVersionError(f"{MIGRATIONS} has {len(heads)} newest migrations instead of one.")
    return heads.pop()


def _revisions() -> dict[str, str | None]:
    """Return each migration and the one before it, from their files."""
    found: dict[str, str | None] = {}
    for file in (MIGRATIONS / "versions").glob("*.py"):
        said = dict(_REVISION.findall(file.read_text()))
        found[said["revision"].strip("\"'")] = (
            None if said["down_revision"] == "None" else said["down_revision"].strip("\"'")
        )
    return found


@contextmanager
def connected(database_url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection that commits each statement.

    Raises:
        DatabaseUnreachableError: The connection fails.
    """
    try:
        connection = psycopg.connect(database_url, autocommit=True, connect_timeout=10, application_name="assent db")
    except psycopg.Error as error:
        raise DatabaseUnreachableError(f"ASSENT_DATABASE_URL: {one_line(error)}") from None
    with connection:
        yield connection


@contextmanager
def migration_lock(connection: psycopg.Connection) -> Iterator[None]:
    """Hold the lock for changes of the schema, after waiting for another holder.

    This polls: a session that waits inside `pg_advisory_lock` keeps a snapshot, for which the holder's CREATE INDEX
    CONCURRENTLY (LangGraph's) would wait in turn, forever.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while not _first(connection, "SELECT pg_try_advisory_lock(%s)", _LOCK_KEY):
        if time.monotonic() > deadline:
            raise SchemaVersionError("Another process has been migrating the database for five minutes.")
        time.sleep(0.1)
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))


def procrastinate_level(connection: psycopg.Connection) -> str | None:
    """Return the name of procrastinate's newest applied migration; None if its tables are missing."""
    if not _first(connection, "SELECT to_regclass('procrastinate_schema_level') IS NOT NULL"):
        return None
    level = _first(connection, "SELECT max(level) FROM procrastinate_schema_level")
    return None if level is None else str(level)


def one_line(error: BaseException) -> str:
    """Return a driver's message in one line, without a password that it may quote."""
    text = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"//([^:@/\s]+):[^@/\s]+@", r"//\1:***@", text)


def _upgrade_assent(database_url: str) -> None:
    # Imported here because the web process only checks the schema, and does not need its 9 MiB.
    from alembic import command
    from alembic.config import Config

    engine = create_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _upgrade_procrastinate(connection: psycopg.Connection) -> None:
    files = _procrastinate_files()
    applied = procrastinate_level(connection)
    with connection.transaction():
        if applied is None:
            if _first(connection, "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"):
                raise SchemaVersionError(
                    "The database has tables of procrastinate that are not Assent's: use another one."
                )
            connection.execute(
                "CREATE TABLE procrastinate_schema_level (level text PRIMARY KEY, at timestamptz NOT NULL)"
            )
            connection.execute(_procrastinate_text("schema.sql"))
            pending = []
        else:
            pending = [name for name in files if name > applied]
        for name in pending:
            connection.execute(_procrastinate_text(f"migrations/{name}"))
        if applied is None or pending:
            connection.execute("INSERT INTO procrastinate_schema_level VALUES (%s, now())", (files[-1],))


def _procrastinate_files() -> list[str]:
    """Return the names of procrastinate's migrations, sorted in the order of application."""
    folder = resources.files("procrastinate.sql") / "migrations"
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".sql"))


def _procrastinate_text(path: str) -> LiteralString:
    return (resources.files("procrastinate.sql") / path).read_text(encoding="utf-8")


def _known(revision: str) -> bool:
    return revision in _revisions()


def _ahead(current: str, head: str) -> str:
    return f"The database is ahead (at {current}; this version knows {head} and earlier): install the newer version."


def _first(connection: psycopg.Connection, query: LiteralString, *values: object) -> object:
    row = connection.execute(query, values or None).fetchone()
    return row[0] if row else None
