"""Permission prompts of coding agents, whichever way they come: the proposal, and words for refusals."""

from __future__ import annotations

from typing import Any

from assent.contracts import Outcome, ToolCall

_DESCRIPTIVE = ("command", "file_path", "path", "notebook_path", "url", "query", "pattern", "prompt")
"""Arguments that describe a tool call in one line; the first one present is used."""


def asked(
    tool: str, arguments: dict[str, Any], environment: str = "", labels: dict[str, str] | None = None
) -> ToolCall:
    """Return the proposal. Raises pydantic.ValidationError."""
    descriptive = next((arguments[name] for name in _DESCRIPTIVE if isinstance(arguments.get(name), str)), "")
    line = " ".join(descriptive.split())
    title = f"{tool}: {line}" if line else tool
    title = title if len(title) <= 200 else title[:199] + "…"
    return ToolCall(title=title, tool=tool, args=arguments, environment=environment, labels=labels or {})


def refusal(outcome: Outcome, state: str) -> str:
    """Return why nothing may be run; says that people refused only if they did."""
    words = {
        "expired": "The request expired before it was decided, so nothing may be run",
        "cancelled": "The request was canceled before it was decided, so nothing may be run",
        "superseded": "Another request superseded this one, so nothing may be run",
        "changes_requested": "People requested changes before this may run",
        "rejected": "People did not approve this",
    }
    known = words.get(state, f"This was not approved (its state is {state or 'unknown'})")
    return f"{known}: {outcome.comment}" if outcome.comment else f"{known}."


def ended(state: str) -> str:
    """Return why nothing may be run if a request ended without an outcome."""
    return f"The request ended without a decision ({state}), so nothing may be run."
