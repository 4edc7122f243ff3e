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
from ag_ui.core import CustomEvent, RunAgentInput, RunErrorEvent, RunFinishedEvent, RunStartedEvent
from ag_ui.encoder import EventEncoder
from flask import Flask
from sqlalchemy import select, text, update
from standardwebhooks.webhooks import Webhook

from app.domain.destinations import new_secret
from app.domain.people import SYSTEM, Role
from app.domain.policy.terms import ChangeWindow, Terms
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.factory import create_app
from app.notify.channels import senders
from app.notify.webhook import event_streams
from app.services.bundle import Services
from app.services.clock import system_clock
from app.services.notifications.callback_messages import RunEnded
from app.settings import Settings
from app.store.notify import CallbackRow, Delivery, UnplannedEvent
from app.store.requests import ApprovalRequest
from app.worker.post import Post
from tests.factories import Caller, Program, close_app, make_person, make_token
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
    close_app(made)


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
def work(services: Services, settings: Settings) -> Callable[..., None]:
    """Does all jobs of the post that there are, as a worker would, `later` than now and with `changed` settings."""

    def jobs(name: str) -> list[Any]:
        query = text("select id, args from procrastinate_jobs where task_name = :name and status = 'todo' order by id")
        with services.sessions() as session:
            return list(session.execute(query, {"name": name}))

    def act(later: timedelta = timedelta(0), run_ended: RunEnded | None = None, **changed: Any) -> None:
        def clock() -> datetime:
            return system_clock() + later

        ways = senders(settings.model_copy(update=changed), clock)
        post = Post(services.sessions, clock, ways, settings.public_url, KEY, run_ended=run_ended)
        with services.sessions() as session:
            events = session.scalars(select(UnplannedEvent.event_id)).all()
        post.planning.plan(events)
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


def windowed(services: Services, request: dict[str, Any], days: int = 1) -> datetime:
    """Let the request be carried out so many days later only, in five minutes of a night; a moment of that day."""
    shut = datetime.now(UTC) + timedelta(days=days)
    window = ChangeWindow(days=(shut.weekday(),), start="00:00", end="00:05", timezone="UTC")
    terms = Terms.from_json(request["terms"] | {"windows": [window.model_dump()]}).to_json()
    with services.sessions.begin() as session:
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id == request["id"]).values(terms=terms))
    return shut


def called(services: Services, request: dict[str, Any]) -> Delivery:
    """The delivery of the request's callback."""
    query = select(Delivery).where(Delivery.request_id == request["id"], Delivery.kind == "callback")
    with services.sessions() as session:
        return session.scalars(query).one()


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
        kept = session.get_one(CallbackRow, request["id"])
        assert secret not in kept.secret and "key=abc" not in kept.address + kept.shown
        [delivery] = session.scalars(select(Delivery).where(Delivery.kind == "callback"))
        assert (delivery.state, delivery.subject) == ("sent", "approval.settled")
    page = call("admin").get(f"/deliveries/{delivery.id}").text
    assert "the requesting agent" in page and "key=abc" not in page


def test_it_waits_for_the_change_window(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret())
    shut = windowed(services, request)
    decide(call, request)
    work()
    assert hooks.calls == []
    delivery = called(services, request)
    assert delivery.state == "pending" and delivery.due_at.weekday() == shut.weekday()


def test_one_that_has_waited_for_its_window_is_tried_as_long_as_any(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret())
    windowed(services, request, days=3)
    decide(call, request)
    work()
    hooks.always = (503, {})
    work(called(services, request).due_at + timedelta(minutes=1) - system_clock())
    assert len(hooks.calls) == 1 and called(services, request).state == "pending"


def test_one_that_is_down_is_called_later(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret())
    hooks.always = (503, {})
    decide(call, request)
    work()
    hooks.always = (204, {})
    work()
    calls = [json.loads(call.body)["data"]["request_id"] for call in hooks.calls]
    assert calls == [request["id"]] * 2 and len({call.headers["webhook-id"] for call in hooks.calls}) == 1


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
    delivery = called(services, request)
    assert (delivery.state, delivery.id) == ("sent", given.run_id)
    assert agent.get(f"/api/v1/approvals/{request['id']}").json["receipt"]["status"] == "delivered"


