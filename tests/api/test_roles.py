"""Every route with every role: who gets through, and what the others are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.api.register import endpoints
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM
from app.services.bundle import Services
from app.store.people import Person
from tests.factories import Caller, grant_body, make_absence, make_grant, make_request, make_run

EVERYBODY = {"viewer", "reviewer", "auditor", "admin"}
DECIDERS = {"reviewer", "admin"}
AUDITORS = {"auditor", "admin"}
POLICY = "version: 1\ndefault: {deadline: 1 day}\n"
RULE = {"workflow", "node", "kind", "environment", "pattern", "max_risk"}

ROUTES: dict[tuple[str, str], tuple[set[str], dict[str, object] | None, str]] = {
    ("GET", "/api/v1/workflows"): (EVERYBODY, None, ""),
    ("GET", "/api/v1/runs"): (EVERYBODY, None, ""),
    ("POST", "/api/v1/runs"): (DECIDERS, {"workflow": "test_gate", "input": {"target": "sample"}}, ""),
    ("GET", "/api/v1/runs/<uuid:id>"): (EVERYBODY, None, "suspended"),
    ("GET", "/api/v1/runs/<uuid:id>/events"): (EVERYBODY, None, "suspended"),
    ("POST", "/api/v1/runs/<uuid:id>/pause"): (DECIDERS, {}, "suspended"),
    ("POST", "/api/v1/runs/<uuid:id>/resume"): (DECIDERS, {}, "paused"),
    ("POST", "/api/v1/runs/<uuid:id>/cancel"): (DECIDERS, {"reason": "no longer needed"}, "suspended"),
    ("POST", "/api/v1/runs/<uuid:id>/retry"): (DECIDERS, {}, "failed"),
    ("GET", "/api/v1/approvals"): (EVERYBODY, None, ""),
    ("GET", "/api/v1/approvals/<uuid:id>"): (EVERYBODY, None, "request"),
    ("GET", "/api/v1/approvals/<uuid:id>/outcome"): (EVERYBODY, None, "request"),
    ("POST", "/api/v1/approvals/<uuid:id>/decisions"): (
        DECIDERS,
        {"verdict": "approve", "digest": "DIGEST"},
        "request",
    ),
    ("POST", "/api/v1/approvals/<uuid:id>/preview"): (DECIDERS, {"change": {"content": "select 1"}}, "request"),
    ("POST", "/api/v1/approvals/<uuid:id>/comments"): (DECIDERS, {"comment": "Why now?"}, "request"),
    ("POST", "/api/v1/approvals/<uuid:id>/escalations"): (DECIDERS, {"reason": "It is urgent."}, "request"),
    ("POST", "/api/v1/approvals/<uuid:id>/cancel"): (DECIDERS, {"reason": "No longer needed."}, "request"),
    ("GET", "/api/v1/absences"): (EVERYBODY, None, ""),
    ("POST", "/api/v1/absences"): (
        DECIDERS,
        {"starts_at": "2100-01-01T00:00:00Z", "ends_at": "2100-01-02T00:00:00Z"},
        "",
    ),
    ("POST", "/api/v1/absences/<uuid:id>/end"): (DECIDERS, {}, "absence"),
    ("GET", "/api/v1/grants"): (EVERYBODY, None, ""),
    ("POST", "/api/v1/grants"): (DECIDERS, {}, "evidence"),
    ("POST", "/api/v1/grants/rehearsal"): (DECIDERS | AUDITORS, {}, "rule"),
    ("GET", "/api/v1/grants/<uuid:id>"): (EVERYBODY, None, "grant"),
    ("POST", "/api/v1/grants/<uuid:id>/approve"): (DECIDERS, {}, "grant"),
    ("POST", "/api/v1/grants/<uuid:id>/decline"): (DECIDERS, {"reason": "Too wide."}, "grant"),
    ("POST", "/api/v1/grants/<uuid:id>/revoke"): (DECIDERS, {"reason": "It changed."}, "grant"),
    ("GET", "/api/v1/policies"): (EVERYBODY, None, ""),
    ("GET", "/api/v1/policies/<int:version>"): (EVERYBODY, None, "policy"),
    ("POST", "/api/v1/policies/test"): (DECIDERS | AUDITORS, {"text": POLICY}, ""),
    ("GET", "/api/v1/audit"): (AUDITORS, None, ""),
    ("GET", "/api/approvals/pending"): (EVERYBODY, None, ""),
    ("POST", "/api/approvals/<uuid:id>"): (
        DECIDERS,
        {"approved": True, "comments": "Fine.", "digest": "DIGEST"},
        "request",
    ),
    ("GET", "/api/workflows/<uuid:id>/details"): (EVERYBODY, None, "suspended"),
}


def test_every_route_is_in_the_table() -> None:
    assert set(ROUTES) == {(each.method, prefix + each.path) for prefix, each in endpoints()}


def test_the_mounted_rules_are_the_table(app: Flask) -> None:
    mounted = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    assert mounted == set(ROUTES)


@pytest.mark.parametrize("role", ["anonymous", *sorted(EVERYBODY)])
@pytest.mark.parametrize("route", sorted(ROUTES), ids=lambda route: f"{route[0]} {route[1]}")
def test_role(
    route: tuple[str, str], role: str, call: Callable[[str], Caller], services: Services, people: dict[str, Person]
) -> None:
    method, path = route
    allowed, body, needs = ROUTES[route]
    if needs == "request":
        request = make_request(services.sessions)
        path = path.replace("<uuid:id>", request.id)
        body = {key: request.digest if value == "DIGEST" else value for key, value in body.items()} if body else body
    elif needs == "absence":
        path = path.replace("<uuid:id>", make_absence(services.sessions, people.get(role)).id)
    elif needs == "evidence":
        body = grant_body(services.sessions)
    elif needs == "rule":
        body = {name: each for name, each in grant_body(services.sessions).items() if name in RULE}
    elif needs == "policy":
        stored = services.policies.load(SYSTEM, POLICY, "policies.yaml").stored
        path = path.replace("<int:version>", str(stored.version))
    elif needs == "grant":
        path = path.replace("<uuid:id>", make_grant(services.sessions).id)
    elif needs:
        path = path.replace("<uuid:id>", make_run(services.sessions, state=RunState(needs)).id)

    caller = call(role)
    answer = caller.get(path) if method == "GET" else caller.post(path, body)

    if role == "anonymous":
        assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in")
    elif role in allowed:
        assert answer.status_code in (200, 201), answer.json
        assert answer.mimetype == "application/json"
    else:
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
        assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("route", sorted(each for each in ROUTES if each[0] == "POST"), ids=lambda route: route[1])
def test_a_session_without_its_token_changes_nothing(
    route: tuple[str, str], call: Callable[[str], Caller], services: Services
) -> None:
    request = make_request(services.sessions)
    caller = call("admin")
    caller.headers = {}
    answer = caller.post(route[1].replace("<uuid:id>", request.id), ROUTES[route][1])
    assert (answer.status_code, answer.json["code"]) == (400, "csrf")


def test_another_sessions_token_is_refused(call: Callable[[str], Caller], services: Services) -> None:
    request = make_request(services.sessions)
    caller, other = call("admin"), call("reviewer")
    caller.headers = other.headers
    answer = caller.post(f"/api/v1/approvals/{request.id}/comments", {"comment": "Hello"})
    assert (answer.status_code, answer.json["code"]) == (400, "csrf")


def test_another_site_is_refused_even_with_the_token(call: Callable[[str], Caller], services: Services) -> None:
    request = make_request(services.sessions)
    answer = call("admin").post(
        f"/api/v1/approvals/{request.id}/comments", {"comment": "Hello"}, headers={"Origin": "https://evil.example"}
    )
    assert (answer.status_code, answer.json["code"]) == (403, "cross_origin")
