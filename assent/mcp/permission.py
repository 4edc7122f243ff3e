"""Permission prompts of coding agents: the proposal that people see, and the answer that the agent gets.

Answers have the format of Claude Code's `--permission-prompt-tool`. Any error results in a denial: nothing runs that
people have not approved.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from pydantic import ValidationError

from assent.approval import AsyncApproval
from assent.contracts import CallDecision, Outcome, ReceiptStatus, ToolCall
from assent.digests import digest_of
from assent.masking import mask
from assent.permissions import asked, ended, refusal

__all__ = ["allowed", "answered", "asked", "denied", "ended", "key_after", "key_of", "refusal"]


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