def test_an_answer_counts_as_handed_out_once_it_was_called_with(agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    hooks.always = (503, {})
    decide(call, request)
    work()
    assert len(hooks.calls) == 1, "it may have been read, whatever it answered"
    assert agent.get(f"/api/v1/approvals/{request['id']}").json["receipt"]["status"] == "delivered"


def test_a_run_whose_agent_has_reported_is_not_begun_again(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    hooks.always = (503, {})
    decide(call, request)
    work()
    report = {"status": "applied", "summary": "Counted."}
    assert agent.post(f"/api/v1/approvals/{request['id']}/receipt", report).status_code == 200
    work()
    assert len(hooks.calls) == 1 and called(services, request).state == "suppressed"


def test_a_run_that_was_refused_begins_later(services, agent, call, hooks, work) -> None:
    encoder = EventEncoder()
    refused = encoder.encode(RunErrorEvent(message="Another run of this thread has not ended."))
    begun = encoder.encode(RunStartedEvent(thread_id="a conversation", run_id="r"))
    failed = encoder.encode(RunErrorEvent(message="The tool does not answer."))
    # In pieces, after a comment: a stream may be cut anywhere.
    hooks.stream = lambda _call: iter([": hello\n\n", refused[:9], refused[9:]])
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    decide(call, request)
    work()
    delivery = called(services, request)
    assert delivery.state == "pending" and "RUN_ERROR" in delivery.reason
    hooks.stream = lambda _call: iter([begun, failed])
    work()
    assert called(services, request).state == "sent", "what fails in a run has begun"
    assert len({RunAgentInput.model_validate_json(call.body).run_id for call in hooks.calls}) == 1
    assert len(hooks.calls) == 2


@pytest.mark.parametrize("said", [[], ["data: 1\n\n"], ["data: {\n\n"], ["data: {}\n\n"], [":" * 70_000], ["data: {"]])
def test_what_is_no_event_refuses_nothing(services, agent, call, hooks, work, said) -> None:
    hooks.stream = lambda _call: iter(said)
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    decide(call, request)
    work()
    assert called(services, request).state == "sent"


def test_a_run_that_failed_to_begin_in_its_window_waits_for_the_next(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    hooks.always = (503, {})
    decide(call, request)
    work()
    shut = windowed(services, request)
    work()
    delivery = called(services, request)
    assert len(hooks.calls) == 1 and delivery.due_at.weekday() == shut.weekday()


def test_runs_beyond_what_can_be_listened_to_are_left(services, agent, call, hooks, work, monkeypatch) -> None:
    monkeypatch.setattr(event_streams, "_listening", threading.BoundedSemaphore(1))
    ended, left = threading.Event(), [threading.Event(), threading.Event()]

    def answer(_made: Call) -> Iterator[str]:
        mine = left[len(hooks.calls) - 1]
        try:
            while not ended.is_set():
                yield ": still at work\n\ndata: {}\n\n"
                ended.wait(0.01)
        finally:
            mine.set()

    hooks.stream = answer
    asked = [
        ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI | {"thread_id": f"conversation {number}"})
        for number in range(len(left))
    ]
    for request_id in asked:
        decide(call, request_id)
    work()
    assert [called(services, request_id).state for request_id in asked] == ["sent", "sent"]
    assert left[1].wait(60) and not left[0].is_set()
    ended.set()
    assert event_streams._listening.acquire(timeout=60), "a run that has ended makes room for another one"


def test_a_run_without_an_end_is_left(services, agent, call, hooks, work, monkeypatch) -> None:
    monkeypatch.setattr(event_streams, "LISTENED_SECONDS", 0.2)
    left = threading.Event()

    def answer(_made: Call) -> Iterator[str]:
        try:
            while not left.wait(0.01):
                yield ": still at work\n\ndata: {}\n\n"
        finally:
            left.set()

    hooks.stream = answer
    decide(call, ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI))
    work()
    assert left.wait(60)


def test_what_lies_at_the_address_is_asked_again_when_it_is_called(services, agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    decide(call, request)
    work(allowed_networks=())
    assert hooks.calls == [] and "address is not allowed" in called(services, request).reason


def test_one_that_ends_without_an_answer_is_cancelled(agent, call, hooks, work) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=ASKED_OVER_AG_UI)
    assert agent.post(f"/api/v1/approvals/{request['id']}/cancel", {"reason": "No need."}).status_code == 200
    work()
    [made] = hooks.calls
    [resumed] = RunAgentInput.model_validate_json(made.body).resume or []
    assert (resumed.interrupt_id, resumed.status, resumed.payload) == ("int-1", "cancelled", None)


def test_the_agent_is_called_about_what_a_policy_decided_at_once_too(services, agent, hooks, work) -> None:
    rule = "{name: Never, when: size > 0, decide: reject}"
    services.policies.load(SYSTEM, f"version: 1\nrules:\n  - {rule}\n", "policies.yaml")
    request = ask(agent, hooks.url, secret := new_secret())
    assert request["state"] == "rejected" and request["outcome"]["verdict"] == "reject"
    work()
    [made] = hooks.calls
    told = Webhook(secret).verify(made.body, made.headers)
    assert (told["data"]["request_id"], told["data"]["state"]) == (request["id"], "rejected")
