"""Requests as somebody sees them in Slack, and the calls that Slack makes to us."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.domain.people import Via
from app.domain.policy.terms import Stage, Terms
from app.notify.slack.blocks import Pressed
from app.services.bundle import Services
from app.store.requests import ApprovalRequest
from tests.factories import make_delivery, make_person, make_request
from tests.slackserver import TEAM, SlackServer, interaction, press, signed, submit

OF_DBAS = Terms(name="own", deadline_seconds=3600, reason_required=(), stages=(Stage(name="DBA", teams=("dba",)),))


class Scene:
    """A request, somebody who is asked, and their message in Slack."""

    def __init__(self, app: Flask, services: Services, slack: SlackServer, **values: Any) -> None:
        self.app, self.services, self.slack = app, services, slack
        slack.said.clear()
        slack.windows.clear()
        self.person = make_person(services.sessions, "DBA on call")
        self.user = slack.add(self.person.email)
        terms = values.pop("terms", Terms(name="any", deadline_seconds=3600, reason_required=()))
        self.request = make_request(services.sessions, terms=terms, **values)
        self.delivery = make_delivery(
            services.sessions, self.request, self.person, "sent", channel="slack", reference="D1:1",
            html=None, text=None,
        )  # fmt: skip

    def button(self, name: str, **values: str) -> dict[str, Any]:
        """A button of the message."""
        digest = values.get("digest", self.request.digest)
        return {"action_id": name, "value": Pressed(self.delivery.id, self.request.id, digest).to_text()}

    def post(self, body: str, headers: dict[str, str] | None = None, path: str = "/slack/interactions") -> Any:
        """What we answer to a call."""
        headers = signed(body) if headers is None else headers
        return self.app.test_client().post(path, data=body, headers=headers, buffered=True)

    def press(self, name: str, user: str = "", **values: str) -> str:
        """Press a button; what the one who pressed it is then told."""
        before = len(self.slack.said)
        answer = self.post(interaction(press(self.slack, user or self.user, self.button(name, **values))))
        assert (answer.status_code, answer.text) == (200, "")
        assert all(message["response_type"] == "ephemeral" for message in self.slack.said)
        return "".join(message["text"] for message in self.slack.said[before:])

    def send(self, window: dict[str, Any], **written: str) -> dict[str, Any]:
        """Send a window."""
        answer = self.post(interaction(submit(self.user, window, **written)))
        assert answer.status_code == 200
        return dict(answer.get_json())

    def command(self, words: str = "", user: str = "") -> dict[str, Any]:
        """Use `/assent`."""
        body = f"command=%2Fassent&text={words}&user_id={user or self.user}&user_name=dba&team_id={TEAM}"
        answer = self.post(f"{body}&trigger_id={len(self.slack.calls)}", path="/slack/commands")
        assert answer.status_code == 200
        return dict(answer.get_json())

    def fresh(self) -> ApprovalRequest:
        """The request as stored now."""
        with self.services.sessions() as session:
            return session.get_one(ApprovalRequest, self.request.id)

    def decisions(self) -> list[Any]:
        """What was decided."""
        return self.services.views.request(self.request.id, self.person.as_actor(Via.PAGE)).decisions

    def rewritings(self) -> int:
        """How many jobs wait to bring the message up to date."""
        query = text("select count(*) from procrastinate_jobs where task_name = 'notify.rewrite' and "
                     "args ->> 'delivery' = :id")  # fmt: skip
        with self.services.sessions() as session:
            return int(session.execute(query, {"id": self.delivery.id}).scalar_one())


def said(window: dict[str, Any]) -> str:
    """All that a window says."""
    return json.dumps(window, ensure_ascii=False)
