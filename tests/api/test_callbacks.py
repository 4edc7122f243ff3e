"""Agents elsewhere that are called when their request is settled, over a real server."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ag_ui.core import CustomEvent, RunAgentInput, RunFinishedEvent, RunStartedEvent
from ag_ui.encoder import EventEncoder
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
from tests.hookserver import Call, HookServer

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


def ask(agent: Program, url: str, secret: str, **more: Any) -> dict[str, Any]:
    """A request whose agent wants to be called."""
    body = {"proposal": PROPOSAL, "callback": {"url": url, "secret": secret} | more}
    answer = agent.post("/api/v1/approvals", body)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def decide(call: Callable[[str], Caller], request: dict[str, Any], verdict: str = "approve") -> None:
    """Have a reviewer decide on it."""
    body = {"verdict": verdict, "digest": request["digest"], "comment": "So be it."}
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
        (
            {"url": "https://hooks.example.com/x", "secret": new_secret(), "ag_ui": {"thread_id": "t"}},
            "callback.ag_ui.interrupt_id",
        ),
    ],
)
def test_callbacks_that_cannot_be_used(agent: Program, callback: dict[str, str], field: str) -> None:
    answer = agent.post("/api/v1/approvals", {"proposal": PROPOSAL, "callback": callback})
    assert (answer.status_code, list(answer.json["fields"])) == (422, [field])


ASKED_OVER_AG_UI = {"thread_id": "a conversation", "interrupt_id": "int-1"}


@pytest.mark.parametrize(("verdict", "approved"), [("approve", True), ("reject", False)])
def test_an_agent_that_speaks_ag_ui_is_run_with_the_answer(
    services, agent, call, hooks, work, verdict, approved
) -> None:
    secret, told, finished = new_secret(), threading.Event(), threading.Event()

    def answer(made: Call) -> Iterator[str]:
        given, encoder = RunAgentInput.model_validate_json(made.body), EventEncoder()
        yield encoder.encode(RunStartedEvent(thread_id=given.thread_id, run_id=given.run_id))
        assert told.wait(60), "the delivery waits for the agent's run"
        # Several, as a connection that is closed shows only at the second.
        for _ in range(20):
            yield encoder.encode(CustomEvent(name="did", value="a part of it"))
        yield encoder.encode(RunFinishedEvent(thread_id=given.thread_id, run_id=given.run_id))
        finished.set()

    hooks.stream = answer
    request = ask(agent, hooks.url, secret, ag_ui=ASKED_OVER_AG_UI)
    decide(call, request, verdict)
    work()
    told.set()
    assert finished.wait(60), "nobody listened to the run"
    [made] = hooks.calls
    Webhook(secret).verify(made.body, made.headers)
    assert made.headers["accept"] == "text/event-stream"
    given = RunAgentInput.model_validate_json(made.body)
    [resumed] = given.resume or []
    assert (given.thread_id, resumed.interrupt_id, resumed.status) == ("a conversation", "int-1", "resolved")
    assert resumed.payload["approved"] is approved and resumed.payload["verdict"] == verdict
    assert resumed.metadata["assent"]["request_id"] == request["id"]
    with services.sessions() as session:
        query = select(Delivery).where(Delivery.request_id == request["id"], Delivery.kind == "callback")
        [delivery] = session.scalars(query)
    assert (delivery.state, delivery.id) == ("sent", given.run_id)
    assert agent.get(f"/api/v1/approvals/{request['id']}").json["receipt"]["status"] == "delivered"


def test_an_answer_that_is_called_with_cannot_be_taken_back(agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    hooks.always = (503, {})
    decide(call, request, "reject")
    work()
    assert len(hooks.calls) == 1, "it may have been read, whatever it answered"
    again = call("reviewer").post(f"/api/v1/approvals/{request['id']}/reopening", {"reason": "Was a mistake."})
    assert again.status_code == 409


def test_one_that_ends_without_an_answer_is_cancelled(agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    assert agent.post(f"/api/v1/approvals/{request['id']}/cancel", {"reason": "No need."}).status_code == 200
    work()
    [made] = hooks.calls
    [resumed] = RunAgentInput.model_validate_json(made.body).resume or []
    assert (resumed.interrupt_id, resumed.status, resumed.payload) == ("int-1", "cancelled", None)
