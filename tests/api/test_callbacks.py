"""Agents elsewhere that are called when their request is settled, over a real server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from standardwebhooks.webhooks import Webhook

from app.domain.destinations import new_secret
from app.domain.people import Role
from app.domain.policy.terms import ChangeWindow, Terms
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.factory import create_app
from app.notify.channels import senders
from app.services.bundle import Services
from app.services.clock import system_clock
from app.settings import Settings
from app.store.notify import Callback, Delivery
from app.store.requests import ApprovalRequest
from app.worker.post import Post
from tests.factories import Caller, Program, make_person, make_token
from tests.hookserver import HookServer

KEY = secrets.token_urlsafe(48)
PROPOSAL = {"kind": "script", "title": "Count", "language": "sql", "content": "select count(*) from orders"}


@pytest.fixture(scope="module")
def settings(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With leave to call this machine."""
    folder: Path = tmp_path_factory.mktemp("data")
    return Settings(
        database_url=module_database_url, data_dir=folder, secret_key=KEY, allowed_networks=("127.0.0.0/8",),
        async_mode="threading",
    )  # fmt: skip


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    """The web application."""
    made = create_app(settings)
    yield made
    made.extensions["assent_live"].listener.stop()
    made.extensions["assent"].engine.dispose()


@pytest.fixture(scope="module")
def agent(app: Flask, services: Services) -> Program:
    """An agent somewhere."""
    owner = make_person(services.sessions, "Release engineer", [Role.REVIEWER])
    return Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES, name="Deploy agent"))


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """The agent's own server."""
    server = HookServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def work(services: Services, settings: Settings) -> Callable[[], None]:
    """Does all jobs of the post that there are, as a worker would."""
    post = Post(services.sessions, system_clock, senders(settings, system_clock), settings.public_url, KEY)

    def jobs(name: str) -> list[Any]:
        query = text("select id, args from procrastinate_jobs where task_name = :name and status = 'todo' order by id")
        with services.sessions() as session:
            return list(session.execute(query, {"name": name}))

    def act() -> None:
        for job in jobs("notify.fan_out"):
            post.fan_out(job.args["events"], job.id)
        for job in jobs("notify.deliver"):
            if post.deliver(job.args["delivery"], job.id) is None:
                post.deliveries.end_job(job.id)

    return act


def ask(agent: Program, url: str, secret: str) -> dict[str, Any]:
    """A request whose agent wants to be called."""
    body = {"proposal": PROPOSAL, "callback": {"url": url, "secret": secret}}
    answer = agent.post("/api/v1/approvals", body)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def decide(call: Callable[[str], Caller], request: dict[str, Any]) -> None:
    """Have a reviewer approve it."""
    body = {"verdict": "approve", "digest": request["digest"], "comment": "So be it."}
    assert call("reviewer").post(f"/api/v1/approvals/{request['id']}/decisions", body).status_code == 201


def test_the_agent_is_called_once_it_can_have_its_outcome(services, agent, call, hooks, work) -> None:
    secret = new_secret()
    request = ask(agent, hooks.url, secret)
    work()
    assert hooks.calls == []
    decide(call, request)
    work()
    [made] = hooks.calls
    told = Webhook(secret).verify(made.body, made.headers)
    assert (told["type"], told["data"]["request_id"], told["data"]["state"]) == (
        "approval.settled", request["id"], "approved",
    )  # fmt: skip
    path = told["data"]["outcome_url"].split(":8000")[-1]
    assert agent.get(path).json["outcome"]["verdict"] == "approve"
    with services.sessions() as session:
        kept = session.get_one(Callback, request["id"])
        assert secret not in kept.secret and "key=abc" not in kept.address + kept.shown
        [delivery] = session.scalars(select(Delivery).where(Delivery.kind == "callback"))
        assert (delivery.state, delivery.subject) == ("sent", "approval.settled")
    page = call("admin").get(f"/deliveries/{delivery.id}").text
    assert "the agent that asked" in page and "key=abc" not in page


def test_it_waits_for_the_change_window(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret())
    shut = datetime.now(UTC) + timedelta(days=1)
    window = ChangeWindow(days=(shut.weekday(),), start="00:00", end="00:05", timezone="UTC")
    terms = Terms.from_json(request["terms"] | {"windows": [window.model_dump()]}).to_json()
    with services.sessions.begin() as session:
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id == request["id"]).values(terms=terms))
    decide(call, request)
    work()
    assert hooks.calls == []
    with services.sessions() as session:
        query = select(Delivery).where(Delivery.request_id == request["id"], Delivery.kind == "callback")
        [delivery] = session.scalars(query)
    assert delivery.state == "pending" and delivery.due_at.weekday() == shut.weekday()


def test_one_that_is_down_is_called_later(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret())
    hooks.always = (503, {})
    decide(call, request)
    work()
    hooks.always = (204, {})
    work()
    calls = [json.loads(each.body)["data"]["request_id"] for each in hooks.calls]
    assert calls == [request["id"]] * 2 and len({each.headers["webhook-id"] for each in hooks.calls}) == 1


@pytest.mark.parametrize(
    ("callback", "field"),
    [
        ({"url": "https://10.0.0.1/x", "secret": new_secret()}, "callback.url"),
        ({"url": "nonsense", "secret": new_secret()}, "callback.url"),
        ({"url": "https://hooks.example.com/x", "secret": "short"}, "callback.secret"),
        ({"url": "https://hooks.example.com/x"}, "callback.secret"),
    ],
)
def test_callbacks_that_cannot_be_used(agent: Program, callback: dict[str, str], field: str) -> None:
    answer = agent.post("/api/v1/approvals", {"proposal": PROPOSAL, "callback": callback})
    assert (answer.status_code, list(answer.json["fields"])) == (422, [field])
