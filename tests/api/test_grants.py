"""Standing grants over REST: from a suggestion to its end, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.domain.people import Role, Via
from app.services.bundle import Services
from tests.factories import Caller, grant_body, make_grant, make_person

PATH = "/api/v1/grants"


@pytest.fixture
def someone(app: Flask, services: Services) -> Callable[..., Caller]:
    """A new person."""
    return lambda name="Somebody", role=Role.REVIEWER: Caller(app, make_person(services.sessions, name, [role]))


def test_a_grant_from_its_proposal_to_its_end(services: Services, someone: Callable[..., Caller]) -> None:
    first, second = someone("First"), someone("Second")
    body = grant_body(services.sessions)
    made = first.post(PATH, body)
    assert made.status_code == 201
    grant = made.json
    assert grant.items() >= {
        "state": "proposed", "title": "Counting", "max_uses": 3, "uses": 0, "uses_left": 0, "max_risk": "medium",
        "pattern": body["pattern"], "proposed_by_name": "First", "approved_at": None, "let_through": [],
    }.items()  # fmt: skip
    assert {request["id"] for request in grant["evidence"]} == set(body["evidence"])
    assert grant["rehearsal"]["complete"] is True and grant["rehearsal"]["refused"] == []
    assert "language is “sql”" in grant["words"]

    own = first.post(f"{PATH}/{grant['id']}/approve")
    assert (own.status_code, own.json["code"]) == (403, "own_request")
    given = second.post(f"{PATH}/{grant['id']}/approve")
    assert (given.status_code, given.json["state"], given.json["uses_left"]) == (200, "active", 3)
    again = second.post(f"{PATH}/{grant['id']}/approve")
    assert (again.status_code, again.json["code"], again.json["state"]) == (409, "illegal_transition", "active")
    assert grant["id"] in [item["id"] for item in second.get(PATH).json["items"]]

    silent = second.post(f"{PATH}/{grant['id']}/revoke", {"reason": " "})
    assert (silent.status_code, silent.json["fields"]) == (422, {"reason": "empty"})
    ended = second.post(f"{PATH}/{grant['id']}/revoke", {"reason": "It changed."})
    assert (ended.json["state"], ended.json["end_reason"], ended.json["uses_left"]) == ("revoked", "It changed.", 0)
    assert ended.json["rehearsal"] is None
    assert second.get(f"{PATH}/{grant['id']}").json == ended.json


def test_declining(services: Services, someone: Callable[..., Caller]) -> None:
    grant = make_grant(services.sessions)
    declined = someone().post(f"{PATH}/{grant.id}/decline", {"reason": "Too wide."})
    assert (declined.status_code, declined.json["state"], declined.json["end_reason"]) == (200, "declined", "Too wide.")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"max_risk": "high"}, 422, "invalid_input"), ({"max_uses": 0}, 422, "invalid_input"),
        ({"max_uses": 1001}, 422, "invalid_input"), ({"days": 91}, 422, "invalid_input"),
        ({"days": "7"}, 422, "invalid_input"), ({"max_uses": None}, 422, "invalid_input"),
        ({"evidence": []}, 422, "invalid_input"), ({"evidence": ["a", "b", "c"]}, 409, "conflict"),
        ({"workflow": "another"}, 409, "conflict"), ({"reason": ""}, 422, "invalid_input"),
        ({"pattern": {}}, 422, "invalid_input"), ({"pattern": {"kind": "script", "leaves": []}}, 422, "invalid_input"),
        ({"unknown": 1}, 422, "invalid_input"), ({"max_risk": "none"}, 422, "invalid_input"),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused(
    services: Services, someone: Callable[..., Caller], change: dict[str, Any], status: int, code: str
) -> None:
    answer = someone().post(PATH, grant_body(services.sessions, **change))
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_number_and_period_are_required(services: Services, someone: Callable[..., Caller]) -> None:
    for name in ("max_uses", "days", "evidence", "reason"):
        body = grant_body(services.sessions)
        del body[name]
        answer = someone().post(PATH, body)
        assert (answer.status_code, list(answer.json["fields"])) == (422, [name])


@pytest.mark.parametrize(
    "leaf",
    [
        {"at": ["content"], "must": {"match": "glob", "text": "select*", "max_length": 9}},
        {"at": ["content"], "must": {"match": "any", "type": "text", "max_length": 9}},
        {"at": ["content"], "must": {"match": "regex", "text": ".*"}},
        {"at": ["target"], "must": {"match": "any", "type": "text", "max_length": 100_000}},
        {"at": ["target"], "must": {"match": "glob", "text": "*", "max_length": 9}},
        {"at": [], "must": {"match": "equal", "value": 1}},
        {"at": ["target"], "must": {"match": "range", "low": 2, "high": 1}},
        {"at": [1.5], "must": {"match": "equal", "value": 1}},
    ],
)
def test_a_pattern_that_is_not_bounded_is_explained(
    services: Services, someone: Callable[..., Caller], leaf: dict[str, Any]
) -> None:
    body = grant_body(services.sessions)
    body["pattern"] = {"kind": "script", "leaves": [leaf]}
    answer = someone().post(PATH, body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")
    assert all(field.startswith("pattern") for field in answer.json["fields"]) and answer.json["fields"]


def test_rehearsing_changes_nothing(services: Services, someone: Callable[..., Caller]) -> None:
    body = grant_body(services.sessions)
    rule = {name: body[name] for name in ("workflow", "node", "kind", "environment", "pattern")}
    before = len(services.grants.list(make_person(services.sessions).as_actor(Via.API)))
    answer = someone().post(f"{PATH}/rehearsal", rule)
    assert answer.status_code == 200
    assert {past["id"] for past in answer.json["through"]} >= set(body["evidence"])
    assert answer.json["considered"] >= 3 and answer.json["days"] == 90
    assert len(services.grants.list(make_person(services.sessions).as_actor(Via.API))) == before


def test_suggestions_are_for_those_who_may_propose(services: Services, someone: Callable[..., Caller]) -> None:
    body = grant_body(services.sessions, workflow="x")
    found = someone().get(PATH).json["suggestions"]
    assert any(set(body["evidence"]) <= {request["id"] for request in one["evidence"]} for one in found)
    assert someone(role=Role.VIEWER).get(PATH).json["suggestions"] == []
    first = make_grant(services.sessions)
    assert someone().get(f"{PATH}?cursor={first.id}").json["suggestions"] == [], "on the first page only"
