"""The dialect of Agent Inbox: a list of one request, or the request itself, answered with a list of one response.

Shapes: `HumanInterrupt` and `HumanResponse` of langgraph.prebuilt.interrupt.
"""

from __future__ import annotations

from typing import Any

from assent.contracts import CallDecision, Outcome, Verdict
from assent.dialects.base import EndRun, Pending, Seen, UnfitAnswerError, masked, refused
from assent.dialects.tool_calls import DecidedCall, RequestedCall, decided_calls, document_of

_ALLOWS = {
    "allow_accept": CallDecision.APPROVE,
    "allow_edit": CallDecision.EDIT,
    "allow_ignore": CallDecision.REJECT,
    "allow_respond": CallDecision.RESPOND,
}


class AgentInboxDialect:
    """``[{"action_request": {"action", "args"}, "config": {…}, "description"}]``."""

    name = "agent_inbox"
    alone = False
    may_be_passed_over = False
    acts = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        requested = _requested(value)
        document = document_of(requested) if requested else None
        return Seen(masked(document), None) if document is not None else None

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        requested = _requested(pending.value)
        document = document_of(requested) if requested else None
        if requested is None or document is None:
            raise UnfitAnswerError("the run's question is no longer in this dialect")
        answers = []
        for decision, call in zip(decided_calls(outcome, document), requested, strict=True):
            answer = _response(decision, call, changes_requested=outcome.verdict is Verdict.REQUEST_CHANGES)
            if answer is None:
                return refused(outcome) or EndRun(f"{call.tool} was left out, which this run cannot handle.")
            answers.append(answer)
        return answers


def _requested(value: Any) -> list[RequestedCall] | None:
    requests = value if isinstance(value, list) else [value]
    requested = [_request(request) for request in requests]
    return [request for request in requested if request] if requested and all(requested) else None


def _request(value: Any) -> RequestedCall | None:
    if not isinstance(value, dict) or not {"action_request", "config"} <= set(value):
        return None
    action, config = value["action_request"], value["config"]
    if not isinstance(action, dict) or not isinstance(config, dict) or not set(_ALLOWS) & set(config):
        return None
    name, args = action.get("action"), action.get("args", {})
    if not isinstance(name, str) or not name or not isinstance(args, dict):
        return None
    decisions = [decision for key, decision in _ALLOWS.items() if config.get(key)]
    about = value.get("description")
    return RequestedCall(name, args, decisions, about if isinstance(about, str) else "") if decisions else None


def _response(found: DecidedCall, call: RequestedCall, changes_requested: bool) -> dict[str, Any] | None:
    """Return one response; None if this dialect cannot express it."""
    match found.decision:
        case CallDecision.APPROVE:
            return {"type": "accept", "args": None}
        case CallDecision.EDIT:
            return {"type": "edit", "args": {"action": call.tool, "args": found.args}}
        case CallDecision.RESPOND:
            return {"type": "response", "args": found.message}
    if changes_requested and CallDecision.RESPOND in call.decisions:
        return {"type": "response", "args": found.message}
    return {"type": "ignore", "args": None} if CallDecision.REJECT in call.decisions else None
