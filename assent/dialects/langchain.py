"""The dialects of LangChain's `HumanInTheLoopMiddleware`, which deepagents uses too.

Shapes: langchain/agents/middleware/human_in_the_loop.py. In ``batched`` mode, one interrupt holds all calls of a
turn and is answered with as many decisions, by position; in ``per_call`` mode, each call has its own interrupt,
whose schema lists the possible decisions.
"""

from __future__ import annotations

from typing import Any

from assent.conformance import MisfitError, check_schema
from assent.contracts import CallDecision, Outcome
from assent.dialects.base import EndRun, Pending, Seen, UnfitAnswerError, masked
from assent.dialects.tool_calls import DecidedCall, RequestedCall, decided_calls, document_of

_DEFAULT_WORDS = "Tool execution requires approval"
_DEPTH = 20


class BatchedDialect:
    """``{"action_requests": […], "review_configs": […]}``, answered with ``{"decisions": […]}``."""

    name = "langchain_batched"
    alone = False
    may_be_passed_over = True
    acts = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        document = self._document(value)
        return Seen(masked(document), None) if document is not None else None

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        requested = self._requested(pending.value)
        document = document_of(requested) if requested else None
        if document is None:
            raise UnfitAnswerError("the run's question is no longer in this dialect")
        found = decided_calls(outcome, document)
        if any(decision.decision not in call.decisions for decision, call in zip(found, requested or [], strict=True)):
            return _end(outcome)
        answered = [_decision(decision, call.tool) for decision, call in zip(found, requested or [], strict=True)]
        return {"decisions": answered}

    def always_refuses(self, value: Any, answer: Any) -> bool:
        """Return True if the value is in this dialect, and the middleware would always raise on this answer."""
        requested = self._requested(value)
        if not requested:
            return False
        given = answer.get("decisions") if isinstance(answer, dict) else None
        if not isinstance(given, list) or len(given) != len(requested):
            return True
        return any(
            not isinstance(decision, dict) or decision.get("type") not in [may.value for may in call.decisions]
            for decision, call in zip(given, requested, strict=True)
        )

    def _document(self, value: Any) -> dict[str, Any] | None:
        requested = self._requested(value)
        return document_of(requested) if requested else None

    @staticmethod
    def _requested(value: Any) -> list[RequestedCall] | None:
        if not isinstance(value, dict) or set(value) != {"action_requests", "review_configs"}:
            return None
        actions, configs = value["action_requests"], value["review_configs"]
        if not isinstance(actions, list) or not isinstance(configs, list) or len(actions) != len(configs):
            return None
        requested = [_action(*paired) for paired in zip(actions, configs, strict=True)]
        return [action for action in requested if action] if requested and all(requested) else None


class PerCallDialect:
    """``{"type": "tool_approval", "tool_call_id", "name", "args", "description"}``, answered with one decision."""

    name = "langchain_per_call"
    # If one of several answers were invalid, other tools might already have run: each answer is sent alone.
    alone = True
    may_be_passed_over = True
    acts = True

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        requested = self._requested(value, response_schema)
        document = document_of([requested]) if requested else None
        return Seen(masked(document), None) if document is not None else None

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        requested = self._requested(pending.value, pending.response_schema)
        document = document_of([requested]) if requested else None
        if requested is None or document is None:
            raise UnfitAnswerError("the run's question is no longer in this dialect")
        [found] = decided_calls(outcome, document)
        if found.decision not in requested.decisions:
            return _end(outcome)
        answer = _decision(found, requested.tool)
        try:
            check_schema(answer, pending.response_schema, "decision")
        except MisfitError as error:
            raise UnfitAnswerError(str(error)) from error
        return answer

    @staticmethod
    def _requested(value: Any, schema: dict[str, Any] | None) -> RequestedCall | None:
        if not isinstance(value, dict) or value.get("type") != "tool_approval" or not isinstance(schema, dict):
            return None
        if not isinstance(value.get("name"), str) or not isinstance(value.get("args"), dict):
            return None
        branches = _branches(schema)
        decisions = [decision for decision in CallDecision if decision.value in branches]
        if not decisions:
            return None
        about = _about(value.get("description"), value["name"])
        return RequestedCall(value["name"], value["args"], decisions, about, _args_schema(schema, branches.get("edit")))


def _action(action: Any, config: Any) -> RequestedCall | None:
    if not isinstance(action, dict) or not isinstance(config, dict):
        return None
    name, args, allowed = action.get("name"), action.get("args"), config.get("allowed_decisions")
    if not isinstance(name, str) or not isinstance(args, dict) or not isinstance(allowed, list):
        return None
    if config.get("action_name") != name:
        return None
    decisions = [decision for decision in CallDecision if decision.value in allowed]
    schema = config.get("args_schema")
    about = _about(action.get("description"), name)
    if not decisions:
        return None
    return RequestedCall(name, args, decisions, about, schema if isinstance(schema, dict) else None)


def _decision(found: DecidedCall, tool: str) -> dict[str, Any]:
    match found.decision:
        case CallDecision.EDIT:
            return {"type": "edit", "edited_action": {"name": tool, "args": found.args}}
        case CallDecision.REJECT:
            return {"type": "reject"} | ({"message": found.message} if found.message else {})
        case CallDecision.RESPOND:
            return {"type": "respond", "message": found.message}
    return {"type": "approve"}


def _end(outcome: Outcome) -> EndRun:
    """The agent accepts no rejection of this tool: the run ends instead of making the call."""
    ending = f": {outcome.comment}" if outcome.comment else "."
    return EndRun(f"The run's request was rejected{ending}")


def _about(description: Any, tool: str) -> str:
    """Return the agent's description of a call, without the tool and arguments, which are shown separately."""
    if not isinstance(description, str):
        return ""
    about = description.split(f"\n\nTool: {tool}\nArgs:")[0].strip()
    return "" if about == _DEFAULT_WORDS else about


def _branches(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the kinds of decision that a schema allows, each with its own part of the schema."""
    found = {}
    for part in schema.get("oneOf") or schema.get("anyOf") or [schema]:
        branch = _resolved(part, schema)
        kind = branch.get("properties", {}).get("type", {}) if isinstance(branch.get("properties"), dict) else {}
        name = kind.get("const") or next(iter(kind.get("enum") or []), None)
        if isinstance(name, str):
            found[name] = branch
    return found


def _args_schema(schema: dict[str, Any], edit: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the schema of the arguments, from the schema of an edit."""
    if edit is None:
        return None
    action = _resolved(edit.get("properties", {}).get("edited_action"), schema)
    args = _resolved(action.get("properties", {}).get("args"), schema)
    if not args.get("properties"):
        return None
    return args | ({"$defs": schema["$defs"]} if "$ref" in str(args) and "$defs" in schema else {})


def _resolved(part: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a schema, or the target of its reference inside the same schema."""
    for _ in range(_DEPTH):
        if not isinstance(part, dict):
            return {}
        reference = part.get("$ref")
        if not isinstance(reference, str):
            return part
        part = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
    return {}
