"""Slack with real processes: a worker that dies while it posts, a button that is pressed at a web process of eventlet,
and a message that the worker then brings up to date."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import requests

from app.domain.choices import DEFAULT, Choice, Choices, Way
from app.domain.events import EventKind
from app.domain.people import Role, Via
from app.domain.policy.terms import Terms
from app.services.bundle import build_services
from app.services.clock import system_clock
from app.services.notifications.preferences import NotificationPreferences
from app.store.engine import make_engine
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel
from tests.factories import add_event, make_person, make_request
from tests.processes.crew import until
from tests.processes.harness import Desk
from tests.slackserver import SECRET, TOKEN, SlackServer, buttons, interaction, press, signed, words

pytestmark = pytest.mark.processes
BY_SLACK = Choices({kind: Choice(Way.SLACK, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT})


def test_a_message_survives_its_worker_and_its_button_decides(database_url: str, tmp_path: Path) -> None:
    services = build_services(make_engine(database_url))
    slack = SlackServer()
    slack.start()
    person = make_person(services.sessions, "DBA on call", [Role.REVIEWER])
    NotificationPreferences(services.sessions, system_clock).choose(person.as_actor(Via.PAGE), BY_SLACK)
    user = slack.add(person.email)
    settings = {
        "ASSENT_SLACK_BOT_TOKEN": TOKEN, "ASSENT_SLACK_SIGNING_SECRET": SECRET, "ASSENT_SLACK_API_URL": slack.url,
        "ASSENT_WORKFLOWS": "tests.flows:GATE",
    }  # fmt: skip
    with Desk(database_url, tmp_path, **settings) as desk:
        worker, web = desk.worker(), desk.web()
        posts = count(1)

        def die(method: str) -> None:
            if method == "chat.postMessage" and next(posts) == 1:
                os.kill(worker.pid, signal.SIGKILL)

        slack.on_call = die
        terms = Terms(name="any", deadline_seconds=3600, reason_required=())
        request = make_request(services.sessions, terms=terms, expires_in=timedelta(hours=4))
        with services.sessions.begin() as session:
            add_event(session, EventKind.REQUEST_OPENED, request_id=request.id)
        worker.wait()
        worker.start()
        # What was under way when it died may have arrived, and is posted again: the documented window.
        until(lambda: len(slack.to(user)) >= 2, 30, "the message is posted again")
        place = slack.order[-1]
        message = slack.messages[place]
        assert set(buttons(message)) >= {"approve", "reject"}

        answered = threading.Event()
        slack.on_said = lambda: None if answered.wait(30) else slack.said.append({"text": "too early"})
        body = interaction(press(slack, user, buttons(message)["approve"]))
        # Slack gives up after three seconds: the answer does not wait for what is said besides.
        answer = requests.post(f"{desk.url}/slack/interactions", body, headers=signed(body), timeout=25)
        answered.set()
        assert answer.status_code == 200, web.logs[-2000:]
        with services.sessions() as session:
            assert session.get_one(ApprovalRequest, request.id).state == "approved"
        until(lambda: slack.said, what="a reply to the person who pressed")
        until(lambda: "approve" not in buttons(slack.messages[place]), what="the message has no such buttons any more")
        assert "approved" in words(slack.messages[place])
    slack.stop()
    services.engine.dispose()
