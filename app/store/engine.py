"""Engines and sessions for the database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.domain.run_protocol import Statement
from app.store.pipeline import run_together_now


class Sessions(sessionmaker[Session]):
    """A factory of sessions whose objects stay readable after the commit.

    Attributes:
        engine: Creates the connections.
        reads: Creates sessions for reading, in which each statement is its own transaction, so that no trips to the
            server are needed to begin and end one.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.execution_options(isolation_level="READ COMMITTED"), expire_on_commit=False)
        self.engine = engine
        self.reads: sessionmaker[Session] = sessionmaker(engine, expire_on_commit=False)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute one statement of the driver in its own transaction, and return its rows."""
        return self.together([Statement(statement, parameters)])[0]

    def together(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Execute statements in one transaction and one trip, where each sees the effects of the previous ones.

        Returns their rows.

        Raises:
            sqlalchemy.exc.DBAPIError: One of them failed, and nothing was written. On an event loop, psycopg.Error.
        """
        if self.engine.dispatch.before_cursor_execute:
            return self._together_heard(statements)
        try:
            pooled = self.engine.raw_connection()
        except psycopg.Error as error:
            raise self._wrapped(error) from error
        connection = cast(psycopg.Connection[Any], pooled.driver_connection)
        try:
            return run_together_now(connection, statements)
        except psycopg.Error as error:
            raise self._wrapped(error, lost=connection.closed) from error
        finally:
            if connection.closed:
                pooled.invalidate()
            pooled.close()

    def _together_heard(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Do the same through SQLAlchemy, for what listens to its statements, such as instrumentation."""
        with self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                results = [
                    connection.exec_driver_sql(statement.text, dict(statement.parameters)) for statement in statements
                ]
                return [[dict(row) for row in result.mappings()] if result.returns_rows else [] for result in results]

    def _wrapped(self, error: psycopg.Error, lost: bool = False) -> BaseException:
        """Return the error as SQLAlchemy raises it."""
        if lost:
            # A connection is rarely lost alone.
            self.engine.dispose()
        dialect = self.engine.dialect
        return DBAPIError.instance(None, None, error, psycopg.Error, connection_invalidated=lost, dialect=dialect)

    def pause(self, seconds: float) -> None:
        """Wait before a retry."""
        time.sleep(seconds)


def sqlalchemy_url(database_url: str) -> str:
    """Return the address with the name of SQLAlchemy's driver."""
    for prefix in ("postgresql://", "postgres://"):
        if database_url.startswith(prefix):
            return "postgresql+psycopg://" + database_url[len(prefix) :]
    return database_url


def make_engine(
    database_url: str, *, pool_size: int = 10, application_name: str = "assent", **connection: Any
) -> Engine:
    """Create an engine that replaces connections that the server closed. `connection` is passed to libpq."""
    return create_engine(sqlalchemy_url(database_url), **engine_arguments(pool_size, application_name, **connection))


def engine_arguments(pool_size: int, application_name: str, **connection: Any) -> dict[str, Any]:
    """Return the arguments that all engines share.

    Their connections commit each statement by itself, because most transactions are a single statement, and changing
    the mode for each of these would take longer than many statements do. The connection used last is used next: each is
    a process of the server, and one that has just worked has its statements prepared and its caches warm.
    """
    return {
        "isolation_level": "AUTOCOMMIT",
        "skip_autocommit_rollback": True,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_use_lifo": True,
        "pool_pre_ping": False,
        "pool_recycle": 1800,
        "connect_args": {"application_name": application_name, "connect_timeout": 10, **connection},
    }


def make_sessions(engine: Engine) -> Sessions:
    """Return a factory of sessions on `engine`."""
    return Sessions(engine)
