"""Several tool calls on one page: each is made, edited, left out or answered by itself, without JavaScript."""

from __future__ import annotations

from typing import Any

from app.services.bundle import Services
from app.store.requests import ApprovalRequest
from tests.factories import make_request
from tests.web.browsing import Browser

ALL = ["approve", "edit", "reject", "respond"]


def calls(**more: Any) -> dict[str, Any]:
    """Three calls; the second can only be made or left."""
    schema = {"type": "object", "properties": {"to": {"type": "string", "title": "Recipient"}}, "required": ["to"]}
    return {
        "kind": "tool_calls", "title": "3 calls: send_email, delete_file", "environment": "",
        "calls": [
            {"id": "1", "tool": "send_email", "args": {"to": "dba"}, "args_schema": schema, "decisions": ALL},
            {"id": "2", "tool": "delete_file", "args": {"path": "a"}, "decisions": ["approve", "reject"]},
            {"id": "3", "tool": "send_email", "args": {"to": "ops"}, "args_schema": schema, "decisions": ALL},
        ],
    } | more  # fmt: skip


def stored(services: Services, request: ApprovalRequest) -> Any:
    """State and calls now."""
    with services.sessions.reads() as session:
        now = session.get_one(ApprovalRequest, request.id)
        return now.state, now.payload["calls"]


def test_all_calls_are_made_as_they_stand(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=calls())
    reviewer.get(f"/requests/{request.id}")
    assert reviewer.button("Approve").text == "Approve and make 3 calls"
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"))
    assert stored(services, request) == ("approved", calls()["calls"])


def test_each_call_is_decided_by_itself(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=calls())
    reviewer.get(f"/requests/{request.id}")
    sent = {
        "calls.1.args.to": "ops", "calls.2.decision": "reject", "calls.2.message": "We need it.",
        "calls.3.decision": "respond", "calls.3.message": "Told them.",
    }  # fmt: skip
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), **sent)
    state, now = stored(services, request)
    assert state == "modified"
    assert now[0]["args"] == {"to": "ops"} and "decision" not in now[0]
    assert (now[1]["decision"], now[1]["message"]) == ("reject", "We need it.")
    assert (now[2]["decision"], now[2]["message"]) == ("respond", "Told them.")
    reviewer.follow()
    assert "Left out: We need it." in reviewer.page.text and "Answered instead: Told them." in reviewer.page.text


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=calls())
    reviewer.get(f"/requests/{request.id}")
    sent = {"calls.1.decision": "respond", "calls.2.decision": "reject", "calls.2.message": "No."}
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), status=422, **sent)
    field = reviewer.page.one(id="f-calls.1.message")
    assert field.attributes["aria-invalid"] == "true"
    assert reviewer.page.one(id="f-calls.2.message").text == "No."
    assert "checked" in reviewer.page.one(id="f-calls.2.decision-reject").attributes
    assert stored(services, request)[0] == "pending"


def test_none_is_left(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=calls())
    reviewer.get(f"/requests/{request.id}")
    sent = {f"calls.{number}.decision": "reject" for number in (1, 2, 3)}
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), status=422, **sent)
    assert "No call is left. Reject the request instead" in reviewer.page.text


def test_one_call_is_answered_in_its_place(services: Services, reviewer: Browser) -> None:
    payload = {"kind": "tool_call", "title": "Call send", "environment": ""} | calls()["calls"][0]
    del payload["id"]
    request = make_request(services.sessions, payload=payload)
    reviewer.get(f"/requests/{request.id}")
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), message="I phoned them.")
    with services.sessions.reads() as session:
        now = session.get_one(ApprovalRequest, request.id)
        assert (now.state, now.payload["decision"], now.payload["message"]) == (
            "modified", "respond", "I phoned them.",
        )  # fmt: skip
