"""A permission prompt of a coding agent: what is asked of people, and what the agent gets for their answer.

The answer is that of Claude Code's `--permission-prompt-tool`. Whatever goes wrong is a denial: nothing runs that
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

_TELLING = ("command", "file_path", "path", "notebook_path", "url", "query", "pattern", "prompt")
"""Arguments of coding agents' tools that say in one line what a call is about; the first that is there."""


def asked(tool: str, arguments: dict[str, Any], environment: str) -> ToolCall:
    """What people are asked. Raises pydantic.ValidationError."""
    telling = next((arguments[name] for name in _TELLING if isinstance(arguments.get(name), str)), "")
    line = " ".join(telling.split())
    title = f"{tool}: {line}" if line else tool
    title = title if len(title) <= 200 else title[:199] + "…"
    return ToolCall(title=title, tool=tool, args=arguments, environment=environment)


def key_of(tool: str, arguments: dict[str, Any], use_id: str) -> str:
    """The idempotency key: the same use of the tool, asked again, is the same request."""
    if not use_id:
        return str(uuid.uuid4())
    # Of the masked arguments, so that no short secret can be guessed from the digest.
    masked, _ = mask(arguments)
    return f"permission-{digest_of([use_id, tool, masked])}"


def allowed(arguments: dict[str, Any]) -> str:
    """Run the tool with these arguments."""
    return json.dumps({"behavior": "allow", "updatedInput": arguments}, ensure_ascii=False)


def denied(message: str) -> str:
    """Do not run the tool, and why."""
    return json.dumps({"behavior": "deny", "message": message}, ensure_ascii=False)


def answered(tool: str, outcome: Outcome, approval: AsyncApproval) -> str:
    """The answer to the agent for what people made of it."""
    if not outcome.approved:
        return denied(refusal(outcome, approval.state))
    done = approval.receipt
    if done is not None and done.get("status") != ReceiptStatus.DELIVERED:
        return denied(f"Request {approval.id} has been carried out already: {done.get('status')}.")
    try:
        payload = ToolCall.model_validate(outcome.payload)
    except ValidationError:
        return denied("What was approved is no call of a tool, so nothing may be run.")
    if payload.tool != tool:
        return denied(f"What was approved is a call of {payload.tool!r}, not of {tool!r}, so nothing may be run.")
    if payload.decision != CallDecision.APPROVE:
        return denied(payload.message or "People decided that this call is not made.")
    return allowed(payload.args)


def key_after(key: str, withdrawn: AsyncApproval) -> str:
    """The idempotency key with which a use is asked about once more, after the request of `key` was withdrawn."""
    return f"permission-{digest_of([key, withdrawn.id])}"


def refusal(outcome: Outcome, state: str) -> str:
    """Why nothing may be run; that people have refused it is said only where they have."""
    words = {
        "expired": "The request expired before it was decided, so nothing may be run",
        "cancelled": "The request was withdrawn before it was decided, so nothing may be run",
        "superseded": "Another request took the place of this one, so nothing may be run",
        "changes_requested": "People ask for changes before this may run",
        "rejected": "People did not approve this",
    }
    known = words.get(state, f"This was not approved (it is {state or 'not known how it ended'})")
    return f"{known}: {outcome.comment}" if outcome.comment else f"{known}."


def ended(state: str) -> str:
    """Why nothing may be run where a request has ended without an outcome."""
    return f"The request ended without a decision ({state}), so nothing may be run."
