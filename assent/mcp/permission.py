"""Permission prompts of coding agents: the proposal that people see, and the answer that the agent gets.

Answers have the format of Claude Code's `--permission-prompt-tool`. Any error results in a denial: nothing runs that
people have not approved.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from pydantic import ValidationError

from assent.client import AsyncApproval
from assent.contracts import CallDecision, Outcome, ReceiptStatus, ToolCall
from assent.digests import digest_of
from assent.masking import mask

_DESCRIPTIVE = ("command", "file_path", "path", "notebook_path", "url", "query", "pattern", "prompt")
"""Arguments that describe a tool call in one line; the first one present is used."""


def asked(tool: str, arguments: dict[str, Any], environment: str) -> ToolCall:
    """Return the proposal. Raises pydantic.ValidationError."""
    descriptive = next((arguments[name] for name in _DESCRIPTIVE if isinstance(arguments.get(name), str)), "")
    line = " ".join(descriptive.split())
    title = f"{tool}: {line}" if line else tool
    title = title if len(title) <= 200 else title[:199] + "…"
    return ToolCall(title=title, tool=tool, args=arguments, environment=environment)


def key_of(tool: str, arguments: dict[str, Any], use_id: str) -> str:
    """Return the idempotency key: asking again about the same use of the tool finds the same request."""
    if not use_id:
        return str(uuid.uuid4())
    # The arguments are masked, so that no short secret can be guessed from the digest.
    masked, _ = mask(arguments)
    return f"permission-{digest_of([use_id, tool, masked])}"


def allowed(arguments: dict[str, Any]) -> str:
    """Return an answer that allows the tool with these arguments."""
    return json.dumps({"behavior": "allow", "updatedInput": arguments}, ensure_ascii=False)


def denied(message: str) -> str:
    """Return an answer that denies the tool, with the reason."""
    return json.dumps({"behavior": "deny", "message": message}, ensure_ascii=False)


def answered(tool: str, outcome: Outcome, approval: AsyncApproval) -> str:
    """Return the answer to the agent for an outcome."""
    if not outcome.approved:
        return denied(refusal(outcome, approval.state))
    done = approval.receipt
    if done is not None and done.get("status") != ReceiptStatus.DELIVERED:
        return denied(f"Request {approval.id} has been carried out already: {done.get('status')}.")
    try:
        payload = ToolCall.model_validate(outcome.payload)
    except ValidationError:
        return denied("The approved proposal is not a tool call, so nothing may be run.")
    if payload.tool != tool:
        return denied(f"The approved call is of {payload.tool!r}, not of {tool!r}, so nothing may be run.")
    if payload.decision != CallDecision.APPROVE:
        return denied(payload.message or "People decided that this call must not be made.")
    return allowed(payload.args)


def key_after(key: str, withdrawn: AsyncApproval) -> str:
    """Return the idempotency key of the next request for a use, after the request of `key` was canceled."""
    return f"permission-{digest_of([key, withdrawn.id])}"


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
