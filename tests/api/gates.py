"""The gate over the API: proposals, and short ways to open a request, decide on it, and collect its outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.factories import Caller, Program, optimizations, plan

CALLS = {
    "kind": "tool_calls", "title": "Two calls",
    "calls": [{"id": "1", "tool": "send_mail", "args": {"to": "a"}}, {"id": "2", "tool": "delete", "args": {}}],
}  # fmt: skip
PROPOSALS = [
    {"kind": "script", "title": "Count", "language": "sql", "content": "select count(*) from orders"},
    {key: value for key, value in optimizations().items() if value not in ("", None, {})},
    {"kind": "tool_call", "title": "Send", "tool": "send_mail", "args": {"to": "a@example.org"}},
    CALLS,
    plan(),
    {"kind": "question", "title": "Which?", "question": "Which replica?"},
    {"kind": "custom", "title": "Data", "data": {"a": [1, None]}, "data_schema": {"type": "object"}},
]


def opened(agent: Program, proposal: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A request of the agent's, as the API answers it."""
    answer = agent.post("/api/v1/approvals", {"proposal": proposal or PROPOSALS[0]} | more)
    assert answer.status_code == 201, answer.json
    return answer.json


def decide(call: Callable[[str], Caller], request: dict[str, Any], verdict: str = "approve", **more: Any) -> None:
    """Have a reviewer decide."""
    body = {"verdict": verdict, "digest": request["digest"], "comment": "So be it."} | more
    answer = call("reviewer").post(f"/api/v1/approvals/{request['id']}/decisions", body)
    assert answer.status_code == 201, answer.json


def outcome(agent: Program, request: dict[str, Any], wait: float = 0) -> dict[str, Any]:
    """What the agent gets."""
    answer = agent.get(f"/api/v1/approvals/{request['id']}/outcome?wait={wait}")
    assert answer.status_code == 200, answer.json
    return answer.json
