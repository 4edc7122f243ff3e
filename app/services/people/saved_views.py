"""Saved views: named filters of the queue. People have their own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.hidden_characters import is_line
from app.domain.people import Actor
from app.domain.text import is_storable
from app.services.clock import Clock
from app.store.engine import Sessions
from app.store.people import SavedView
from assent.masking import mask, mask_text
from assent.visible import shows

MOST = 20
LONGEST_NAME = 60


@dataclass(frozen=True)
class NamedView:
    """A named set of filters, as query parameters of the queue."""

    id: str
    name: str
    filters: dict[str, str]


class SavedViews:
    """Manages people's saved views."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def of(self, actor: Actor) -> list[NamedView]:
        """The actor's views, by name."""
        query = select(SavedView).where(SavedView.person_id == actor.id).order_by(func.lower(SavedView.name))
        with self._sessions.reads() as session:
            return [NamedView(view.id, view.name, dict(view.filters)) for view in session.scalars(query)]

    def save(self, actor: Actor, name: str, filters: Mapping[str, str]) -> NamedView:
        """Save the filters under a name, replacing a view of the same name.

        Raises:
            InvalidInputError: the name is not valid, there are no filters, or too many views.
        """
        name = _usable(name)
        if not filters:
            raise InvalidInputError("Choose filters for the view first.", {"filters": "none chosen"})
        values = {"id": str(uuid.uuid4()), "person_id": actor.id, "name": name, "filters": mask(dict(filters))[0]}
        statement = insert(SavedView).values(**values, created_at=self._clock())
        statement = statement.on_conflict_do_update(
            index_elements=["person_id", "name"], set_={"filters": statement.excluded.filters}
        )
        with self._sessions.begin() as session:
            session.execute(statement)
            own = session.scalars(select(SavedView).where(SavedView.person_id == actor.id)).all()
            if len(own) > MOST:
                raise InvalidInputError(f"At most {MOST} views can be saved; delete one first.", {"name": "too many"})
            view = next(row for row in own if row.name == name)
            return NamedView(view.id, view.name, dict(view.filters))

    def rename(self, actor: Actor, view_id: str, name: str) -> NamedView:
        """Rename one of the actor's views. Raises NotFoundError, InvalidInputError."""
        name = _usable(name)
        try:
            with self._sessions.begin() as session:
                view = session.get(SavedView, view_id)
                if view is None or view.person_id != actor.id:
                    raise NotFoundError("You have no such view.")
                view.name = name
                return NamedView(view.id, name, dict(view.filters))
        except IntegrityError as error:
            raise InvalidInputError("You already have a view with this name.", {"name": "taken"}) from error

    def delete(self, actor: Actor, view_id: str) -> None:
        """Delete one of the actor's views. Nothing happens if it does not exist."""
        with self._sessions.begin() as session:
            session.execute(delete(SavedView).where(SavedView.id == view_id, SavedView.person_id == actor.id))


def _usable(name: str) -> str:
    name = mask_text(" ".join(name.split()))
    if not shows(name) or len(name) > LONGEST_NAME or not is_storable(name) or not is_line(name):
        raise InvalidInputError(f"A view needs a name of at most {LONGEST_NAME} characters.", {"name": "not valid"})
    return name
