"""Texts that JSON can carry and others cannot read: refused where they come in, and readable where they are stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.lifecycle import RequestState
from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services
from app.store.people import Person
from app.store.requests import OutcomeRow
from app.store.runs import Run
from assent.contracts import Outcome, Verdict
from assent.digests import digest_of
from tests.factories import Caller, Program, make_person, make_request, make_run, make_token, question, script

NOBODY = "00000000-0000-4000-8000-000000000000"


def deep(levels: int) -> Any:
    """A list in a list, and so on."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


ODD: dict[str, Any] = {"half": "\ud83d", "\udc00": 1, "deep": deep(300), "large": 10**4_000, "nul": "\x00"}
BODIES = [
    b'{"%s": "\\ud83d"}', b'{"%s": {"\\udc00": 1}}', b'{"%s": NaN}', b'{"%s": 1e999}', b'{"%s": -Infinity}',
    b'{"%s": ' + b"[" * 70 + b"]" * 70 + b"}", b'{"%s": ' + b"[" * 100_000, b'{"%s": ' + b"9" * 5_000 + b"}",
    b'{"%s": 1, "%s": 1}', b'{"%s": "\\u0000"}', b'{"%s": {"\\u0000": "\\u0000"}}', b'{"%s": ' + b"9" * 4_000 + b"}",
    b'{"%s": "\xff"}', b'{"%s": "\xed\xa0\xbd"}', b'{"\\ud83d": 1, "%s": 1}',
]  # fmt: skip


@pytest.fixture(scope="module")
def owner(services: Services) -> Person:
    """Who answers for an agent."""
    return make_person(services.sessions, "Owner", [Role.REVIEWER, Role.ADMIN])


@pytest.fixture(scope="module")
def agent(app: Flask, owner: Person) -> Program:
    """An agent."""
    return Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES, name="Odd agent"))


