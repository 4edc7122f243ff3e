"""Sessions that all belong to one transaction, so that many use cases are written together or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from app.domain.run_protocol import Statement
from app.store.engine import Sessions
from app.store.pipeline import run_together_now


class SessionsInOne(Sessions):
    """Sessions on one connection, whose transaction they neither commit nor leave.

    A statement that fails ends the whole transaction, so this is for use cases that nothing else can get in the way of.
    """

    def __init__(self, engine: Engine, connection: Connection) -> None:
        sessionmaker.__init__(self, connection, expire_on_commit=False, join_transaction_mode="rollback_only")
        self.engine = engine
        self.reads: sessionmaker[Session] = self
        self._connection = cast(psycopg.Connection[Any], connection.connection.driver_connection)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute one statement of the driver, and return its rows."""
        return self.together([Statement(statement, parameters)])[0]

    def together(self, statements: Sequence[Statement]) -> list[list[dict[str, Any]]]:
        """Execute statements in one trip, and return their rows. Raises psycopg.Error."""
        return run_together_now(self._connection, statements)


@contextmanager
def one_transaction(engine: Engine) -> Iterator[SessionsInOne]:
    """Yield sessions; what they write is committed together when the block ends, and undone if it raises."""
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            yield SessionsInOne(engine, connection)
