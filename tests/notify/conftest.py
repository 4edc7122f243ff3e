"""A desk whose people are told, over a mail server that runs here or without one, with a clock that tests move."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.domain.notices import DeliveryState
from app.notify.channels import senders
from app.settings import Settings
from app.store.notify import Delivery, UnplannedEvent
from app.worker.post import Post
from tests.mailserver import MailServer
from tests.services.desk import Desk, SettableClock, make_desk

SECRET_KEY = "a secret key for tests, of no value anywhere"
BASE = "https://assent.example"


@dataclass
class PostOffice:
    """A desk and its post. No worker runs: a test says when jobs are done."""

    desk: Desk
    settings: Settings
    post: Post
    done: list[tuple[str, DeliveryState | None]] = field(default_factory=list)

    def plan(self) -> list[str]:
        """Plan the deliveries of all events, due or not; the ids of the new ones."""
        with self.desk.sessions() as session:
            events = session.scalars(select(UnplannedEvent.event_id).order_by(UnplannedEvent.event_id)).all()
        return self.post.planning.plan(events) if events else []

    def work(self) -> list[DeliveryState | None]:
        """Do all jobs that are due by the desk's clock, until none is."""
        states: list[DeliveryState | None] = []
        while True:
            self.plan()
            query = text(
                "select id, args from procrastinate_jobs where task_name = 'notify.deliver' and status = 'todo' "
                "and (scheduled_at is null or scheduled_at <= :now) order by priority desc, id"
            )
            with self.desk.sessions() as session:
                jobs = session.execute(query, {"now": self.desk.clock()}).all()
            if not jobs:
                return states
            for job in jobs:
                state = self.post.deliver(job.args["delivery"], job.id)
                if state is None:
                    self.post.deliveries.end_job(job.id)
                states.append(state)
                self.done.append((job.args["delivery"], state))

    def work_all(self) -> None:
        """Do all that is due, also the rewriting of messages."""
        self.work()
        query = text(
            "select id, args from procrastinate_jobs where task_name = 'notify.rewrite' and status = 'todo' "
            "and (scheduled_at is null or scheduled_at <= :now) order by id"
        )
        with self.desk.sessions() as session:
            jobs = session.execute(query, {"now": self.desk.clock()}).all()
        for job in jobs:
            self.post.rewrite(job.args, job.id)

    def waiting(self) -> int:
        """Events that are not planned and jobs that are not done."""
        query = text(
            "select (select count(*) from unplanned_events) + "
            "(select count(*) from procrastinate_jobs where queue_name = 'notify')"
        )
        with self.desk.sessions() as session:
            return int(session.execute(query).scalar_one())

    def of(self, request: Any = None) -> list[Delivery]:
        """Deliveries, oldest first; of a request, or all."""
        query = select(Delivery).order_by(Delivery.created_at, Delivery.key)
        if request is not None:
            query = query.where(Delivery.request_id == request.id)
        with self.desk.sessions() as session:
            return list(session.scalars(query))

    def reconfigure(self, **values: Any) -> None:
        """Go on with other settings, as after a restart."""
        self.settings = self.settings.model_copy(update=values)
        self.post = _post(self.desk, self.settings)

    def later(self, **span: float) -> None:
        """Let time go by."""
        self.desk.clock.ahead += timedelta(**span)


def make_office(database_url: str, mail: MailServer | None = None, **values: Any) -> PostOffice:
    """A post office over that mail server; None: over none."""
    desk = make_desk(database_url)
    settings = Settings(
        secret_key=SECRET_KEY, base_url=BASE,
        **({"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_tls": "none",
            "mail_from": "Assent <assent@example.org>"} if mail else {}) | values,
    )  # fmt: skip
    return PostOffice(desk, settings, _post(desk, settings))


def _post(desk: Desk, settings: Settings) -> Post:
    return Post(desk.sessions, desk.clock, senders(settings, desk.clock), BASE, SECRET_KEY, settings.demo)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still unless the test moves it, and not shortly before midnight."""
    start = datetime.now(UTC)
    start -= timedelta(hours=1 if start.hour == 23 else 0)
    monkeypatch.setattr(SettableClock, "__call__", lambda self: start + self.ahead)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def office(database_url: str, mail: MailServer) -> Iterator[PostOffice]:
    """A post office that sends mails."""
    made = make_office(database_url, mail)
    yield made
    made.desk.engine.dispose()


@pytest.fixture
def outbox(database_url: str) -> Iterator[PostOffice]:
    """A post office without a mail server."""
    made = make_office(database_url)
    yield made
    made.desk.engine.dispose()


@pytest.fixture
def team() -> str:
    """A team of this test alone."""
    return f"team-{secrets.token_hex(4)}"
