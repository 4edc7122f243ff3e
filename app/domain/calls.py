"""Tool calls under review: which decisions each allows, and what reviewers decided. Pure.

A proposal of the kind ``tool_call`` is one call; one of the kind ``tool_calls`` lists several in `calls`. An agent can
restrict the decisions on a call (`decisions`); what reviewers decide is stored in `decision` and `message`.
"""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInputError
from assent.contracts import CallDecision, calls_of
from assent.visible import shows

USUAL = (CallDecision.APPROVE, CallDecision.EDIT, CallDecision.REJECT)
"""The decisions on a call that are allowed if its agent does not restrict them."""
MAX_MESSAGE = 100_000
TAKE_CHANGES = {
    "assent": None,
    "langchain_batched": CallDecision.REJECT,
    "langchain_per_call": CallDecision.REJECT,
    "agent_inbox": CallDecision.RESPOND,
}
"""Dialects that can carry a comment back to the agent, and the decision that each call must allow for that."""


def may(call: dict[str, Any], decision: CallDecision) -> bool:
    """True if the call allows this decision."""
    return decision in (call.get("decisions") or USUAL)


def is_made(call: dict[str, Any]) -> bool:
    """True if the call would be made, by what reviewers have decided so far."""
    return call.get("decision", CallDecision.APPROVE) == CallDecision.APPROVE


def takes_changes(dialect: str, payload: Any) -> bool:
    """True if this dialect can tell the agent that changes are requested."""
    if dialect not in TAKE_CHANGES:
        return False
    needed = TAKE_CHANGES[dialect]
    return needed is None or (bool(calls_of(payload)) and all(may(call, needed) for call in calls_of(payload)))


def check_complete(payload: Any) -> None:
    """Raise InvalidInputError if a call would be made although it can only be answered or rejected."""
    for call in calls_of(payload):
        if is_made(call) and not may(call, CallDecision.APPROVE) and not may(call, CallDecision.EDIT):
            where = f"calls.{call['id']}.message" if "id" in call else "message"
            raise InvalidInputError(
                f"{call['tool']} cannot be called as proposed; answer instead or leave it out.", {where: "missing"}
            )


def edit_call(call: dict[str, Any], change: dict[str, Any], where: str) -> None:
    """Apply a reviewer's change to one call: other arguments, or a decision with a message.

    Args:
        where: prefix of the field names in errors.

    Raises:
        InvalidInputError: the call does not allow that decision.
    """
    if unknown := sorted(set(change) - {"id", "args", "decision", "message"}):
        raise InvalidInputError("A call has arguments, a decision and a message.", {where + unknown[0]: "not known"})
    decision = _decision(call, change, where)
    message = change.get("message", "")
    if not isinstance(message, str) or len(message) > MAX_MESSAGE:
        raise InvalidInputError("A message must be text.", {f"{where}message": "not a text, or too long"})
    if decision is CallDecision.RESPOND and not shows(message):
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
