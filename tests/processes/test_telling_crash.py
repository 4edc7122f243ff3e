"""`kill -9` of a worker that tells people: nobody is left out, and nobody is told twice outside of the window."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from app.domain.destinations import destination_terms
from app.domain.events import EventKind
from app.domain.people import SYSTEM, Role
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from app.store.notify import Delivery
from app.worker.courier import AT_ONCE
from tests.factories import add_event, make_person, make_request
from tests.hookserver import HookServer
from tests.mailserver import MailServer
from tests.processes.harness import SECRET_KEY, Desk

pytestmark = pytest.mark.processes
PEOPLE = 12


def states(services: Services) -> Counter[str]:
    """How many deliveries there are in each state."""
    query = select(Delivery.state, func.count()).group_by(Delivery.state)
    with services.sessions() as session:
        return Counter({row[0]: row[1] for row in session.execute(query)})


def test_killed_while_telling(database_url: str, tmp_path: Path) -> None:
    services = build_services(make_engine(database_url))
    people = [make_person(services.sessions, f"Reviewer {number}", [Role.REVIEWER]) for number in range(PEOPLE)]
    mail = MailServer()
    mail.start()
    settings = {
        "ASSENT_SMTP_HOST": "127.0.0.1", "ASSENT_SMTP_PORT": str(mail.port), "ASSENT_SMTP_TLS": "none",
        "ASSENT_MAIL_FROM": "assent@example.org", "ASSENT_WORKFLOWS": "tests.flows:GATE",
    }  # fmt: skip
    with Desk(database_url, tmp_path, **settings) as desk:
        worker = desk.worker()
        receivers, mails = count(1), count(1)
        killed: list[int] = []

        def die(pid: int) -> None:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

        # Before the server has the mail, and after it has it but before it has said so.
        mail.on_receiver = lambda: die(worker.pid) if next(receivers) == 3 else None
        request = make_request(services.sessions, expires_in=timedelta(hours=4))
        with services.sessions.begin() as session:
            add_event(session, EventKind.REQUEST_OPENED, request_id=request.id)
        worker.wait()
        before = len(mail.mails)
        mail.on_data = lambda: die(worker.pid) if next(mails) == 3 else None
        worker.start()
        worker.wait()
        mail.on_data = lambda: None
        worker.start()
        deadline = time.monotonic() + 30
        while states(services) != {"sent": PEOPLE}:
            assert time.monotonic() < deadline, f"{states(services)}\n{worker.logs[-3000:]}"
            time.sleep(0.05)
    mail.stop()
    assert len(killed) == 2 and before < PEOPLE
    ids = {person.id: {message["Message-ID"] for message in mail.to(person)} for person in people}
    assert all(len(ids_of_person) == 1 for ids_of_person in ids.values()), (
        "somebody who gets a mail twice can tell that it is the same"
    )
    twice = len(mail.mails) - PEOPLE
    # Each time, at most those were under way that a worker has under way at once.
    assert 1 <= twice <= 2 * AT_ONCE
    with services.sessions() as session:
        assert session.scalar(select(func.max(Delivery.attempts))) <= 3
    services.engine.dispose()


def test_killed_while_a_webhook_is_called(database_url: str, tmp_path: Path) -> None:
    services = build_services(make_engine(database_url), secret_key=SECRET_KEY)
    hooks = HookServer()
    hooks.start()
    terms = destination_terms("webhook", "Chat bot", hooks.url, ["request.opened"])
    _, secret = services.destinations.add(SYSTEM, terms, "somewhere")
    settings = {"ASSENT_ALLOWED_NETWORKS": "127.0.0.0/8", "ASSENT_WORKFLOWS": "tests.flows:GATE"}
    with Desk(database_url, tmp_path, **settings) as desk:
        worker = desk.worker()
        calls = count(1)
        hooks.on_call = lambda _call: os.kill(worker.pid, signal.SIGKILL) if next(calls) == 3 else None
        for _ in range(PEOPLE):
            request = make_request(services.sessions, expires_in=timedelta(hours=4))
            with services.sessions.begin() as session:
                add_event(session, EventKind.REQUEST_OPENED, request_id=request.id)
        worker.wait()
        worker.start()
        deadline = time.monotonic() + 30
        while states(services) != {"sent": PEOPLE}:
            assert time.monotonic() < deadline, f"{states(services)}\n{worker.logs[-3000:]}"
            time.sleep(0.05)
    hooks.stop()
    told = [Webhook(secret).verify(call.body, call.headers)["data"]["request"]["id"] for call in hooks.calls]
    assert len(set(told)) == PEOPLE
    ids = {call.headers["webhook-id"] for call in hooks.calls}
    assert len(ids) == PEOPLE, "a receiver that is called twice can tell that it is the same"
    assert 1 <= len(hooks.calls) - PEOPLE <= AT_ONCE
    services.engine.dispose()
