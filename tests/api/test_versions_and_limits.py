"""Conditional calls, and how many calls a token may make."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from flask import Flask

from app.domain.people import Role
from app.services.bundle import Services
from app.services.calls import rate_limits
from app.services.calls.rate_limits import RateLimits
from app.store.requests import ApprovalRequest
from tests.factories import Caller, Program, make_person, make_request, make_run, make_token


@pytest.mark.parametrize("kind", ["approvals", "runs"])
def test_what_has_not_changed_is_not_sent_again(kind: str, services: Services, call: Callable[[str], Caller]) -> None:
    run = make_run(services.sessions)
    request = make_request(services.sessions, run)
    viewer, path = call("viewer"), f"/api/v1/{kind}/{request.id if kind == 'approvals' else run.id}"
    first = viewer.get(path)
    assert first.headers["ETag"] == f'"{first.json["version"]}.{first.headers["ETag"].split(".")[1]}'
    again = viewer.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    if kind == "approvals":
        call("reviewer").post(f"{path}/comments", {"comment": "Why?"})
    else:
        call("reviewer").post(f"{path}/pause")
    changed = viewer.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200 and changed.headers["ETag"] != first.headers["ETag"]


def test_a_decision_on_a_version_that_was_not_seen_is_refused(
    services: Services, call: Callable[[str], Caller]
) -> None:
    request = make_request(services.sessions)
    reviewer, path = call("reviewer"), f"/api/v1/approvals/{request.id}"
    body: dict[str, Any] = {"verdict": "approve", "digest": request.digest}
    seen = reviewer.get(path).headers["ETag"]
    # A remark makes no other version of what is decided.
    call("admin").post(f"{path}/comments", {"comment": "Why?"})
    call("admin").post(f"{path}/claim")
    refused = reviewer.post(f"{path}/decisions", body, headers={"If-Match": seen})
    assert (refused.status_code, refused.json["code"]) == (412, "version_changed")
    assert (refused.json["version"], refused.json["digest"]) == (request.version + 1, request.digest)
    unknown = reviewer.post(f"{path}/decisions", body, headers={"If-Match": '"something"'})
    weak = reviewer.post(f"{path}/decisions", body, headers={"If-Match": f'W/"{request.version + 1}.x"'})
    assert unknown.status_code == weak.status_code == 412
    several = reviewer.post(f"{path}/decisions", body, headers={"If-Match": '"1.a", "2.b"'})
    assert (several.status_code, list(several.json["fields"])) == (422, ["If-Match"])
    with services.sessions() as session:
        assert session.get_one(ApprovalRequest, request.id).version == request.version + 1
    call("admin").post(f"{path}/comments", {"comment": "Go on."})
    current = f'"{refused.json["version"]}.whatever"'
    assert reviewer.post(f"{path}/decisions", body, headers={"If-Match": current}).status_code == 201


@pytest.mark.parametrize("match", ["*", None])
def test_any_version_will_do_where_none_is_named(
    match: str | None, services: Services, call: Callable[[str], Caller]
) -> None:
    request = make_request(services.sessions)
    headers = {"If-Match": match} if match else {}
    body = {"verdict": "approve", "digest": request.digest}
    answer = call("reviewer").post(f"/api/v1/approvals/{request.id}/decisions", body, headers=headers)
    assert answer.status_code == 201


# How often


T = TypeVar("T")


def in_one_minute(count: Callable[[], T]) -> T:
    """What `count` gives; where the minute turns meanwhile, which starts the count again, it is done once more."""
    for last in (False, False, True):
        began = time.time() // rate_limits.WINDOW_SECONDS
        try:
            return count()
        except AssertionError:
            if last or time.time() // rate_limits.WINDOW_SECONDS == began:
                raise
    raise AssertionError


@pytest.fixture
def limited(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the quota of each token."""
    parts = app.extensions["assent_portal"]

    def set_quota(quota: int) -> None:
        settings = parts.settings.model_copy(update={"api_calls_per_minute": quota})
        monkeypatch.setitem(app.extensions, "assent_portal", replace(parts, settings=settings))

    return set_quota


def test_each_answer_says_what_is_left_and_beyond_it_nothing_is_done(
    app: Flask, services: Services, limited: Callable[[int], None]
) -> None:
    limited(50)
    program = in_one_minute(lambda: _use_up(app, services))
    other = Program(app, make_token(app, make_person(services.sessions, "Other", [Role.REVIEWER])))
    request = make_request(services.sessions)
    refused = program.post(f"/api/v1/approvals/{request.id}/comments", {"comment": "One more"})
    assert (refused.status_code, refused.json["code"], refused.mimetype) == (
        429, "rate_limited", "application/problem+json",
    )  # fmt: skip
    assert int(refused.headers["Retry-After"]) == refused.json["retry_after"] > 0
    assert refused.headers["RateLimit"].startswith('"token";r=0;t=')
    assert other.get("/api/v1/workflows").status_code == 200, "each token for itself"


def _use_up(app: Flask, services: Services) -> Program:
    """A program that has made all its calls, each of which said what was left."""
    program = Program(app, make_token(app, make_person(services.sessions, "Busy", [Role.REVIEWER])))
    left = []
    for _ in range(50):
        answer = program.get("/api/v1/workflows")
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"token";q=50;w=60'
        found = re.fullmatch(r'"token";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
        assert found and 0 < int(found[2]) <= 60
        left.append(int(found[1]))
    assert left == list(range(49, -1, -1))
    return program


def test_errors_say_it_as_well_and_sessions_are_not_counted(
    app: Flask, services: Services, limited: Callable[[int], None], call: Callable[[str], Caller]
) -> None:
    limited(1000)
    program = Program(app, make_token(app, make_person(services.sessions)))
    assert "RateLimit" in program.get("/api/v1/audit").headers
    assert "RateLimit" not in call("viewer").get("/api/v1/workflows").headers
    limited(0)
    assert "RateLimit" not in program.get("/api/v1/workflows").headers


def test_several_processes_share_a_quota_and_write_seldom(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `RateLimits` stands for a process."""
    processes = [RateLimits(services.sessions) for _ in range(4)]
    written: list[str] = []
    execute = type(services.sessions).execute

    def counted(sessions: Any, statement: str, parameters: Any) -> Any:
        if statement is rate_limits._TAKE:
            written.append(statement)
        return execute(sessions, statement, parameters)

    monkeypatch.setattr(type(services.sessions), "execute", counted)
    quota = 400

    def call_often(limits: RateLimits, caller: str, allowances: list[rate_limits.Allowance]) -> None:
        allowances.extend(limits.take(caller, quota) for _ in range(200))

    def all_at_once() -> None:
        caller, allowances = secrets.token_hex(8), []
        written.clear()
        threads = [threading.Thread(target=call_often, args=(process, caller, allowances)) for process in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        allowed = sum(allowance.allowed for allowance in allowances)
        assert quota - 3 * quota // rate_limits.BLOCKS <= allowed <= quota
        # One write for a block, and one for each process to learn that none is left.
        assert len(written) <= rate_limits.BLOCKS + len(processes) + 4

    in_one_minute(all_at_once)


def test_a_new_minute_begins_with_a_whole_quota(services: Services) -> None:
    limits = RateLimits(services.sessions)
    while limits.take("again", 5).allowed:
        pass
    services.sessions.execute(
        "update rate_windows set began_at = began_at - interval '1 minute' where caller = 'again' returning taken", {}
    )
    assert RateLimits(services.sessions).take("again", 5).allowed
