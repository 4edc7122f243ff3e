"""What happens on approval, in the words of a button."""

from __future__ import annotations

from typing import Any

from app.domain.text import plural


def effect_of(kind: str, payload: dict[str, Any], count: int) -> str:
    """What happens on approval: the words after "Approve and"."""
    if kind == "script":
        return "deliver the script" if payload.get("effect") == "deliver" else "run the script"
    if kind == "tool_call":
        return f"call {payload.get('tool', 'the tool')}"
    if kind == "tool_calls":
        return f"make {count} calls" if count > 1 else "make the call"
    if kind == "plan":
        return f"carry out {plural(count, 'step')}"
    if kind == "optimizations":
        noun = payload.get("noun", "change") if count == 1 else payload.get("noun_plural", "changes")
        return f"{payload.get('verb', 'apply')} {count} {noun}"
    return ""
