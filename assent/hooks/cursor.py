"""Cursor's hooks: preToolUse, postToolUse, and postToolUseFailure.

From the hooks reference at cursor.com/docs/hooks, as of November 2026. The schema of preToolUse accepts `ask`, but it
is not enforced there, so the answer is never `ask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assent.hooks.calls import (
    CallFormatError,
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

BEFORE, AFTER, FAILED = "preToolUse", "postToolUse", "postToolUseFailure"
_EVENTS = {BEFORE: Moment.BEFORE, AFTER: Moment.AFTER, FAILED: Moment.AFTER}


def parse(document: Mapping[str, Any]) -> HookCall:
    """Read a call. Raises CallFormatError."""
    event, moment = moment_of(document, _EVENTS)
    return HookCall(
        event=event,
        moment=moment,
        tool=text_of(document, "tool_name", required=True),
        args=arguments_of(document, "tool_input"),
        session=text_of(document, "conversation_id"),
        folder=text_of(document, "cwd") or _first_root(document),
        use_id=text_of(document, "tool_use_id"),
        failed=event == FAILED,
        # Cursor also calls this hook for a call that was denied, and so was not made.
        made=not (event == FAILED and document.get("failure_type") == "permission_denied"),
    )


def _first_root(document: Mapping[str, Any]) -> str:
    roots = document.get("workspace_roots")
    if roots is None or roots == []:
        return ""
    if not isinstance(roots, list) or not isinstance(roots[0], str):
        raise CallFormatError("workspace_roots must be a list of texts")
    return roots[0]


def answer(call: HookCall, ruling: Ruling) -> dict[str, Any]:
    """Write a ruling."""
    if call.moment is Moment.AFTER:
        return {}
    if ruling.permission is Permission.ALLOW:
        return {"permission": "allow"} | ({} if ruling.args is None else {"updated_input": ruling.args})
    return {"permission": "deny", "user_message": ruling.reason, "agent_message": ruling.reason}


AGENT = CodingAgent("cursor", "Cursor", LIMITS["cursor"], parse, answer, can_change=frozenset({BEFORE}))
