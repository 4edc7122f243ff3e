"""Hooks of coding agents over HTTP: calls in their own formats, and answers in the same."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.people import SYSTEM, Role, Via
from app.domain.tokens import AGENT_SCOPES, Scope, TokenKind
from app.services.bundle import Services
from app.store.people import Person
from app.store.requests import ApprovalRequest, Comment, ReceiptRow
from assent.hooks.agents import AGENTS
from assent.hooks.setup import SETUPS, Setup
from tests.factories import Caller, Program, make_person, make_token
from tests.risk.test_agent_day import day

HOOK = "/api/v1/hooks/claude-code"
POLICY = """\
rules:
  - name: Harmless
    when: understood && risk.rank <= 1
    decide: approve
    until: {until}
    reason: It only reads.
  - name: No force
    when: tool == "Bash" && args.command.contains("--force")
    decide: reject
    reason: Nobody pushes with force.
  - name: The keyboard decides
    when: '"session" in labels && labels["session"] == "relaxed"'
    unanswered: ask
default: {{deadline: 1 day}}
"""


def bash(command: str, event: str = "PreToolUse", **more: Any) -> dict[str, Any]:
    """A call as Claude Code describes it."""
    return {
        "session_id": "s-1", "transcript_path": "/home/dev/t.jsonl", "cwd": "/home/dev/shop",
        "permission_mode": "default", "hook_event_name": event, "tool_name": "Bash",
        "tool_input": {"command": command}, "tool_use_id": f"toolu_{secrets.token_hex(8)}",
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def owner(services: Services) -> Person:
    """Who answers for the agent."""
    until = (datetime.now(UTC) + timedelta(days=30)).date()
    loaded = services.policies.load(SYSTEM, "version: 1\n" + POLICY.format(until=until), "policies.yaml").stored
    second = make_person(services.sessions, "Second person", [Role.ADMIN])
    services.policies.confirm(second.as_actor(Via.PAGE), loaded.version)
    return make_person(services.sessions, "Developer", [Role.REVIEWER])


@pytest.fixture(scope="module")
def agent(app: Flask, owner: Person) -> Program:
    """A coding agent, with a token that allows nothing but requests."""
    return Program(app, make_token(app, owner, TokenKind.AGENT, [Scope.APPROVALS_REQUEST], name="Coding agent"))


def answered(agent: Program, call: dict[str, Any], query: str = "") -> dict[str, Any]:
    """The answer to a hook."""
    answer = agent.post(f"{HOOK}?{query}", call)
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def decision(answer: dict[str, Any]) -> tuple[str, str]:
    """What Claude Code reads in the answer to PreToolUse."""
    said = answer["hookSpecificOutput"]
    assert answer.keys() == {"hookSpecificOutput"} and said["hookEventName"] == "PreToolUse"
    return said["permissionDecision"], said["permissionDecisionReason"]


def pending(agent: Program, call: dict[str, Any], use: str = "") -> str:
    """The id of the request about a call that people have to decide."""
    answer = answered(agent, call, f"again=true&use={use}")
    assert answer.keys() == {"pending"} and answer["pending"]["url"].endswith(answer["pending"]["request_id"])
    return str(answer["pending"]["request_id"])


def decide(reviewer: Caller, request_id: str, verdict: str = "approve", **more: Any) -> None:
    """Have somebody decide, with the proposal as it is."""
    digest = reviewer.get(f"/api/v1/approvals/{request_id}").json["digest"]
    body = {"verdict": verdict, "digest": digest, "comment": "So be it."} | more
    answer = reviewer.post(f"/api/v1/approvals/{request_id}/decisions", body)
    assert answer.status_code == 201, answer.json


def stored(services: Services, request_id: str) -> ApprovalRequest:
    """The request as it is stored."""
    with services.sessions.reads() as session:
        return session.get_one(ApprovalRequest, request_id)


def receipt(services: Services, request_id: str) -> str:
    """What is known to have been done; empty: nothing is."""
    with services.sessions.reads() as session:
        found = session.get(ReceiptRow, request_id)
        return found.status if found is not None else ""


RISKY = "psql -h db.example.com shop -c 'delete from orders where paid'"


def test_what_a_rule_decides_is_the_answer(agent: Program, services: Services) -> None:
    verdict, reason = decision(answered(agent, bash("git push --force")))
    assert verdict == "deny" and "Nobody pushes with force." in reason
    verdict, reason = decision(answered(agent, bash("git status --short")))
    assert verdict == "allow" and "It only reads." in reason


def test_the_request_says_what_would_be_done_and_where(agent: Program, services: Services, owner: Person) -> None:
    request = stored(services, pending(agent, bash(RISKY)))
    assert (request.title, request.workflow) == (f"Bash: {RISKY}", "claude-code")
    assert request.payload["args"] == {"command": RISKY} and request.payload["tool"] == "Bash"
    assert request.payload["labels"] == {
        "session": "s-1", "folder": "/home/dev/shop", "hook": "PreToolUse", "permission_mode": "default",
    }  # fmt: skip
    assert (request.requester_id, request.opened_by_agent) == (owner.id, "Coding agent")


def test_people_decide_and_the_call_is_recorded(
    agent: Program, services: Services, call: Callable[[str], Caller]
) -> None:
    made = bash(RISKY)
    request_id = pending(agent, made)
    assert pending(agent, made) == request_id, "asking again is no new request"
    decide(call("reviewer"), request_id)
    verdict, reason = decision(answered(agent, made))
    assert verdict == "allow" and "So be it." in reason
    assert receipt(services, request_id) == "delivered"
    assert answered(agent, made | {"hook_event_name": "PostToolUse", "tool_response": {"stdout": ""}}) == {}
    assert receipt(services, request_id) == "applied"
    verdict, reason = decision(answered(agent, made))
    assert verdict == "deny" and "made already" in reason, "an approval is for one call"


def test_a_call_that_failed_and_one_that_people_rejected(
    agent: Program, services: Services, call: Callable[[str], Caller]
) -> None:
    made = bash(RISKY)
    request_id = pending(agent, made)
    decide(call("reviewer"), request_id)
    decision(answered(agent, made))
    answered(agent, made | {"hook_event_name": "PostToolUseFailure", "error": "exit code 1"})
    assert receipt(services, request_id) == "failed"
    other = bash(RISKY)
    decide(call("reviewer"), pending(agent, other), "reject")
    verdict, reason = decision(answered(agent, other))
    assert verdict == "deny" and "People did not approve this" in reason and "So be it." in reason


def test_a_waiting_hook_is_answered_when_somebody_decides(agent: Program, call: Callable[[str], Caller]) -> None:
    made, answers = bash(RISKY), []
    request_id = pending(agent, made)
    waiting = threading.Thread(target=lambda: answers.append(answered(agent, made, "wait=50")))
    began = time.monotonic()
    waiting.start()
    decide(call("reviewer"), request_id)
    waiting.join(50)
    assert decision(answers[0])[0] == "allow" and time.monotonic() - began < 45


def test_unanswered_is_denied_and_on_the_record(agent: Program, services: Services) -> None:
    made = bash(RISKY)
    request_id = pending(agent, made)
    verdict, reason = decision(answered(agent, made, "wait=1.2"))
    assert verdict == "deny"
    assert re.fullmatch(r"Nobody decided in the \d+ s that Claude Code waited, so the call was denied\.", reason)
    request = stored(services, request_id)
    assert request.state == "cancelled" and reason in request.note
    assert decision(answered(agent, made))[0] == "deny", "it stays denied"


def test_unanswered_is_left_to_the_keyboard_only_where_the_policy_says_so(agent: Program, services: Services) -> None:
    made = bash(RISKY, session_id="relaxed")
    request_id = pending(agent, made)
    verdict, reason = decision(answered(agent, made))
    assert verdict == "ask" and "“The keyboard decides” leaves that to the person at the keyboard" in reason
    assert stored(services, request_id).state == "cancelled" and reason in stored(services, request_id).note
    answered(agent, made | {"hook_event_name": "PostToolUse"})
    answered(agent, made | {"hook_event_name": "PostToolUse"})
    comments = agent_comments(services, request_id)
    assert comments == ["Claude Code reports that the call was made. It had not been approved here."]
    prompted = bash(RISKY, "PermissionRequest", session_id="relaxed", tool_use_id=None)
    assert pending(agent, prompted, "1") != request_id
    assert answered(agent, prompted, "use=1") == {}, "Claude Code asks"


def agent_comments(services: Services, request_id: str) -> list[str]:
    """What the agent wrote about a request."""
    with services.sessions.reads() as session:
        found = session.scalars(select(Comment).where(Comment.request_id == request_id, Comment.by_agent))
        return [comment.body for comment in found]


def test_a_permission_prompt_is_answered(agent: Program, call: Callable[[str], Caller]) -> None:
    made = bash(RISKY, "PermissionRequest", tool_use_id=None, permission_suggestions=[])
    decide(call("reviewer"), pending(agent, made, "one"))
    said = {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}
    assert answered(agent, made, "use=one") == {"hookSpecificOutput": said}
    assert answered(agent, made, "use=two")["hookSpecificOutput"]["decision"]["behavior"] == "deny"


def test_only_what_was_approved_is_allowed(agent: Program, call: Callable[[str], Caller]) -> None:
    made = bash(RISKY)
    decide(call("reviewer"), pending(agent, made))
    other = made | {"tool_input": {"command": RISKY.replace("paid", "true")}}
    assert decision(answered(agent, other))[0] == "deny", "the same use of the tool, but another command"


def test_a_secret_is_masked_for_people_and_the_agent_runs_what_it_proposed(
    agent: Program, services: Services, call: Callable[[str], Caller]
) -> None:
    made = bash(f"curl -H 'Authorization: Bearer ghp_{'a1B2' * 9}' -X DELETE https://api.example.com/orders/7")
    request_id = pending(agent, made)
    assert "ghp_" not in str(stored(services, request_id).payload)
    decide(call("reviewer"), request_id)
    assert answered(agent, made)["hookSpecificOutput"].keys() == {
        "hookEventName", "permissionDecision", "permissionDecisionReason",
    }  # fmt: skip


def test_only_a_token_for_requests_is_accepted(app: Flask, owner: Person) -> None:
    for kind, scopes in (
        (TokenKind.AGENT, sorted(AGENT_SCOPES)),
        (TokenKind.AGENT, [Scope.APPROVALS_REQUEST, Scope.APPROVALS_READ_ALL]),
        (TokenKind.PERSON, [Scope.APPROVALS_REQUEST, Scope.APPROVALS_DECIDE]),
        (TokenKind.PERSON, [Scope.APPROVALS_REQUEST]),
    ):
        wide = Program(app, make_token(app, owner, kind, scopes, name="Too much"))
        answer = wide.post(HOOK, bash("ls"))
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), scopes
    assert Program(app, "assent_agent_" + "x" * 43).post(HOOK, bash("ls")).status_code == 401


@pytest.mark.parametrize("wrong", [{"tool_input": "ls"}, {"tool_name": None}, {"hook_event_name": "Stop"}], ids=str)
def test_what_is_no_call_is_refused(agent: Program, wrong: dict[str, Any]) -> None:
    answer = agent.post(HOOK, bash("ls") | wrong)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")
    assert agent.post("/api/v1/hooks/nobody", bash("ls")).status_code == 404


def test_a_call_that_was_never_asked_about_is_no_error(agent: Program) -> None:
    assert answered(agent, bash("ls", "PostToolUse")) == {}


CALLS = {
    "claude-code": bash("x"),
    "codex": bash("x", turn_id="t", model="m"),
    "gemini-cli": {
        "session_id": "s", "cwd": "/home/dev/shop", "timestamp": "2026-11-29T10:00:00Z",
        "hook_event_name": "BeforeTool", "tool_name": "run_shell_command",
    },
    "cursor": {
        "conversation_id": "s", "generation_id": "g", "hook_event_name": "preToolUse", "cwd": "",
        "workspace_roots": ["/home/dev/shop"], "tool_name": "Shell",
    },
}  # fmt: skip
ALLOWED = {
    "claude-code": '"permissionDecision": "allow"', "codex": "{}", "gemini-cli": '"decision": "allow"',
    "cursor": '"permission": "allow"',
}  # fmt: skip
DENIED = {
    "claude-code": '"permissionDecision": "deny"', "codex": '"permissionDecision": "deny"',
    "gemini-cli": '"decision": "deny"', "cursor": '"permission": "deny"',
}  # fmt: skip


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_is_answered_in_its_own_format(
    name: str, agent: Program, services: Services, call: Callable[[str], Caller]
) -> None:
    def asked(command: str, query: str) -> dict[str, Any]:
        made = CALLS[name] | {"tool_input": {"command": command}, "tool_use_id": f"use-{command}"}
        answer = agent.post(f"/api/v1/hooks/{name}?use=u&{query}", made)
        assert answer.status_code == 200, answer.json
        return dict(answer.json)

    assert ALLOWED[name] in json.dumps(asked("git status --short", ""))
    worst = asked("rm -rf /", "again=true")["pending"]["request_id"]
    assert stored(services, worst).risk == "critical", "the reader knows the agent's shell"
    people = asked(RISKY, "again=true")["pending"]["request_id"]
    decide(call("reviewer"), people)
    assert ALLOWED[name] in json.dumps(asked(RISKY, ""))
    assert asked(RISKY + " ", "again=true").keys() == {"pending"}
    assert DENIED[name] in json.dumps(asked(RISKY + " ", ""))


@pytest.mark.parametrize("setup", SETUPS.values(), ids=lambda setup: setup.agent.name)
def test_changing_hooks_is_at_least_high(setup: Setup, agent: Program, services: Services) -> None:
    path = f"/home/dev/shop/{setup.file}"
    changes = [
        bash("", tool_name="Write", tool_input={"file_path": path, "content": "{}"}),
        bash("", tool_name="Edit", tool_input={"file_path": path, "old_string": "block", "new_string": "allow"}),
        bash(f"echo '{{}}' > {setup.file}"), bash(f"rm {path}"), bash(f"sed -i s/assent/true/ {setup.file}"),
    ]  # fmt: skip
    found = {str(made["tool_input"]): stored(services, pending(agent, made)).risk for made in changes}
    assert {command for command, risk in found.items() if risk not in ("high", "critical")} == set()


def test_a_coding_agents_day(agent: Program) -> None:
    """Most is answered at once, and nothing dangerous is allowed."""
    allowed, asked = [], []
    for call in day():
        expected = call.pop("expect")
        answer = answered(agent, call, "again=true")
        if "pending" in answer:
            asked.append(expected)
        elif decision(answer)[0] == "allow":
            allowed.append(expected)
    assert not [expected for expected in allowed if expected["dangerous"]]
    assert len(allowed) >= len(day()) / 2
    assert len(allowed) + len(asked) > 380
