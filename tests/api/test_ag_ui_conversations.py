"""AG-UI agents whose runs end with several interrupts, or that ask again after an answer."""

# ruff: noqa: F811 - fixtures of another module

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ag_ui.core import Interrupt, RunAgentInput, RunFinishedEvent, RunFinishedInterruptOutcome, RunStartedEvent
from ag_ui.encoder import EventEncoder
from sqlalchemy import select, update

from app.domain.destinations import new_secret
from app.services.clock import system_clock
from app.services.notifications.conversations import LOOKED_AFTER
from app.store.notify import CallbackRow
from app.store.tokens import ApiToken
from app.worker.next_interrupts import NextInterrupts, asked_by, interrupts_in
from tests.api.test_callbacks import (  # noqa: F401
    agent,
    app,
    ask,
    called,
    decide,
    hooks,
    settings,
    windowed,
    work,
)
from tests.factories import Program
from tests.hookserver import Call
from tests.webprocess import SOON

PROPOSAL = {"kind": "tool_call", "title": "Mail", "tool": "send_mail", "args": {"to": "a@example.org"}}


def interrupt(name: str, thread: str = "parallel") -> dict[str, Any]:
    """Which interrupt a request is about."""
    return {"thread_id": thread, "interrupt_id": name}


def resumed(made: Call) -> dict[str, Any]:
    """What a run was begun with, by interrupt."""
    entries = RunAgentInput.model_validate_json(made.body).resume or []
    return {entry.interrupt_id: (entry.payload or {}).get("verdict", entry.status) for entry in entries}


def test_parallel_interrupts_are_answered_together(services, agent, call, hooks, work) -> None:
    first, second, third = (ask(agent, hooks.url, new_secret(), ag_ui=interrupt(name)) for name in ("a", "b", "c"))
    other = ask(agent, hooks.url, new_secret(), ag_ui=interrupt("a", "another conversation"))
    decide(call, second)
    decide(call, other)
    work()
    assert [resumed(made) for made in hooks.calls] == [{"a": "approve"}], "the other conversation's"
    assert (called(services, second).state, called(services, other).state) == ("pending", "sent")
    assert "other answers" in called(services, second).reason
    decide(call, first, "reject")
    assert agent.post(f"/api/v1/approvals/{third['id']}/cancel", {"reason": "No need."}).status_code == 200
    work()
    work(LOOKED_AFTER * 2)
    assert [resumed(made) for made in hooks.calls[1:]] == [{"a": "reject", "b": "approve", "c": "cancelled"}]
    assert [called(services, request).state for request in (first, second, third)] == ["sent"] * 3
    for request in (first, second):
        assert agent.get(f"/api/v1/approvals/{request['id']}").json["receipt"]["status"] == "delivered"
    # What it asks after that is answered alone.
    again = ask(agent, hooks.url, new_secret(), ag_ui=interrupt("d"))
    decide(call, again)
    work()
    assert resumed(hooks.calls[-1]) == {"d": "approve"} and len(hooks.calls) == 3


def test_answers_that_were_refused_are_sent_together_again(services, agent, call, hooks, work) -> None:
    requests = [ask(agent, hooks.url, new_secret(), ag_ui=interrupt(name)) for name in "ab"]
    hooks.always = (503, {})
    for request in requests:
        decide(call, request)
    work()
    hooks.always = (204, {})
    work()
    work(LOOKED_AFTER * 2)
    assert [resumed(made) for made in hooks.calls] == [{"a": "approve", "b": "approve"}] * 2
    assert len({made.headers["webhook-id"] for made in hooks.calls}) == 1
    assert [called(services, request).state for request in requests] == ["sent", "sent"]


def test_all_answers_wait_for_the_last_window(services, agent, call, hooks, work) -> None:
    held, free = (ask(agent, hooks.url, new_secret(), ag_ui=interrupt(name)) for name in "ab")
    shut = windowed(services, held)
    decide(call, held)
    decide(call, free)
    work()
    assert hooks.calls == []
    assert {called(services, request).due_at.weekday() for request in (held, free)} == {shut.weekday()}
    work(called(services, free).due_at - system_clock() + LOOKED_AFTER / 60)
    assert [resumed(made) for made in hooks.calls] == [{"a": "approve", "b": "approve"}]


def asking(*interrupts: Interrupt) -> Callable[[Call], Iterator[str]]:
    """A run that ends with these interrupts; without any, it is done."""

    def answer(made: Call) -> Iterator[str]:
        given, encoder = RunAgentInput.model_validate_json(made.body), EventEncoder()
        outcome = RunFinishedInterruptOutcome(interrupts=list(interrupts)) if interrupts else None
        ids = {"thread_id": given.thread_id, "run_id": given.run_id}
        text = encoder.encode(RunStartedEvent(**ids)) + encoder.encode(RunFinishedEvent(**ids, outcome=outcome))
        yield text[:40]  # a stream may be cut anywhere
        yield text[40:]

    return answer


