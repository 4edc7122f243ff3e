"""People's notification preferences."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from app.domain.choices import Choices
from app.domain.people import Actor
from app.services.clock import Clock
from app.services.notifications.planner import choices_of
from app.store.engine import Sessions
from app.store.notify import NotifyChoices


class NotificationPreferences:
    """Reads and stores notification preferences; people can only access their own."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def of(self, actor: Actor) -> Choices:
        """The actor's preferences, or the defaults."""
        with self._sessions.reads() as session:
            return choices_of(session, [actor.id])[actor.id]

    def choose(self, actor: Actor, wanted: Choices) -> None:
        """Store the preferences; they apply to future events."""
        row = {"body": wanted.to_json(), "updated_at": self._clock()}
        keeping = insert(NotifyChoices).values(person_id=actor.id, **row)
        with self._sessions.begin() as session:
            session.execute(keeping.on_conflict_do_update(index_elements=["person_id"], set_=row))
