"""People's notification preferences."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.domain.choices import Choices, Way
from app.domain.errors import InvalidInputError
from app.domain.notices import Channel, DeliveryState
from app.domain.people import Action, Actor
from app.services.clock import Clock
from app.services.notifications.person_choices import choices_of, first_way
from app.services.record.audit import record
from app.store.engine import Sessions
from app.store.notify import Delivery, NotifyChoices, NotifyDefault


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

    def first(self) -> Way:
        """The way that comes first for everybody who has not chosen."""
        with self._sessions.reads() as session:
            return first_way(session)

    def choose_first(self, actor: Actor, way: str, available: Collection[Way]) -> None:
        """Change it, for future events.

        Args:
            available: the ways that work here.

        Raises:
            ForbiddenError, InvalidInputError.
        """
        actor.require(Action.MANAGE_DELIVERIES)
        if way not in available:
            raise InvalidInputError("This channel cannot come first.", {"way": "Choose one of these."})
        now = self._clock()
        put = insert(NotifyDefault).values(id=1, way=way, changed_at=now)
        with self._sessions.begin() as session:
            before = first_way(session)
            session.execute(put.on_conflict_do_update(index_elements=["id"], set_={"way": way, "changed_at": now}))
            record(session, actor, "delivery.first_channel", now, **{"from": before.value, "to": way})

    def choose(self, actor: Actor, wanted: Choices) -> None:
        """Store the preferences; they apply to future events."""
        row = {"body": wanted.to_json(), "updated_at": self._clock()}
        keeping = insert(NotifyChoices).values(person_id=actor.id, **row)
        with self._sessions.begin() as session:
            session.execute(keeping.on_conflict_do_update(index_elements=["person_id"], set_=row))