@pytest.fixture
def following(services, work) -> Callable[[], None]:
    """Does the jobs, and waits until the runs that they began have been read to their ends."""

    def act() -> None:
        ended = threading.Event()

        def ask_next(request_id: str, event: Any) -> None:
            NextInterrupts(services).ask(request_id, event)
            ended.set()

        work(run_ended=ask_next)
        assert ended.wait(SOON), "nobody read the run to its end"

    return act


def pending(agent: Program) -> list[dict[str, Any]]:
    """What waits for people."""
    listed = agent.get("/api/v1/approvals").json["items"]
    return [dict(agent.get(f"/api/v1/approvals/{request['id']}").json) for request in listed]


def test_an_agent_that_asks_again_is_asked_about_and_answered(services, agent, call, hooks, work, following) -> None:
    secret = new_secret()
    request = ask(agent, hooks.url, secret, ag_ui=interrupt("1", "again"))
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}}
    hooks.stream = asking(
        Interrupt(id="2", reason="input", message="How many days?\nAt most 90.", response_schema=schema),
        Interrupt(id="3", reason="approval", metadata={"assent": {"proposal": PROPOSAL}}),
    )
    decide(call, request)
    following()
    value, proposal = sorted(pending(agent), key=lambda found: found["kind"], reverse=True)
    assert (value["title"], value["response_schema"]) == ("How many days?", schema)
    assert value["payload"]["value"]["reason"] == "input"
    assert (proposal["title"], proposal["payload"]["args"]) == ("Mail", {"to": "a@example.org"})
    for found in (value, proposal):
        assert (found["agent"], found["workflow"]) == (request["agent"], request["workflow"])
    hooks.stream = asking()
    answer = {"verdict": "answer", "digest": value["digest"], "answer": {"days": 30}}
    assert call("reviewer").post(f"/api/v1/approvals/{value['id']}/decisions", answer).status_code == 201
    decide(call, proposal)
    work()
    assert [resumed(made) for made in hooks.calls] == [{"1": "approve"}, {"2": "answer", "3": "approve"}]
    entry = json.loads(hooks.calls[1].body)["resume"][0]
    assert entry["payload"]["answer"] == {"days": 30}


def test_what_the_agent_has_requested_itself_is_not_requested_again(services, agent, call, hooks, following) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=interrupt("1", "itself"))

    def answer(made: Call) -> Iterator[str]:
        ask(agent, hooks.url, new_secret(), ag_ui=interrupt("2", "itself"))
        return asking(Interrupt(id="2", reason="approval"))(made)

    hooks.stream = answer
    decide(call, request)
    following()
    with services.sessions() as session:
        asked = session.scalars(select(CallbackRow.ag_ui)).all()
    assert [found for found in asked if found["thread_id"] == "itself"].count(interrupt("2", "itself")) == 1


def test_nothing_is_requested_with_a_token_that_was_revoked(services, agent, call, hooks, following) -> None:
    request = ask(agent, hooks.url, new_secret(), ag_ui=interrupt("1", "revoked"))
    hooks.stream = asking(Interrupt(id="2", reason="approval"))
    decide(call, request)
    with services.sessions.begin() as session:
        session.execute(update(ApiToken).values(revoked_at=system_clock()))
    following()
    with services.sessions.begin() as session:
        session.execute(update(ApiToken).values(revoked_at=None))
        asked = session.scalars(select(CallbackRow.ag_ui)).all()
    assert [found["interrupt_id"] for found in asked if found["thread_id"] == "revoked"] == ["1"]


@pytest.mark.parametrize(
    "outcome",
    [
        None, "interrupt", {}, {"type": "success"}, {"type": "interrupt"}, {"type": "interrupt", "interrupts": {}},
        {"type": "interrupt", "interrupts": [1, {}, {"id": 7}, {"id": ""}, {"id": "x" * 201}]},
    ],
)  # fmt: skip
def test_what_is_no_interrupt_is_not_asked(outcome: Any) -> None:
    assert interrupts_in({"type": "RUN_FINISHED", "outcome": outcome}) == []


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({}, "An agent asks for an answer"),
        ({"reason": "approval"}, "approval"),
        ({"message": 7, "metadata": 7, "responseSchema": 7}, "An agent asks for an answer"),
        ({"message": "\n", "metadata": {"assent": {"proposal": {"kind": "poem"}}}}, "An agent asks for an answer"),
        ({"message": "m" * 300}, "m" * 200),
    ],
)
def test_any_interrupt_can_be_asked(given: dict[str, Any], title: str) -> None:
    asked = asked_by({"id": "1", **given}, "mail")
    assert (asked.document["title"], asked.document["kind"], asked.workflow) == (title, "value", "mail")
    assert "id" not in asked.document["value"] and asked.response_schema is None
