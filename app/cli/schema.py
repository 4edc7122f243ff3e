"""The database's schema: the tables of Assent, procrastinate, and LangGraph."""

from __future__ import annotations

from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from app.store import migrate
from app.store.thread_order import order_threads, threads_ordered
from app.store.vectors import prepare_vectors


@migrate.rights_told()
def upgrade_everything(database_url: str) -> None:
    """Bring all tables up to date: Assent's, procrastinate's, and LangGraph's.

    Raises:
        AssentError: The database cannot be used, or its schema is newer than this version.
    """
    migrate.upgrade(database_url)
    with migrate.connected(database_url) as lock, migrate.migration_lock(lock):
        prepare_vectors(lock)
    with migrate.connected(database_url) as lock, migrate.migration_lock(lock), migrate.connected(database_url) as work:
        work.row_factory = dict_row  # type: ignore[assignment]
        PostgresSaver(work).setup()  # type: ignore[arg-type]
        order_threads(lock)


@migrate.rights_told()
def check_everything(database_url: str) -> None:
    """Check Assent's tables as `migrate.check` does, and LangGraph's too, for the processes that run graphs.

    Raises:
        AssentError: The database cannot be used, or its schema is not the one that this version needs.
    """
    migrate.check(database_url)
    with migrate.connected(database_url) as connection:
        exists = connection.execute("SELECT to_regclass('checkpoint_migrations') IS NOT NULL").fetchone()
        row = (
            connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone() if exists and exists[0] else None
        )
        ordered = threads_ordered(connection)
    applied, newest = (row[0] if row and row[0] is not None else -1), len(PostgresSaver.MIGRATIONS) - 1
    if applied < newest:
        raise migrate.SchemaVersionError("LangGraph's tables are out of date: run `assent db upgrade`.")
    if applied > newest:
        raise migrate.SchemaVersionError("LangGraph's tables are newer than this version: install the newer version.")
    if not ordered:
        raise migrate.SchemaVersionError(
            "The checkpoints of stored runs are not numbered yet: run `assent db upgrade`."
        )
