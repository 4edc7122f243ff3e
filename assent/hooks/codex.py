"""Codex's hooks: PreToolUse, PermissionRequest, and PostToolUse.

From developers.openai.com/codex/hooks and the schemas in its public repository, as of November 2026. Codex takes an
answer with a field that it does not know, or with `allow` or `ask` in the wrong place, for a failed hook, and then
makes the call; so an answer has nothing but what is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assent.hooks.calls import (
    CodingAgent,
    HookCall,
    Moment,
    Permission,
    Ruling,
    arguments_of,
    moment_of,
    text_of,
)
from assent.hooks.limits import LIMITS

BEFORE, PROMPT, AFTER = "PreToolUse", "PermissionRequest", "PostToolUse"
_EVENTS = {BEFORE: Moment.BEFORE, PROMPT: Moment.PROMPT, AFTER: Moment.AFTER}


def parse(document: Mapping[str, Any]) -> HookCall:
    """Read a call. Raises CallFormatError."""
    event, moment = moment_of(document, _EVENTS)
    mode = text_of(document, "permission_mode")
    return HookCall(
        event=event,
        moment=moment,
        tool=text_of(document, "tool_name", required=True),
        args=arguments_of(document, "tool_input"),
        session=text_of(document, "session_id"),
        folder=text_of(document, "cwd"),
        use_id=text_of(document, "tool_use_id"),
        labels=(("permission_mode", mode),) if mode else (),
    )


def answer(call: HookCall, ruling: Ruling) -> dict[str, Any]:
    """Write a ruling. An empty answer lets Codex go on by its own rules: it asks if they say so, or makes the call."""
    denied = ruling.permission is not Permission.ALLOW
    if call.moment is Moment.AFTER:
        return {}
    if call.moment is Moment.PROMPT:
        if ruling.permission is Permission.ASK:
            return {}
        decision = {"behavior": "deny", "message": ruling.reason} if denied else {"behavior": "allow"}
        return {"hookSpecificOutput": {"hookEventName": PROMPT, "decision": decision}}
    if denied:
        said: dict[str, Any] = {"permissionDecision": "deny", "permissionDecisionReason": ruling.reason}
    elif ruling.args is not None:
        said = {"permissionDecision": "allow", "updatedInput": ruling.args}
    else:
        return {}
    return {"hookSpecificOutput": {"hookEventName": BEFORE, **said}}


AGENT = CodingAgent(
    "codex", "Codex", LIMITS["codex"], parse, answer, can_ask=frozenset({PROMPT}), can_change=frozenset({BEFORE})
)
