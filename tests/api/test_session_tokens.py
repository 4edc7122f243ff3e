"""The API and the session behind it: what changes something needs the session's own token, from our own pages.

Who may do what by each route is in `tests.access`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.api.register import endpoints
from app.services.bundle import Services
from tests.factories import Caller, make_request

CHANGING = [(endpoint.method, prefix + endpoint.path) for prefix, endpoint in endpoints() if endpoint.method != "GET"]


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_session_without_its_token_changes_nothing(
    method: str, path: str, call: Callable[[str], Caller], services: Services
) -> None:
    request = make_request(services.sessions)
    caller = call("admin")
    caller.headers = {}
    places = {
        "<uuid:id>": request.id, "<uuid:session_id>": request.id, "<uuid:comment_id>": request.id,
        "<hex:id>": "0" * 32, "<int:version>": "1",
        "<agent:agent>": "claude-code",
    }  # fmt: skip
    for name, value in places.items():
        path = path.replace(name, value)
    answer = caller.client.open(path, method=method, json={})
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
