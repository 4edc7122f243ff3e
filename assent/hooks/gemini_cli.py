"""Gemini CLI's hook BeforeTool.

From the hooks reference at geminicli.com/docs/hooks/reference, as of November 2026. A call has no id there, so
AfterTool cannot be related to the request, and there are no receipts.
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

BEFORE = "BeforeTool"
_EVENTS = {BEFORE: Moment.BEFORE}


def parse(document: Mapping[str, Any]) -> HookCall:
    """Read a call. Raises CallFormatError."""
    event, moment = moment_of(document, _EVENTS)
    server = document.get("mcp_context")
    name = server.get("server_name") if isinstance(server, dict) else None
    return HookCall(
        event=event,
        moment=moment,
        tool=text_of(document, "tool_name", required=True),
        args=arguments_of(document, "tool_input"),
        session=text_of(document, "session_id"),
        folder=text_of(document, "cwd"),
        labels=(("mcp_server", name),) if isinstance(name, str) and name else (),
    )


def answer(call: HookCall, ruling: Ruling) -> dict[str, Any]:
    """Write a ruling. A call that is allowed may still be asked about by Gemini CLI itself."""
    if ruling.permission is Permission.ALLOW:
        return {"decision": "allow"}
    return {"decision": "deny", "reason": ruling.reason}


AGENT = CodingAgent("gemini-cli", "Gemini CLI", LIMITS["gemini-cli"], parse, answer)
