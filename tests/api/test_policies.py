"""Policies over REST: what is in force, earlier versions, and trying one out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.people import SYSTEM
from app.services.bundle import Services
from tests.factories import Caller, approving, make_request

FIRST = "version: 1\ndefault: {deadline: 1 day}\n"
SECOND = """\
version: 1
rules:
  - name: Two for the dangerous
    when: risk.rank >= 3
    ask: {teams: dba, quorum: 2}
    deadline: 4 hours
default: {deadline: 1 day}
"""


@pytest.fixture
def reviewer(call: Callable[[str], Caller]) -> Caller:
    return call("reviewer")


def test_nothing_is_loaded_and_then_two_versions(reviewer: Caller, services: Services) -> None:
    assert reviewer.get("/api/v1/policies").json == {
        "in_force": None, "waiting": None, "versions": [], "next_cursor": None,
    }  # fmt: skip
    numbers = [services.policies.load(SYSTEM, text, "policies.yaml").stored.version for text in (FIRST, SECOND)]
    answer = reviewer.get("/api/v1/policies").json
    assert [version["version"] for version in answer["versions"]] == numbers[::-1]
    shown = answer["in_force"]
    assert (shown["version"], shown["text"], shown["loaded_by_name"]) == (numbers[1], SECOND, "Assent")
    assert [rule["name"] for rule in shown["rules"]] == ["Two for the dangerous", "policy's default"]
    assert (shown["rules"][0]["when"], shown["rules"][0]["asks"]) == ("risk.rank >= 3", ["2 of team dba"])
    assert shown["warnings"][0] == "There is no team dba."
    assert reviewer.get(f"/api/v1/policies/{numbers[0]}").json["text"] == FIRST
    assert answer["versions"][0]["loaded_at"].endswith("Z")


@pytest.mark.parametrize("number", [0, 999_999, 2**31, 10**30])
def test_a_version_that_does_not_exist(reviewer: Caller, number: int) -> None:
    answer = reviewer.get(f"/api/v1/policies/{number}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_policy_is_tried_out(reviewer: Caller, services: Services) -> None:
    request = make_request(services.sessions, opened_at=datetime.now(UTC) - timedelta(days=2))
    body = {"text": FIRST.replace("1 day", "2 hours"), "days": 3}
    answer = reviewer.post("/api/v1/policies/test", body)
    assert (answer.status_code, answer.json["examined"], answer.json["stopped"]) == (200, 1, "")
    [found] = answer.json["changed"]
    assert (found["id"], found["state"], found["state_after"]) == (request.id, "pending", "expired")
    assert {"what": "deadline", "label": "Deadline", "before": "1 d", "after": "2 h"} in found["differences"]
    assert answer.json["rules"][0] == {"rule": "policy's default", "before": 0, "after": 1}
    assert reviewer.post("/api/v1/policies/test", body | {"days": 1}).json["examined"] == 0


def test_a_policy_with_problems_is_refused_with_their_places(reviewer: Caller) -> None:
    bad = SECOND.replace("4 hours", "soon").replace("risk.rank", "risc.rank")
    answer = reviewer.post("/api/v1/policies/test", {"text": bad})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_policy")
    assert [(problem["line"], problem["field"]) for problem in answer.json["problems"]] == [
        (4, "rules[0].when"), (6, "rules[0].deadline"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422), ({"text": ""}, 422), ({"text": 1}, 422), ({"text": "\x00"}, 422), ({"text": FIRST, "days": 0}, 422),
        ({"text": FIRST, "limit": 5001}, 422), ({"text": FIRST, "more": 1}, 422), ({"text": "é" * 600_000}, 413),
        ({"text": "&a [*a]"}, 422), ({"text": "- " * 5000}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_a_policy_is_refused(reviewer: Caller, body: dict[str, object], status: int) -> None:
    assert reviewer.post("/api/v1/policies/test", body).status_code == status


def test_a_version_that_approves_more_is_confirmed_by_a_second_person(
    services: Services, call: Callable[[str], Caller]
) -> None:
    admin = call("admin")
    waiting = services.policies.load(SYSTEM, approving(name="Confirmed over REST"), "policies.yaml").stored.version
    listed = call("reviewer").get("/api/v1/policies").json
    assert listed["in_force"]["version"] < waiting == listed["waiting"]["version"]
    assert listed["waiting"]["widens"] == ["“Confirmed over REST” is new, or has another condition."]
    answer = call("reviewer").post(f"/api/v1/policies/{waiting}/confirm")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    answer = admin.post(f"/api/v1/policies/{waiting}/confirm")
    assert answer.status_code == 200, answer.json
    assert answer.json["in_force_at"] is not None and answer.json["decided_by_name"] == "The admin"
    [rule] = [rule for rule in answer.json["rules"] if rule["decides"]]
    assert (rule["name"], rule["decides"], rule["sample"]) == ("Confirmed over REST", "approves at once", 0.0)
    assert call("reviewer").get("/api/v1/policies").json["in_force"]["version"] == waiting
    answer = admin.post(f"/api/v1/policies/{waiting}/decline", {"reason": "Late."})
    assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")
    services.policies.load(SYSTEM, SECOND, "policies.yaml")
