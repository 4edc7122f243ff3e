"""Notifies admins over other channels that the mail server or Slack refuses everything, because of our own account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.notices import WAITING, Channel, DeliveryState, NoticeKind
from app.domain.people import Role
from app.services.clock import Clock
from app.services.notifications.browsers import with_browsers
from app.services.notifications.delivery_rows import BY_MAIL, DeliveryPlan, new_row, write_in
from app.store.engine import Sessions
from app.store.notify import Delivery
from app.store.people import Person

LOOKING_BACK = timedelta(days=7)
"""A message that was refused before is one of those that nobody wants to send any more."""
_UNSENT = (*(state.value for state in WAITING), DeliveryState.FAILED.value)


class ChannelTrouble:
    """Notifies admins once a day for as long as a channel is refused.

    Args:
        slack: a Slack app is configured.
    """

    def __init__(self, sessions: Sessions, clock: Clock, slack: bool) -> None:
        self._sessions = sessions
        self._clock = clock
        self._slack = slack
        self._noted: dict[Channel, str] = {}

    def note(self, channel: Channel) -> None:
        """A message over that channel was refused for a reason that concerns all of them."""
        now = self._clock()
        day = f"{now:%Y-%m-%d}"
        if self._noted.get(channel) == day:
            return
        with self._sessions.begin() as session:
            write_in(session, self._plans(session, channel, day, now))
        self._noted[channel] = day

    def _plans(self, session: Session, refused: Channel, day: str, now: datetime) -> list[DeliveryPlan]:
        active = session.scalars(select(Person).where(Person.active)).all()
        admins = [person for person in active if Role.ADMIN.value in person.roles]
        showing = with_browsers(session, [admin.id for admin in admins])
        return [
            DeliveryPlan(
                new_row(
                    f"refused:{refused.value}:{day}:{admin.id}:{channel.value}", NoticeKind.CHANNEL_REFUSED, channel,
                    now, person_id=admin.id, address=admin.email,
                )
            )
            for admin in admins
            for channel in self._channels(admin.id in showing)
            if channel is not refused
        ]  # fmt: skip

    def _channels(self, browsers: bool) -> Sequence[Channel]:
        return (Channel.MAIL, *((Channel.SLACK,) if self._slack else ()), *((Channel.BROWSER,) if browsers else ()))


def unsent(session: Session, now: datetime, channel: Channel) -> tuple[int, str]:
    """How many of the last days' messages to people wait for another attempt or have failed, and why the last one."""
    tried = (
        Delivery.channel == channel.value, Delivery.person_id.is_not(None), Delivery.state.in_(_UNSENT),
        Delivery.attempts > 0, Delivery.reason != "", ~Delivery.reason.endswith(BY_MAIL),
        Delivery.created_at > now - LOOKING_BACK,
    )  # fmt: skip
    number = session.scalar(select(func.count()).where(*tried)) or 0
    last = select(Delivery.reason).where(*tried).order_by(Delivery.due_at.desc(), Delivery.id).limit(1)
    return number, (session.scalar(last) or "") if number else ""
