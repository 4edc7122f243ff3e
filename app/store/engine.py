"""Connections to the one database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

from app.domain.run_protocol import Statement


class Sessions(sessionmaker[Session]):
    """Makes sessions whose objects stay readable after the commit.

    Attributes:
        engine: makes the connections.
        reads: makes sessions for reading, in which each statement stands for itself: no trips to the server to begin
            and end a transaction.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.execution_options(isolation_level="READ COMMITTED"), expire_on_commit=False)
        self.engine = engine
        self.reads: sessionmaker[Session] = sessionmaker(engine, expire_on_commit=False)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one statement in the driver's own words, by itself. Gives its rows."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.exec_driver_sql(statement, dict(parameters)).mappings()]

    def together(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Run statements in one transaction, each of which sees what those before it have done. Gives the rows of each.

        Raises:
            sqlalchemy.exc.DBAPIError: one of them failed, and nothing of any was kept; on an event loop psycopg.Error.
        """
        with self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                results = [
                    connection.exec_driver_sql(statement.text, dict(statement.parameters)) for statement in statements
                ]
                return [[dict(row) for row in result.mappings()] if result.returns_rows else [] for result in results]

    def pause(self, seconds: float) -> None:
        """Wait before something is tried again."""
        time.sleep(seconds)


def sqlalchemy_url(database_url: str) -> str:
    """The address with SQLAlchemy's driver named."""
    for prefix in ("postgresql://", "postgres://"):
        if database_url.startswith(prefix):
            return "postgresql+psycopg://" + database_url[len(prefix) :]
    return database_url


def make_engine(
    database_url: str, *, pool_size: int = 10, application_name: str = "assent", **connection: Any
) -> Engine:
    """An engine that replaces connections the server has closed. `connection` are further parameters of libpq."""
    return create_engine(sqlalchemy_url(database_url), **engine_arguments(pool_size, application_name, **connection))


def engine_arguments(pool_size: int, application_name: str, **connection: Any) -> dict[str, Any]:
    """What all engines have in common.

    Their connections commit each statement by itself, as most of what runs on them is one statement; to change that for
    each of these takes longer than many do.
    """
    return {
        "isolation_level": "AUTOCOMMIT",
        "skip_autocommit_rollback": True,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_pre_ping": False,
        "pool_recycle": 1800,
        "connect_args": {"application_name": application_name, "connect_timeout": 10, **connection},
    }


def make_sessions(engine: Engine) -> Sessions:
    """Sessions on `engine`."""
    return Sessions(engine)