def rules(app: Flask) -> Iterator[tuple[str, str]]:
    """Every method and address that takes a body."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}):
            yield method, re.sub(r"<any\((\w+).*?>", r"\1", re.sub(r"<(?!any)[^>]*>", NOBODY, rule.rule))


def names(app: Flask) -> list[str]:
    """Every field that a call of the API takes."""
    schemas = app.test_client().get("/api/v1/openapi.json").json["components"]["schemas"].values()
    return sorted({name for schema in schemas for name in schema.get("properties", {})})


def test_no_call_answers_odd_json_with_a_fault_of_ours(app: Flask, owner: Person) -> None:
    caller = Caller(app, owner)
    fields = names(app)
    assert len(fields) > 50
    for place, (method, path) in enumerate(rules(app)):
        for number, body in enumerate(BODIES):
            # Each body with other fields, so that in the end each field has met each of them.
            name = fields[(number * 7 + place) % len(fields)].encode()
            answer = caller.client.open(
                path, method=method, data=body.replace(b"%s", name), content_type="application/json",
                headers=caller.headers,
            )  # fmt: skip
            assert answer.status_code < 500, (method, path, body[:60], answer.get_data(as_text=True)[:500])


@pytest.mark.parametrize("field", ["verdict", "digest", "comment", "change", "answer", "acknowledged_risk"])
def test_no_field_of_a_decision_answers_odd_json_with_a_fault(
    field: str, services: Services, call: Callable[[str], Caller]
) -> None:
    request = make_request(services.sessions, payload=question())
    sent = {"verdict": "answer", "digest": request.digest, "answer": "yes"}
    for body in BODIES:
        whole = json.dumps({name: value for name, value in sent.items() if name != field})[:-1].encode()
        path = f"/api/v1/approvals/{request.id}/decisions"
        answer = call("reviewer").post(
            path, data=whole + b", " + body[1:].replace(b"%s", field.encode()), content_type="application/json"
        )
        assert answer.status_code < 500, answer.json


def odd_request(services: Services, state: RequestState = RequestState.PENDING) -> tuple[Run, str, dict[str, Any]]:
    """A request such as earlier versions stored, of a run with such a result, and its outcome."""
    run = make_run(services.sessions, input=ODD, result=ODD, error={"message": "\ud83d"})
    payload = {"kind": "custom", "title": "Odd", "environment": "", "data": ODD}
    request = make_request(services.sessions, run, payload=payload, state=state)
    outcome = {
        "request_id": request.id, "verdict": Verdict.APPROVE.value, "payload": payload, "digest": digest_of(payload),
        "proposed_digest": digest_of(payload), "answer": ODD, "remarks": [], "next_action": "continue",
        "decided_at": request.opened_at.isoformat(),
    }  # fmt: skip
    if state is RequestState.APPROVED:
        with services.sessions.begin() as session:
            session.add(OutcomeRow(
                request_id=request.id, verdict="approve", next_action="continue", body=outcome, at=request.opened_at
            ))  # fmt: skip
    return run, request.id, outcome


def test_what_was_stored_by_earlier_versions_can_be_fetched(services: Services, call: Callable[[str], Caller]) -> None:
    run, request_id, _ = odd_request(services, RequestState.APPROVED)
    reviewer = call("reviewer")
    for path in (f"/api/v1/approvals/{request_id}", f"/api/v1/runs/{run.id}", f"/requests/{request_id}",
                 f"/runs/{run.id}", f"/api/workflows/{run.id}/details"):  # fmt: skip
        assert reviewer.get(path).status_code == 200, path
    found = reviewer.get(f"/api/v1/approvals/{request_id}/outcome").json["outcome"]
    data = Outcome.model_validate(found).payload["data"]
    assert (data["half"], data["\ufffd"], data["large"], data["nul"]) == ("\ufffd", 1, 10**4_000, "\x00")
    assert "nested too deeply to be shown" in json.dumps(data["deep"])


def test_what_was_stored_by_earlier_versions_can_be_decided(services: Services, call: Callable[[str], Caller]) -> None:
    _, request_id, outcome = odd_request(services)
    body = {"verdict": "approve", "digest": outcome["digest"]}
    answer = call("reviewer").post(f"/api/v1/approvals/{request_id}/decisions", body)
    assert (answer.status_code, answer.json["state"]) == (201, "approved"), answer.json


def sent(agent: Program, path: str, body: str) -> TestResponse:
    """A body that is JSON as it stands."""
    return agent.client.post(path, data=body, content_type="application/json", headers=agent.headers)


def test_agents_are_told_what_is_wrong_with_a_proposal_or_a_receipt(agent: Program, services: Services) -> None:
    body = json.dumps({"proposal": script() | {"content": "select '\ud83d'"}})
    answer = sent(agent, "/api/v1/approvals", body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert "unpaired surrogate" in answer.json["detail"]
    opened = agent.post("/api/v1/approvals", {"proposal": {"kind": "custom", "title": "x", "data": {"a": "\x00"}}}).json
    detail = json.dumps({"status": "not_applied", "detail": {"\ud83d": "\ud83d"}})
    path = f"/api/v1/approvals/{opened['id']}/receipt"
    assert sent(agent, path, detail).status_code == 400


def test_odd_addresses_queries_and_headers(call: Callable[[str], Caller]) -> None:
    caller = call("admin")
    for path in ("/queue", "/audit", "/runs", "/insights", "/api/v1/approvals", "/api/v1/audit", "/grants", "/people"):
        for text in ("%ED%A0%BD", "%00", "%FF"):
            for name in ("text", "cursor", "state", text):
                answer = caller.get(f"{path}?{name}={text}")
                assert answer.status_code < 500, (path, name, text)
    for value in ("\xed\xa0\xbd", "\xff", '"\\ud83d"', "W/", "*" * 5_000):
        for name in ("Idempotency-Key", "If-Match", "If-None-Match", "Authorization", "Accept-Language", "Cookie",
                     "User-Agent", "X-Request-ID", "Range", "Accept", "Origin", "Referer"):  # fmt: skip
            for path in ("/queue", "/api/v1/approvals"):
                assert caller.get(path, headers={name: value}).status_code < 500, (name, value)
            answer = caller.post("/api/v1/runs", {"workflow": "nothing"}, headers={name: value})
            assert answer.status_code < 500, (name, value)
