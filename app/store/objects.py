"""Objects of the tables that are read without a session, where its work would take longer than the server's."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeDecorator

from app.store.base import Base, metadata
from app.store.engine import Sessions

Model = TypeVar("Model", bound=Base)


def read_object(sessions: Sessions, model: type[Model], key: str) -> Model | None:
    """Return the row with this primary key, as an object that belongs to no session; None if there is none."""
    statement, columns = _reading(model)
    for row in sessions.execute(statement, {"key": key}):
        found = model()
        for name, decoded in columns:
            set_committed_value(found, name, decoded(row[name]) if decoded else row[name])
        return found
    return None


@lru_cache
def _reading(model: type[Base]) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """Return the statement, and how the value of each column is decoded that the driver does not decode itself."""
    table = metadata.tables[model.__tablename__]
    [key] = table.primary_key.columns
    names = [attribute.key for attribute in inspect(model).column_attrs]
    columns = [(name, _decoder(table.columns[name].type)) for name in names]
    return f"select {', '.join(names)} from {table.name} where {key.name} = %(key)s", columns  # noqa: S608


def _decoder(kind: Any) -> Callable[[Any], Any] | None:
    if not isinstance(kind, TypeDecorator):
        return None
    dialect = PGDialect_psycopg()
    return lambda value: kind.process_result_value(value, dialect)
