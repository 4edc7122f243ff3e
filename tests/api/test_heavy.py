"""Requests that are too heavy for the web process: answered beside, once, as if they had been answered here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

import app.http.aside
from app.bounded_work import Pool
from app.domain.changes import apply_change
from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.domain.weight import MOST, HandOver, light_only, note_write, weigh
from app.factory import answer_beside
from app.services.bundle import Services
from app.store.people import Person
from app.store.requests import ApprovalRequest, Comment, Decision
from app.web.requests.code import arguments
from app.web.requests.plans import shown_plan
from assent.contracts import RiskLevel
from tests.factories import Caller, Program, make_person, make_request, make_token, plan, question, script

LONG = "select 1 from orders;\n" * 40_000


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the requests that were answered by a process beside."""
    answered: list[str] = []
    run = Pool.run

    def noting(self: Pool, function: Any, arguments: tuple[Any, ...], seconds: float) -> Any:
        if function is answer_beside:
            answered.append(arguments[1]["PATH_INFO"])
        return run(self, function, arguments, seconds)

    monkeypatch.setattr(Pool, "run", noting)
    return answered


@pytest.fixture(scope="module")
def agent(app: Flask, services: Services) -> Program:
    """An agent."""
    owner = make_person(services.sessions, "Owner", [Role.REVIEWER])
    return Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES, name="Heavy agent"))


def count(services: Services, table: Any, request_id: str) -> int:
    """How many rows of a request's there are."""
    with services.sessions() as session:
        wanted = select(func.count()).select_from(table).where(table.request_id == request_id)
        return session.scalar(wanted) or 0


def test_small_requests_are_answered_here(agent: Program, beside: list[str], call: Callable[[str], Caller]) -> None:
    request = agent.post("/api/v1/approvals", {"proposal": script("select 1")}).json
    for path in ("/queue", f"/requests/{request['id']}", "/healthz", f"/api/v1/approvals/{request['id']}"):
        assert call("reviewer").get(path).status_code == 200
    assert not beside


def test_a_large_body_is_answered_beside(agent: Program, beside: list[str], services: Services) -> None:
    answer = agent.post("/api/v1/approvals", {"proposal": script(LONG)}, Idempotency_Key="large")
    assert (answer.status_code, answer.json["payload"]["content"]) == (201, LONG), answer.json
    assert answer.headers["Location"].endswith(answer.json["id"]) and "RateLimit" in answer.headers
    again = agent.post("/api/v1/approvals", {"proposal": script(LONG)}, Idempotency_Key="large")
    assert again.json["id"] == answer.json["id"] and again.headers["Idempotency-Replayed"] == "true"
    assert beside == ["/api/v1/approvals"] * 2


def test_a_schema_with_hundreds_of_costly_expressions_is_looked_over_beside(agent: Program, beside: list[str]) -> None:
    patterns = {rf"{number}(\w{{1,100}}){{1,9}}": True for number in range(400)}
    data = {"kind": "custom", "title": "Data", "data": {"a": 1}, "data_schema": {"patternProperties": patterns}}
    assert agent.post("/api/v1/approvals", {"proposal": data}).status_code == 201
    assert beside == ["/api/v1/approvals"]
    data["data_schema"] = {"patternProperties": {f"^[a-z]{{1,63}}{number}$": True for number in range(20)}}
    assert agent.post("/api/v1/approvals", {"proposal": data}).status_code == 201
    assert len(beside) == 1, "ordinary expressions are no reason"


def test_a_page_with_hundreds_of_long_comments_is_put_together_beside(
    agent: Program, beside: list[str], services: Services, call: Callable[[str], Caller]
) -> None:
    request = agent.post("/api/v1/approvals", {"proposal": script("select 7")}).json
    now = services.clock()
    writer = call("reviewer").person.id
    with services.sessions.begin() as session:
        for number in range(100):
            body = f"{number} " + "word " * 350
            known = {"id": f"many-{number}", "request_id": request["id"], "person_id": writer, "at": now}
            session.add(Comment(**known, person_name="Agent", body=body))
    page = call("reviewer").get(f"/requests/{request['id']}")
    assert page.status_code == 200 and page.text.count("word word") and beside == [f"/requests/{request['id']}"]


def test_what_turns_out_to_be_heavy_is_done_once_and_beside(
    agent: Program, beside: list[str], services: Services, call: Callable[[str], Caller]
) -> None:
    patterns = {rf"{number}(\w{{1,100}}){{1,9}}": True for number in range(400)}
    data = {"kind": "custom", "title": "Heavy", "data": {"a": 1}, "data_schema": {"patternProperties": patterns}}
    answer = agent.post("/api/v1/approvals", {"proposal": data}, Idempotency_Key="heavy")
    assert answer.status_code == 201 and beside == ["/api/v1/approvals"], answer.json
    with services.sessions() as session:
        made = select(func.count()).where(ApprovalRequest.title == answer.json["title"])
        assert session.scalar(made.where(ApprovalRequest.id == answer.json["id"])) == 1


