"""Claude Code's hooks: PreToolUse, PermissionRequest, PostToolUse, and PostToolUseFailure.

From the hooks reference at code.claude.com/docs/en/hooks, as of November 2026.
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

BEFORE, PROMPT, AFTER, FAILED = "PreToolUse", "PermissionRequest", "PostToolUse", "PostToolUseFailure"
_EVENTS = {BEFORE: Moment.BEFORE, PROMPT: Moment.PROMPT, AFTER: Moment.AFTER, FAILED: Moment.AFTER}


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
        failed=event == FAILED,
        labels=(("permission_mode", mode),) if mode else (),
    )


def answer(call: HookCall, ruling: Ruling) -> dict[str, Any]:
    """Write a ruling. Without a decision, Claude Code goes on as without a hook, which for a prompt is to ask."""
    if call.moment is Moment.AFTER or (call.moment is Moment.PROMPT and ruling.permission is Permission.ASK):
        return {}
    changed = {} if ruling.args is None else {"updatedInput": ruling.args}
    if call.moment is Moment.PROMPT:
        decision: dict[str, Any] = {"behavior": ruling.permission.value}
        decision |= {"message": ruling.reason} if ruling.permission is Permission.DENY else changed
        return {"hookSpecificOutput": {"hookEventName": PROMPT, "decision": decision}}
    said = {"permissionDecision": ruling.permission.value, "permissionDecisionReason": ruling.reason}
    return {"hookSpecificOutput": {"hookEventName": BEFORE, **said, **changed}}


AGENT = CodingAgent(
    "claude-code", "Claude Code", LIMITS["claude-code"], parse, answer,
    can_ask=frozenset({BEFORE, PROMPT}), can_change=frozenset({BEFORE, PROMPT}),
)  # fmt: skip
