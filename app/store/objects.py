"""Objects of the tables that are read without a session, where its work would take longer than the server's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeDecorator

from app.domain.run_protocol import Statement
from app.store.base import Base, metadata
from app.store.engine import Sessions
from app.store.people import Person, Team

Model = TypeVar("Model", bound=Base)
_TEAMS = """
    select teams.slug, teams.name from team_members join teams on teams.slug = team_members.team_slug
    where team_members.person_id = %(person)s order by teams.slug"""


def read_object(sessions: Sessions, model: type[Model], key: str) -> Model | None:
    """Return the row with this primary key, as an object that belongs to no session; None if there is none."""
    for row in sessions.execute(_by_key(model), {"key": key}):
        return _object_of(model, row)
    return None


def read_person(sessions: Sessions, person_id: str) -> Person | None:
    """Return a person with their teams in the same way, in one trip to the server."""
    found, teams = sessions.together(
        [Statement(_by_key(Person), {"key": person_id}), Statement(_TEAMS, {"person": person_id})]
    )
    for row in found:
        person = _object_of(Person, row)
        set_committed_value(person, "teams", [_object_of(Team, team) for team in teams])
        return person
    return None


def _object_of(model: type[Model], row: Mapping[str, Any]) -> Model:
    found = model()
    for name, decoded in _columns(model):
        set_committed_value(found, name, decoded(row[name]) if decoded else row[name])
    return found


@lru_cache
def _by_key(model: type[Base]) -> str:
    table = metadata.tables[model.__tablename__]
    [key] = table.primary_key.columns
    names = ", ".join(name for name, _ in _columns(model))
    return f"select {names} from {table.name} where {key.name} = %(key)s"  # noqa: S608 - contains only our own names


@lru_cache
def _columns(model: type[Base]) -> list[tuple[str, Callable[[Any], Any] | None]]:
    """Return the columns, with what decodes the values that the driver does not decode itself."""
    table = metadata.tables[model.__tablename__]
    return [(column.key, _decoder(table.columns[column.key].type)) for column in inspect(model).column_attrs]


def _decoder(kind: Any) -> Callable[[Any], Any] | None:
    if not isinstance(kind, TypeDecorator):
        return None
    dialect = PGDialect_psycopg()
    return lambda value: kind.process_result_value(value, dialect)