def test_a_decision_on_something_large_counts_once(
    beside: list[str], services: Services, call: Callable[[str], Caller]
) -> None:
    request = make_request(services.sessions, payload=script(LONG), risk=RiskLevel.LOW)
    path = f"/api/v1/approvals/{request.id}"
    caller = call("reviewer")
    assert caller.post(f"{path}/comments", {"comment": "So be it."}).status_code == 201
    answer = caller.post(f"{path}/decisions", {"verdict": "approve", "digest": request.digest})
    assert (answer.status_code, answer.json["state"]) == (201, "approved"), answer.json
    assert (count(services, Decision, request.id), count(services, Comment, request.id)) == (1, 1)
    assert caller.get(path).json["payload"]["content"] == LONG
    assert caller.get(f"/requests/{request.id}").status_code == 200
    assert beside == [f"{path}/comments", f"{path}/decisions", path, f"/requests/{request.id}"]


def test_an_answer_that_takes_many_steps_is_checked_beside(
    beside: list[str], services: Services, call: Callable[[str], Caller]
) -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    request = make_request(services.sessions, payload=question(schema), risk=RiskLevel.LOW)
    body = {"verdict": "answer", "digest": request.digest, "answer": [1] * 8_000}
    answer = call("reviewer").post(f"/api/v1/approvals/{request.id}/decisions", body)
    assert (answer.status_code, answer.json["state"]) == (201, "answered"), answer.json
    assert beside == [f"/api/v1/approvals/{request.id}/decisions"] and count(services, Decision, request.id) == 1


def test_refusals_come_from_beside_as_from_here(
    agent: Program, beside: list[str], call: Callable[[str], Caller]
) -> None:
    many = {"kind": "custom", "title": "x", "data": [1] * 120_000}
    answer = agent.post("/api/v1/approvals", {"proposal": many})
    assert (answer.status_code, list(answer.json["fields"])) == (422, ["proposal"]) and "100,000" in str(answer.json)
    labels = script("select 1") | {"labels": {f"l{number}": "x" for number in range(50_000)}}
    answer = agent.post("/api/v1/approvals", {"proposal": labels})
    assert (answer.status_code, list(answer.json["fields"])) == (422, ["proposal.script.labels"])
    assert call("anonymous").post("/api/v1/approvals", {"proposal": many}).status_code == 401
    assert len(beside) == 3


def test_what_takes_too_long_beside_is_stopped_and_told(
    agent: Program, monkeypatch: pytest.MonkeyPatch, call: Callable[[str], Caller], services: Services
) -> None:
    monkeypatch.setattr(app.http.aside, "SECONDS", 0.001)
    answer = agent.post("/api/v1/approvals", {"proposal": script(LONG)})
    assert (answer.status_code, answer.json["code"]) == (503, "took_too_long")
    request = make_request(services.sessions, payload=script(LONG))
    page = call("reviewer").get(f"/requests/{request.id}")
    assert page.status_code == 503 and "text/html" in page.headers["Content-Type"]


def test_the_sessions_cookie_and_the_forms_token_hold_beside(
    app: Flask, beside: list[str], services: Services, people: dict[str, Person]
) -> None:
    request = make_request(services.sessions, payload=script(LONG))
    caller = Caller(app, people["reviewer"])
    path = f"/api/v1/approvals/{request.id}/decisions"
    sent = {"verdict": "approve", "digest": request.digest, "comment": "x" * 40_000}
    refused = caller.client.post(path, json=sent)
    assert (refused.status_code, refused.json["code"]) == (400, "csrf"), refused.json
    assert caller.post(path, sent).json["code"] == "too_large"
    assert beside == [path, path]


def test_a_page_of_thousands_of_arguments_is_made_beside() -> None:
    few, many = ({f"k{number}": f"text {number}" for number in range(size)} for size in (100, 10_000))
    with light_only():
        assert arguments("run", few, []) == []
        with pytest.raises(HandOver):
            arguments("run", many, [])


def test_a_plan_of_thousands_of_references_is_shown_and_changed_beside() -> None:
    few, many = plan(), plan()
    many["steps"][1]["inputs"] = {"table": "${find.tables[0]} " * 3_000}
    with light_only():
        shown_plan(few, [], True, None, {})
        apply_change(few, {"steps": [{"id": "find"}]})
    for heavy in (
        lambda: shown_plan(many, [], True, None, {}),
        lambda: apply_change(many, {"steps": [{"id": "find"}]}),
    ):
        with light_only(), pytest.raises(HandOver):
            heavy()


def test_weight_is_added_up_until_something_is_written() -> None:
    weigh(MOST + 1)  # nothing is weighed outside
    with light_only():
        weigh(MOST / 2)
        with pytest.raises(HandOver):
            weigh(MOST)
    with light_only():
        note_write()
        weigh(2 * MOST)
    assert not issubclass(HandOver, Exception)
