"""Samples of what policies decided, over REST."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from app.domain.lifecycle import RequestState
from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.services.bundle import Services
from tests.factories import Caller, Program, make_person, make_request, make_sample, make_token

TIMES = ("opened_at", "expires_at", "resolved_at")


def test_samples_are_listed_and_reviewed(services: Services, call: Callable[[str], Caller]) -> None:
    first, second = (make_sample(services.sessions).id for _ in range(2))
    reviewer = call("reviewer")
    page = reviewer.get("/api/v1/samples?limit=1").json
    assert [item["request_id"] for item in page["items"]] == [first] and page["next_cursor"] == first
    page = reviewer.get(f"/api/v1/samples?cursor={first}").json
    [item] = page["items"]
    assert (item["request_id"], item["rule"], item["verdict"], item["agrees"]) == (second, "Harmless", "approve", None)

    answer = reviewer.post(f"/api/v1/samples/{first}/review", {"agrees": False})
    assert (answer.status_code, answer.json["fields"]) == (422, {"comment": "empty"})
    answer = reviewer.post(f"/api/v1/samples/{first}/review", {"agrees": False, "comment": "Too much."})
    assert answer.status_code == 200, answer.json
    assert (answer.json["agrees"], answer.json["reviewer_name"]) == (False, "The reviewer")
    answer = reviewer.post(f"/api/v1/samples/{first}/review", {"agrees": True})
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    reviewed = reviewer.get("/api/v1/samples?status=reviewed").json["items"]
    assert [(item["request_id"], item["comment"]) for item in reviewed] == [(first, "Too much.")]


def test_an_agent_learns_nothing_of_samples(app: Flask, services: Services) -> None:
    owner = make_person(services.sessions, "Owner", list(Role))
    own = {"requester_id": owner.id, "opened_by_agent": "Deploy agent", "requester_name": owner.name}
    request = make_sample(services.sessions, **own)
    same = {"state": RequestState.APPROVED, "answered_by": request.answered_by}
    other = make_request(services.sessions, **own, **same)
    agent = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES, name="Deploy agent"))
    shown, undrawn = (agent.get(f"/api/v1/approvals/{found.id}").json for found in (request, other))
    differing = {name for name in shown if shown[name] != undrawn[name]}
    assert shown.keys() == undrawn.keys() and differing <= {"id", "run_id", "workflow", *TIMES}
    assert agent.get("/api/v1/samples").status_code == 403
    impossible = Program(app, make_token(app, owner, TokenKind.AGENT, name="Deploy agent"))
    assert impossible.get("/api/v1/samples").json["code"] == "forbidden"
    assert impossible.post(f"/api/v1/samples/{request.id}/review", {"agrees": True}).json["code"] == "forbidden"
