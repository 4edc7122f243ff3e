"""Proposals as text, for diffs between revisions."""

from __future__ import annotations

import json
from typing import Any

from app.domain.changes import apply_change
from app.domain.plans import steps_of
from app.domain.proposal_text import step_lines
from assent.contracts import calls_of

_TELLING = ("tool", "args", "decision", "data", "question", "value", "message")


def readable(payload: Any) -> str:
    """The proposal as text for a diff."""
    if not isinstance(payload, dict):
        return json.dumps(payload, indent=2, ensure_ascii=False)
    if payload.get("kind") == "script":
        return str(payload["content"])
    if payload.get("kind") == "tool_calls":
        names = ("tool", "args", "decision", "message")
        calls = [{name: call[name] for name in names if call.get(name)} for call in calls_of(payload)]
        return "\n".join(json.dumps(call, indent=2, ensure_ascii=False) for call in calls)
    if payload.get("kind") == "plan":
        return "\n".join(line for step in steps_of(payload) for line in step_lines(step))
    if payload.get("kind") == "optimizations":
        return "\n".join(f"-- {item['title']}\n{item['statement']}" for item in payload["items"])
    shown = {key: value for key, value in payload.items() if key in _TELLING}
    return json.dumps(shown or payload, indent=2, ensure_ascii=False)


def changed_text(payload: dict[str, Any], change: dict[str, Any]) -> str:
    """The proposal with a change applied, as text. Raises InvalidInputError."""
    return readable(apply_change(payload, change))
