"""People's notification preferences."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.domain.choices import Choices
from app.domain.notices import Channel, DeliveryState
from app.domain.people import Actor
from app.services.clock import Clock
from app.services.notifications.planner import choices_of
from app.store.engine import Sessions
from app.store.notify import Delivery, NotifyChoices


class NotificationPreferences:
    """Reads and stores notification preferences; people can only access their own."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def of(self, actor: Actor) -> Choices:
        """The actor's preferences, or the defaults."""
        with self._sessions.reads() as session:
            return choices_of(session, [actor.id])[actor.id]

    def slack_failure(self, actor: Actor) -> str:
        """Why the last message to the actor in Slack could not be delivered; empty: it was, or there is none."""
        query = select(Delivery.state, Delivery.reason).where(
            Delivery.person_id == actor.id, Delivery.channel == Channel.SLACK.value,
            Delivery.state.in_([DeliveryState.SENT.value, DeliveryState.FAILED.value]),
        )  # fmt: skip
        with self._sessions.reads() as session:
            last = session.execute(query.order_by(Delivery.created_at.desc()).limit(1)).one_or_none()
        return str(last.reason) if last is not None and last.state == DeliveryState.FAILED.value else ""

    def choose(self, actor: Actor, wanted: Choices) -> None:
        """Store the preferences; they apply to future events."""
        row = {"body": wanted.to_json(), "updated_at": self._clock()}
        keeping = insert(NotifyChoices).values(person_id=actor.id, **row)
        with self._sessions.begin() as session:
            session.execute(keeping.on_conflict_do_update(index_elements=["person_id"], set_=row))
