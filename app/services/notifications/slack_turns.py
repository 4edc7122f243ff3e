"""Turns of messages in Slack, which takes one a second in each channel and for each person.

Without turns, many messages at once would each be refused, and each refusal makes the pause longer. Turns are kept in
the database, so they are the same for all workers, and a pause that Slack asks for holds after a restart.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.domain.notices import PAUSES, Later
from app.services.clock import Clock
from app.store.batch import execute
from app.store.engine import Sessions
from app.store.notify import Delivery

PACE = timedelta(seconds=1)
BURST = timedelta(seconds=2)
"""A few messages may come at once before the pace applies."""
TURN_LASTS = timedelta(seconds=5)
"""A turn that was missed by this long is given up for a new one."""
WAITS = "Waiting for its turn: Slack accepts one message a second there."
ASKED = "Slack asked us to wait."
"""The reasons of deliveries that have a turn, at the time at which they are due."""
LOOKUPS = ("users.lookupByEmail", "conversations.open")
"""What is limited for everybody together, as targets of their own."""
_TAKE = """
    insert into slack_turns as kept (target, next_at)
    values (%(target)s, %(now)s::timestamptz - %(burst)s::interval + %(pace)s::interval)
    on conflict (target) do update
        set next_at = greatest(kept.next_at, %(now)s::timestamptz - %(burst)s::interval) + %(pace)s::interval
    returning next_at - %(pace)s::interval as at"""
_HELD = """
    select target from slack_turns where target = any(%(targets)s) and held_until > %(now)s
    order by held_until desc limit 1"""
_HOLD = """
    insert into slack_turns as kept (target, next_at, held_until) values (%(target)s, %(until)s, %(until)s)
    on conflict (target) do update set next_at = greatest(kept.next_at, %(until)s::timestamptz),
        held_until = greatest(kept.held_until, %(until)s::timestamptz)
    returning target"""


class SlackTurns:
    """Gives turns."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def wait(self, target: str, delivery: Delivery) -> datetime | None:
        """Until when a delivery has to wait for its turn; None: it is now.

        Args:
            target: the channel or person.
        """
        now = self._clock()
        held = self._sessions.execute(_HELD, {"targets": [target, *LOOKUPS], "now": now})
        if held:
            return self._take(held[0]["target"], now)
        if delivery.reason in (WAITS, ASKED) and now - delivery.due_at < TURN_LASTS:
            return None
        at = self._take(target, now)
        return at if at > now else None

    def pause(self, target: str, refused: Later) -> datetime:
        """Pause for as long as Slack asks for; returns the next turn afterwards.

        Looking people up is limited for all of them together, posting for each channel and person.
        """
        now = self._clock()
        target = refused.limited if refused.limited in LOOKUPS else target
        execute(self._sessions, _HOLD, {"target": target, "until": now + (refused.after or PAUSES[0])})
        return self._take(target, now)

    def _take(self, target: str, now: datetime) -> datetime:
        taken: datetime = execute(self._sessions, _TAKE, {"target": target, "now": now, "burst": BURST, "pace": PACE})[
            "at"
        ]
        return taken
