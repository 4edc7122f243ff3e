"""Tool calls under review: what may become of each, and what reviewers made of it. Pure.

A proposal of the kind ``tool_call`` is one call, one of the kind ``tool_calls`` has several in `calls`. An agent may
limit what people can do with a call (`decisions`); what reviewers make of it stands in `decision` and `message`.
"""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInputError
from assent.contracts import CallDecision, calls_of

USUAL = (CallDecision.APPROVE, CallDecision.EDIT, CallDecision.REJECT)
"""What people may do with a call whose agent does not say."""
MAX_MESSAGE = 100_000
TAKE_CHANGES = {
    "assent": None,
    "langchain_batched": CallDecision.REJECT,
    "langchain_per_call": CallDecision.REJECT,
    "agent_inbox": CallDecision.RESPOND,
}
"""Dialects in which a remark can go back to the agent, and what each of its calls must let people do for that."""


def may(call: dict[str, Any], decision: CallDecision) -> bool:
    """True if people may do this with the call."""
    return decision in (call.get("decisions") or USUAL)


def is_made(call: dict[str, Any]) -> bool:
    """True if the call is to be made, as far as reviewers have come."""
    return call.get("decision", CallDecision.APPROVE) == CallDecision.APPROVE


def takes_changes(dialect: str, payload: Any) -> bool:
    """True if a request for changes can be told to whoever asked in this dialect."""
    if dialect not in TAKE_CHANGES:
        return False
    needed = TAKE_CHANGES[dialect]
    return needed is None or (bool(calls_of(payload)) and all(may(call, needed) for call in calls_of(payload)))


def check_complete(payload: Any) -> None:
    """Raise InvalidInputError if a call is to be made that people may only answer or leave."""
    for call in calls_of(payload):
        if is_made(call) and not may(call, CallDecision.APPROVE) and not may(call, CallDecision.EDIT):
            where = f"calls.{call['id']}.message" if "id" in call else "message"
            raise InvalidInputError(
                f"{call['tool']} cannot be called as proposed; answer instead or leave it out.", {where: "missing"}
            )


def edit_call(call: dict[str, Any], change: dict[str, Any], where: str) -> None:
    """Apply a reviewer's change to one call: other arguments, or what is to become of it, with a message.

    Args:
        where: put before the names of fields in complaints.

    Raises:
        InvalidInputError: people may not do that with this call.
    """
    if unknown := sorted(set(change) - {"id", "args", "decision", "message"}):
        raise InvalidInputError("A call has arguments, a decision and a message.", {where + unknown[0]: "not known"})
    decision = _decision(call, change, where)
    message = change.get("message", "")
    if not isinstance(message, str) or len(message) > MAX_MESSAGE:
        raise InvalidInputError("A message must be text.", {f"{where}message": "not a text, or too long"})
    if decision is CallDecision.RESPOND and not message.strip():
        raise InvalidInputError("Enter the answer.", {f"{where}message": "This field is required."})
    if "args" in change:
        if not isinstance(change["args"], dict):
            raise InvalidInputError("The arguments must be an object.", {f"{where}args": "not an object"})
        if change["args"] != call.get("args"):
            _allow(call, CallDecision.EDIT, where + "args")
        call["args"] = change["args"]
    for name, value, usual in (("decision", decision.value, "approve"), ("message", message, "")):
        if value != usual or name in call:
            call[name] = value


def _decision(call: dict[str, Any], change: dict[str, Any], where: str) -> CallDecision:
    given = change.get("decision", CallDecision.APPROVE)
    try:
        decision = CallDecision(given)
    except ValueError:
        decision = CallDecision.EDIT
    if decision is CallDecision.EDIT:
        raise InvalidInputError(
            "A call is approved, rejected or answered; other arguments go in its args.", {f"{where}decision": "unknown"}
        )
    if decision is not CallDecision.APPROVE:
        _allow(call, decision, where + "decision")
    return decision


def _allow(call: dict[str, Any], decision: CallDecision, field: str) -> None:
    words = {
        CallDecision.EDIT: "be called with other arguments",
        CallDecision.REJECT: "be left out",
        CallDecision.RESPOND: "be answered",
    }
    if not may(call, decision):
        raise InvalidInputError(f"{call['tool']} cannot {words[decision]} here.", {field: "not allowed"})
