"""Calls under an idempotency key: made once, whatever is sent again."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services
from app.store.calls import IdempotencyKey
from app.store.people import Person
from app.store.requests import ApprovalRequest, Comment, Decision
from app.store.runs import Run
from tests.factories import Caller, Program, make_person, make_request, make_token

PROPOSAL = {"kind": "custom", "title": "Anything", "data": {"a": 1}}


@pytest.fixture
def owner(services: Services) -> Person:
    """Who answers for the agent."""
    return make_person(services.sessions, "Owner", [Role.REVIEWER])


@pytest.fixture
def agent(app: Flask, owner: Person) -> Program:
    """An agent of its own for each test."""
    return Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES))


def own_request(agent: Program) -> str:
    """The id of a request that the agent has opened."""
    return str(agent.post("/api/v1/approvals", {"proposal": PROPOSAL}).json["id"])


def count(services: Services, model: type, *where: object) -> int:
    """How many rows there are."""
    with services.sessions() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0  # type: ignore[arg-type]


def test_the_same_call_again_gets_the_same_answer(
    app: Flask, services: Services, agent: Program, owner: Person
) -> None:
    body, key = {"proposal": PROPOSAL}, str(uuid.uuid4())
    first = agent.post("/api/v1/approvals", body, Idempotency_Key=key)
    assert first.headers["Location"] == f"/api/v1/approvals/{first.json['id']}"
    renewed = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES))
    for again in (
        agent.post("/api/v1/approvals", body, Idempotency_Key=key),
        agent.post("/api/v1/approvals", {"proposal": dict(reversed(PROPOSAL.items()))}, Idempotency_Key=f'"{key}"'),
        renewed.post("/api/v1/approvals", body, Idempotency_Key=key),
    ):
        assert (again.status_code, again.data, again.mimetype) == (201, first.data, "application/json")
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.headers["ETag"], again.headers["Location"]) == (first.headers["ETag"], first.headers["Location"])
    assert "Idempotency-Replayed" not in first.headers
    assert count(services, ApprovalRequest, ApprovalRequest.requester_id == owner.id) == 1


def test_the_key_of_another_call_is_refused(agent: Program) -> None:
    key = str(uuid.uuid4())
    assert agent.post("/api/v1/approvals", {"proposal": PROPOSAL}, Idempotency_Key=key).status_code == 201
    for path, body in (
        ("/api/v1/approvals", {"proposal": PROPOSAL | {"data": {"a": 2}}}),
        ("/api/v1/runs", {"workflow": "test_gate"}),
    ):
        answer = agent.post(path, body, Idempotency_Key=key)
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_keys_are_their_callers_own(app: Flask, services: Services, agent: Program) -> None:
    other = Program(app, make_token(app, make_person(services.sessions), TokenKind.AGENT, AGENT_SCOPES))
    first = agent.post("/api/v1/approvals", {"proposal": PROPOSAL}, Idempotency_Key="1")
    second = other.post("/api/v1/approvals", {"proposal": PROPOSAL}, Idempotency_Key="1")
    assert first.json["id"] != second.json["id"]


def test_of_many_at_once_one_works(services: Services, agent: Program, owner: Person) -> None:
    gate, answers = threading.Barrier(5), []

    def send() -> None:
        gate.wait(20)
        answers.append(agent.post("/api/v1/approvals", {"proposal": PROPOSAL}, Idempotency_Key="race"))

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {answer.status_code for answer in answers} <= {201, 409}
    busy = [answer for answer in answers if answer.status_code == 409]
    assert all(
        (answer.json["code"], answer.headers["Retry-After"]) == ("idempotency_in_progress", "1") for answer in busy
    )
    assert len({answer.json["id"] for answer in answers if answer.status_code == 201}) == 1
    assert count(services, ApprovalRequest, ApprovalRequest.requester_id == owner.id) == 1


NOBODYS = 4711
"""The key of an advisory lock that no process holds."""


@pytest.mark.parametrize("path", ["approvals", "runs", "comments"])
@pytest.mark.parametrize(("died", "ago"), [({"holder": NOBODYS}, 3), ({"holder": None}, 120)])
def test_a_call_whose_process_died_is_made_again_and_finds_what_it_made(
    path: str, died: dict[str, int | None], ago: int, services: Services, agent: Program, owner: Person
) -> None:
    about = own_request(agent) if path == "comments" else ""
    address, body, model, whose = {
        "approvals": ("approvals", {"proposal": PROPOSAL}, ApprovalRequest, ApprovalRequest.requester_id == owner.id),
        "runs": ("runs", {"workflow": "test_gate", "input": {"target": "x"}}, Run, Run.started_by_id == owner.id),
        "comments": (f"approvals/{about}/comments", {"comment": "Why?"}, Comment, Comment.person_id == owner.id),
    }[path]
    first = agent.post(f"/api/v1/{address}", body, Idempotency_Key="once")
    assert first.status_code == 201, first.json
    # As if the answer had not been kept.
    mine = IdempotencyKey.caller.like(f"agent:{owner.id}%")
    with services.sessions.begin() as session:
        before = IdempotencyKey.begun_at - timedelta(seconds=3)
        session.execute(update(IdempotencyKey).where(mine).values(status=None, begun_at=before))
    busy = agent.post(f"/api/v1/{address}", body, Idempotency_Key="once")
    assert (busy.status_code, busy.json["code"]) == (409, "idempotency_in_progress"), "its process is alive"
    with services.sessions.begin() as session:
        before = IdempotencyKey.begun_at - timedelta(seconds=ago - 3)
        session.execute(update(IdempotencyKey).where(mine).values(begun_at=before, **died))
    again = agent.post(f"/api/v1/{address}", body, Idempotency_Key="once")
    assert (again.status_code, again.json["id"]) == (201, first.json["id"])
    assert "Idempotency-Replayed" not in again.headers
    assert count(services, model, whose) == 1


def test_a_day_later_the_key_is_new(services: Services, agent: Program, owner: Person) -> None:
    path = f"/api/v1/approvals/{own_request(agent)}/comments"
    agent.post(path, {"comment": "One"}, Idempotency_Key="old")
    with services.sessions.begin() as session:
        mine = IdempotencyKey.caller.like(f"agent:{owner.id}%")
        session.execute(update(IdempotencyKey).where(mine).values(begun_at=func.now() - timedelta(days=1)))
    answer = agent.post(path, {"comment": "Two"}, Idempotency_Key="old")
    assert (answer.status_code, answer.json["body"]) == (201, "Two")


def test_a_decision_counts_once_and_a_refusal_is_kept_like_any_answer(
    services: Services, call: Callable[[str], Caller]
) -> None:
    request = make_request(services.sessions)
    path, reviewer = f"/api/v1/approvals/{request.id}/decisions", call("reviewer")
    body = {"verdict": "approve", "digest": request.digest}
    stale = [reviewer.post(path, body | {"digest": "x"}, headers={"Idempotency-Key": "stale"}) for _ in range(2)]
    assert [(answer.status_code, answer.json["code"]) for answer in stale] == [(409, "stale_digest")] * 2
    assert stale[0].data == stale[1].data and stale[1].mimetype == "application/problem+json"
    answers = [reviewer.post(path, body, headers={"Idempotency-Key": "go"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert count(services, Decision, Decision.request_id == request.id) == 1


def test_a_fault_of_ours_is_not_kept(services: Services, agent: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/v1/approvals/{own_request(agent)}/comments"
    with monkeypatch.context() as patch:
        patch.setattr(type(services.checkpoints), "comment", lambda *_: 1 / 0)
        assert agent.post(path, {"comment": "One"}, Idempotency_Key="fault").status_code == 500
    assert agent.post(path, {"comment": "One"}, Idempotency_Key="fault").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", '""', "ü"])
def test_keys_that_cannot_be_used(key: str, agent: Program) -> None:
    answer = agent.post("/api/v1/approvals", {"proposal": PROPOSAL}, Idempotency_Key=key)
    assert (answer.status_code, list(answer.json["fields"])) == (422, ["Idempotency-Key"])
