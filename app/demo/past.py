"""The past of a demo: the use cases of real life, on a clock that is set to days ago and runs up to now.

Everything is written in one transaction, whose first act marks the database as a demo, which only an empty database
accepts (`app.services.demo_marks`). So nothing can be dated back in any other database, nor later in this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from app.domain.notices import Channel, Notice, Refused, Result, Sender, WebhookCall
from app.notify.mail.outbox import OutboxSender
from app.notify.slack.outbox import SlackOutbox
from app.services.bundle import Services, services_over
from app.services.demo_marks import DemoMarks
from app.services.notifications.planner import NotificationPlanner
from app.store.jobs import DUE_DELIVERIES, NEXT_SCHEDULED, NOTIFY_QUEUE
from app.store.one_transaction import one_transaction
from app.worker.post import Post

PLANNED_AFTER = timedelta(milliseconds=700)
"""How long after an event a worker has notified people of it."""
_AHEAD = f"""
    select
        array(select event_id from unplanned_events order by event_id) as unplanned,
        ({DUE_DELIVERIES}) as jobs,
        least(
            ({NEXT_SCHEDULED}),
            (select min(due_at) from approval_requests where due_at is not null)) as due"""  # noqa: S608 - constants


class PastClock:
    """A clock that stands still until it is set, and only ever forward.

    Raises:
        RuntimeError: The database is not marked as a demo.
    """

    def __init__(self, marks: DemoMarks, begins: datetime) -> None:
        if not marks.is_marked():
            raise RuntimeError("Only a database that is marked as a demo has a past that can be made.")
        self._now = begins

    def __call__(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Set it forward. A moment that has passed changes nothing."""
        self._now = max(self._now, moment)


class Past:
    """Time passes as with a worker: deadlines are kept, people are notified, and messages are kept in the outbox.

    Attributes:
        services: The use cases, whose clock is that of the past.
        clock: The same clock.
    """

    def __init__(self, services: Services, clock: PastClock, public_url: str, secret_key: str) -> None:
        self.services = services
        self.clock = clock
        self._planner = NotificationPlanner(services.sessions, clock)
        self._due: datetime | None = None
        self._post = Post(services.sessions, clock, _senders(clock), public_url, secret_key, demo=True)

    def pass_until(self, moment: datetime) -> None:
        """Let time pass until then, and do what becomes due meanwhile, each thing at its time."""
        while self._due is not None and self._due <= moment:
            self.clock.set(self._due)
            self.services.checkpoints.keep_many(self.services.checkpoints.due())
            self.notify()
        self.clock.set(moment)

    def notify(self) -> None:
        """Notify people of what has happened, and keep the messages that are due."""
        ahead = self._ahead()
        if ahead["unplanned"]:
            self.clock.set(self.clock() + PLANNED_AFTER)
            self._planner.plan(ahead["unplanned"])
            ahead = self._ahead()
        for job in ahead["jobs"]:
            if self._post.deliver(job["delivery"], job["id"]) is None:
                self._post.deliveries.end_job(job["id"])
        self._due = (self._ahead() if ahead["jobs"] else ahead)["due"]

    def _ahead(self) -> dict[str, Any]:
        values = {"queue": NOTIFY_QUEUE, "now": self.clock()}
        return self.services.sessions.execute(_AHEAD, values)[0]


@contextmanager
def the_past(engine: Engine, begins: datetime, public_url: str, secret_key: str) -> Iterator[Past]:
    """Mark an empty database as a demo, and yield its past. All of it is committed when the block ends, or nothing.

    Raises:
        ConflictError: The database is not empty, or is marked already.
    """
    with one_transaction(engine) as sessions:
        marks = DemoMarks(sessions)
        marks.mark()
        clock = PastClock(marks, begins)
        yield Past(services_over(sessions, clock, secret_key=secret_key, demo=True), clock, public_url, secret_key)


class _Nowhere:
    """Nothing leaves the portal for the past: what would have been called says that it is gone."""

    def send(self, content: WebhookCall | Notice, /) -> Result:
        """Refuse the call."""
        return Refused("The server answered 410 Gone.", gone=True)


def _senders(clock: PastClock) -> dict[Channel, Sender]:
    nowhere = _Nowhere()
    return {
        Channel.MAIL: OutboxSender(clock, with_links=True), Channel.SLACK: SlackOutbox(),
        Channel.WEBHOOK: nowhere, Channel.APPRISE: nowhere,
    }  # fmt: skip
