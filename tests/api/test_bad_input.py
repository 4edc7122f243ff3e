"""What cannot be used: a clear answer each, nothing half-done, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.lifecycle import RequestState
from app.domain.policy.terms import Stage, Terms
from app.services.bundle import Services
from app.store.people import Person
from app.store.record import AuditEntry, Event
from app.store.requests import Comment, Decision
from assent.contracts import RiskLevel
from tests.factories import Caller, make_request, make_run, optimizations, question

REQUEST = "/api/v1/approvals/{request}"
DECIDE = REQUEST + "/decisions"
NOBODY = "00000000-0000-4000-8000-000000000000"
DEEP = b'{"change":' + b"[" * 5000 + b"]" * 5000 + b"}"
NESTED = json.dumps({"change": json.loads("[" * 70 + "]" * 70)}).encode()

RAW: list[tuple[str, bytes, str, int, str]] = [
    (DECIDE, b"", "application/json", 422, "invalid_input"),
    (DECIDE, b"{", "application/json", 400, "malformed"),
    (DECIDE, b"\xff\xfe{}", "application/json", 400, "malformed"),
    (DECIDE, b'{"verdict": NaN}', "application/json", 400, "malformed"),
    (DECIDE, b'{"verdict": -Infinity}', "application/json", 400, "malformed"),
    (DECIDE, b'{"answer": 1e999}', "application/json", 400, "malformed"),
    (DECIDE, b'{"answer": ' + b"9" * 5000 + b"}", "application/json", 400, "malformed"),
    (DECIDE, b'{"verdict": "reject", "verdict": "approve"}', "application/json", 400, "malformed"),
    (DECIDE, b'{"comment": "half \\ud800"}', "application/json", 400, "malformed"),
    (DECIDE, b'{"change": {"half \\udfff": 1}}', "application/json", 400, "malformed"),
    (DECIDE, DEEP, "application/json", 400, "malformed"),
    (REQUEST + "/preview", NESTED, "application/json", 400, "malformed"),
    (DECIDE, b"[]", "application/json", 422, "invalid_input"),
    (DECIDE, b"null", "application/json", 422, "invalid_input"),
    (DECIDE, b'"approve"', "application/json", 422, "invalid_input"),
    (DECIDE, b"verdict=approve", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (DECIDE, b'{"verdict":"approve"}', "text/plain", 415, "unsupported_media_type"),
    (DECIDE, b" " * 2_000_001, "application/json", 413, "too_large"),
    ("/api/v1/runs", b" " * 2_000_001, "application/json", 413, "too_large"),
    ("/api/v1/runs", b"}", "application/json", 400, "malformed"),
    ("/api/approvals/{request}", b"{", "application/json", 400, "malformed"),
]


@pytest.fixture(scope="module")
def request_id(services: Services) -> str:
    return make_request(services.sessions).id


@pytest.fixture(scope="module")
def counts(services: Services) -> Callable[[], tuple[int, ...]]:
    """How many rows there are of everything that an act writes."""

    def count() -> tuple[int, ...]:
        with services.sessions() as session:
            return tuple(
                session.scalar(select(func.count()).select_from(table)) or 0
                for table in (Decision, Comment, AuditEntry, Event)
            )

    return count


@pytest.mark.parametrize(("path", "body", "media_type", "status", "code"), RAW)
def test_bodies_that_cannot_be_read(
    path: str, body: bytes, media_type: str, status: int, code: str, request_id: str,
    call: Callable[[str], Caller], counts: Callable[[], tuple[int, ...]],
) -> None:  # fmt: skip
    before = counts()
    answer = call("reviewer").post(path.format(request=request_id), data=body, content_type=media_type)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert answer.json["detail"]
    assert counts() == before


FIELDS: list[tuple[str, Any, int, str, str | None]] = [
    # where, what, status, code, and the field that is named
    (DECIDE, {}, 422, "invalid_input", "verdict"),
    (DECIDE, {"verdict": "approve"}, 422, "invalid_input", "digest"),
    (DECIDE, {"verdict": "sure", "digest": "x"}, 422, "invalid_input", "verdict"),
    (DECIDE, {"verdict": 1, "digest": "x"}, 422, "invalid_input", "verdict"),
    (DECIDE, {"verdict": ["approve"], "digest": "x"}, 422, "invalid_input", "verdict"),
    (DECIDE, {"verdict": "approve", "digest": 5}, 422, "invalid_input", "digest"),
    (DECIDE, {"verdict": "approve", "digest": "x" * 201}, 422, "invalid_input", "digest"),
    (DECIDE, {"verdict": "approve", "digest": "x\x00"}, 422, "invalid_input", "digest"),
    (DECIDE, {"verdict": "approve", "digest": "DIGEST", "user_id": "me"}, 422, "invalid_input", "user_id"),
    (DECIDE, {"verdict": "approve", "digest": "DIGEST", "comment": "a\x00b"}, 422, "invalid_input", "comment"),
    (DECIDE, {"verdict": "approve", "digest": "DIGEST", "comment": "a\x1bb"}, 422, "invalid_input", "comment"),
    (DECIDE, {"verdict": "approve", "digest": "DIGEST", "comment": None}, 422, "invalid_input", "comment"),
    (DECIDE, {"verdict": "approve", "digest": "DIGEST", "comment": "x" * 20_001}, 413, "too_large", None),
    (DECIDE, {"verdict": "approve", "digest": "0" * 64}, 409, "stale_digest", None),
    (DECIDE, {"verdict": "reject", "digest": "DIGEST"}, 422, "invalid_input", "comment"),
    (DECIDE, {"verdict": "request_changes", "digest": "DIGEST", "comment": "  "}, 422, "invalid_input", "comment"),
    (DECIDE, {"verdict": "answer", "digest": "DIGEST", "answer": "yes"}, 422, "invalid_input", "verdict"),
    (DECIDE, {"verdict": "approve", "digest": "DIGEST", "change": {}}, 422, "invalid_input", "change"),
    (DECIDE, {"verdict": "modify", "digest": "DIGEST"}, 422, "invalid_input", "change"),
    (DECIDE, {"verdict": "modify", "digest": "DIGEST", "change": "x"}, 422, "invalid_input", "change"),
    (DECIDE, {"verdict": "modify", "digest": "DIGEST", "change": {"content": 1}}, 422, "invalid_input", "content"),
    (DECIDE, {"verdict": "modify", "digest": "DIGEST", "change": {"content": " "}}, 422, "invalid_input", "content"),
    (DECIDE, {"verdict": "modify", "digest": "DIGEST", "change": {"title": "x"}}, 422, "invalid_input", "title"),
    (
        DECIDE, {"verdict": "modify", "digest": "DIGEST", "change": {"content": "select\x001"}},
        422, "invalid_input", "content",
    ),
    (
        DECIDE, {"verdict": "modify", "digest": "DIGEST", "change": {"content": "x" * 1_000_001}},
        422, "invalid_input", "content",
    ),
    (DECIDE.format(request=NOBODY), {"verdict": "approve", "digest": "x"}, 404, "not_found", None),
    (REQUEST + "/preview", {}, 422, "invalid_input", "change"),
    (REQUEST + "/preview", {"change": {"items": []}}, 422, "invalid_input", "items"),
    (REQUEST + "/preview", {"change": None}, 422, "invalid_input", "change"),
    (REQUEST + "/comments", {"comment": ""}, 422, "invalid_input", "comment"),
    (REQUEST + "/comments", {"comment": 7}, 422, "invalid_input", "comment"),
    (REQUEST + "/comments", {"body": "x"}, 422, "invalid_input", "body"),
    (REQUEST + "/comments", {"comment": "x" * 20_001}, 413, "too_large", None),
    (REQUEST + "/escalations", {"reason": " "}, 422, "invalid_input", "reason"),
    (REQUEST + "/escalations", {}, 422, "invalid_input", "reason"),
    (REQUEST + "/cancel", {"why": "x"}, 422, "invalid_input", "why"),
    ("/api/v1/runs", {}, 422, "invalid_input", "workflow"),
    ("/api/v1/runs", {"workflow": "nothing_like_it"}, 404, "not_found", None),
    ("/api/v1/runs", {"workflow": "nothing\x00"}, 422, "invalid_input", "workflow"),
    ("/api/v1/runs", {"workflow": "test_gate", "input": []}, 422, "invalid_input", "input"),
    ("/api/v1/runs", {"workflow": "test_gate", "input": {}}, 422, "invalid_input", "input.target"),
    ("/api/v1/runs", {"workflow": "test_gate", "input": {"target": 5}}, 422, "invalid_input", "input.target"),
    ("/api/v1/runs", {"workflow": "test_gate", "input": {"target": "x", "mo": 1}}, 422, "invalid_input", "input.mo"),
    ("/api/v1/runs", {"workflow": "test_gate", "title": "a\x00"}, 422, "invalid_input", "title"),
    ("/api/v1/runs/{run}/pause", {"x": 1}, 422, "invalid_input", "x"),
    ("/api/v1/runs/{run}/retry", {}, 409, "illegal_transition", None),
    ("/api/v1/runs/{run}/resume", {}, 409, "illegal_transition", None),
    ("/api/v1/runs/{run}/cancel", {"reason": "a\x00"}, 422, "invalid_input", "reason"),
    (f"/api/v1/runs/{NOBODY}/pause", {}, 404, "not_found", None),
    ("/api/approvals/{request}", {}, 422, "invalid_input", "approved"),
    ("/api/approvals/{request}", {"approved": "yes"}, 422, "invalid_input", "approved"),
    ("/api/approvals/{request}", {"approved": True}, 422, "invalid_input", "digest"),
    ("/api/approvals/{request}", {"approved": False, "digest": "DIGEST"}, 422, "invalid_input", "comment"),
    (
        "/api/approvals/{request}",
        {"approved": True, "digest": "DIGEST", "request_id": NOBODY},
        422,
        "invalid_input",
        "request_id",
    ),
    ("/api/approvals/{request}", {"approved": True, "digest": "0" * 64}, 409, "stale_digest", None),
    (f"/api/approvals/{NOBODY}", {"approved": True, "digest": "x"}, 404, "not_found", None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "code", "field"), FIELDS)
def test_fields_that_cannot_be_used(
    path: str, body: Any, status: int, code: str, field: str | None, request_id: str,
    services: Services, call: Callable[[str], Caller], counts: Callable[[], tuple[int, ...]],
) -> None:  # fmt: skip
    run = make_run(services.sessions)
    digest = services.views.request(request_id, services_viewer()).request.digest
    if isinstance(body, dict):
        body = {key: digest if value == "DIGEST" else value for key, value in body.items()}
    before = counts()
    answer = call("reviewer").post(path.format(request=request_id, run=run.id), body)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert answer.mimetype == "application/problem+json"
    if field is not None:
        assert field in answer.json["fields"], answer.json
    assert counts() == before


def services_viewer() -> Any:
    from app.domain.people import Actor, Role

    return Actor(kind="person", id="", name="Test", roles=frozenset(Role))


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/1",
        "/api/v1/runs/..%2f..%2fetc%2fpasswd",
        "/api/v1/runs/%00",
        "/api/v1/runs/%ff%fe/events",
        "/api/v1/approvals/not-a-uuid",
        f"/api/v1/approvals/{NOBODY}",
        f"/api/v1/approvals/{NOBODY}/outcome",
        f"/api/v1/runs/{NOBODY}",
        f"/api/v1/runs/{NOBODY}/events",
        f"/api/workflows/{NOBODY}/details",
        "/api/workflows/x/details?user_id=1",
        "/api/v2/runs",
        "/api/",
    ],
)
def test_unknown_things_are_not_found(path: str, call: Callable[[str], Caller]) -> None:
    answer = call("admin").get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/runs?state=asleep", "state"),
        ("/api/v1/runs?limit=0", "limit"),
        ("/api/v1/runs?limit=x", "limit"),
        ("/api/v1/runs?limit=1&limit=2", "limit"),
        ("/api/v1/runs?cursor=zzz", "cursor"),
        ("/api/v1/runs?cursor=WzEsMl0", "cursor"),
        ("/api/v1/runs?cursor=%00", "cursor"),
        ("/api/v1/runs?nothing=1", "nothing"),
        ("/api/v1/runs/{run}/events?cursor=1.2", "cursor"),
        ("/api/v1/runs/{run}/events?cursor=1.2.x", "cursor"),
        ("/api/v1/runs/{run}/events?cursor=1.2.99999999999999999999", "cursor"),
        ("/api/v1/runs/{run}/events?cursor=1.2.-3", "cursor"),
        ("/api/v1/runs/{run}/events?limit=1001", "limit"),
        ("/api/v1/approvals?status=some", "status"),
        ("/api/v1/approvals?risk=deadly", "risk"),
        ("/api/v1/approvals?text=a%00", "text"),
        ("/api/v1/approvals?text=" + "x" * 201, "text"),
        ("/api/v1/approvals?cursor=%F0%9F%98%80", "cursor"),
        ("/api/v1/approvals?cursor=bm9wZQ", "cursor"),
        ("/api/v1/approvals?cursor=W251bGwsbnVsbF0", "cursor"),
        ("/api/v1/approvals?limit=201", "limit"),
        ("/api/v1/approvals?user_id=1", "user_id"),
        ("/api/v1/approvals/{request}/outcome?wait=61", "wait"),
        ("/api/v1/approvals/{request}/outcome?wait=nan", "wait"),
        ("/api/v1/approvals/{request}/outcome?wait=-1", "wait"),
        ("/api/v1/audit?before=-1", "before"),
        ("/api/v1/audit?before=99999999999999999999", "before"),
        ("/api/v1/audit?limit=0", "limit"),
        ("/api/v1/audit?action=%00", "action"),
    ],
)
def test_arguments_that_cannot_be_used(
    path: str, field: str, request_id: str, services: Services, call: Callable[[str], Caller]
) -> None:
    run = make_run(services.sessions)
    answer = call("admin").get(path.format(request=request_id, run=run.id))
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input"), answer.json
    assert field in answer.json["fields"], answer.json


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/v1/runs"), ("DELETE", "/api/v1/approvals/" + NOBODY), ("POST", "/api/v1/workflows"), ("PATCH", "/")],
)
def test_other_methods_are_refused(method: str, path: str, call: Callable[[str], Caller]) -> None:
    caller = call("admin")
    answer = caller.client.open(path, method=method, headers=caller.headers)
    assert answer.status_code == 405
    assert answer.headers["Allow"]
    if path.startswith("/api/"):
        assert answer.json["code"] == "method_not_allowed"


def test_own_request(services: Services, people: dict[str, Person], call: Callable[[str], Caller]) -> None:
    run = make_run(services.sessions, people["reviewer"])
    request = make_request(services.sessions, run)
    answer = call("reviewer").post(
        f"/api/v1/approvals/{request.id}/decisions", {"verdict": "approve", "digest": request.digest}
    )
    assert (answer.status_code, answer.json["code"]) == (403, "own_request")


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.PENDING])
def test_decided_already(state: RequestState, services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, state=state)
    answer = call("reviewer").post(
        f"/api/v1/approvals/{request.id}/decisions", {"verdict": "approve", "digest": request.digest}
    )
    expected = "expired" if state is RequestState.EXPIRED else "already_decided"
    assert (answer.status_code, answer.json["code"], answer.json["state"]) == (409, expected, state.value)


def test_deadline_passed(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, expires_in=timedelta(seconds=-1))
    for path, body in (
        ("decisions", {"verdict": "approve", "digest": request.digest}),
        ("escalations", {"reason": "Now!"}),
        ("cancel", {}),
    ):
        answer = call("reviewer").post(f"/api/v1/approvals/{request.id}/{path}", body)
        assert (answer.status_code, answer.json["code"]) == (409, "expired"), path


def test_deciding_twice_on_the_same(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, terms=Terms(name="two", stages=(Stage(quorum=2),), deadline_seconds=3600))
    body = {"verdict": "approve", "digest": request.digest}
    first = call("reviewer").post(f"/api/v1/approvals/{request.id}/decisions", body)
    assert (first.status_code, first.json["resolved"], first.json["approvals"]) == (201, False, 1)
    second = call("reviewer").post(f"/api/v1/approvals/{request.id}/decisions", body)
    assert (second.status_code, second.json["code"]) == (409, "duplicate_decision")


def test_invalid_item_choices(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, payload=optimizations())
    for items in ([], [{"id": "z"}], [{"id": "a"}, {"id": "a"}], [{"id": 1}], ["a"], [{"id": "a", "title": "x"}], {}):
        answer = call("reviewer").post(
            f"/api/v1/approvals/{request.id}/decisions",
            {"verdict": "modify", "digest": request.digest, "change": {"items": items}},
        )
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_input"), items
        assert answer.json["fields"], items


def test_answers_that_do_not_fit(services: Services, call: Callable[[str], Caller]) -> None:
    schema = {"type": "object", "properties": {"years": {"type": "integer"}}, "required": ["years"]}
    request = make_request(services.sessions, payload=question(schema))
    for answered in (None, "old", {}, {"years": "ten"}, []):
        answer = call("reviewer").post(
            f"/api/v1/approvals/{request.id}/decisions",
            {"verdict": "answer", "digest": request.digest, "answer": answered},
        )
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_input"), answered


def test_a_megabyte_of_sql_is_taken(services: Services, call: Callable[[str], Caller]) -> None:
    request = make_request(services.sessions, risk=RiskLevel.HIGH)
    text = "select 1;\n" * 100_000
    answer = call("reviewer").post(
        f"/api/v1/approvals/{request.id}/decisions",
        {"verdict": "modify", "digest": request.digest, "change": {"content": text}, "acknowledged_risk": "high"},
    )
    assert answer.status_code == 201, answer.json
