"""Shared by the dialects for tool calls: the document that shows the calls, and the decision on each of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from assent.contracts import CallDecision, Outcome, Verdict, calls_of, proposal_adapter
from assent.dialects.base import UnfitAnswerError, one_line
from assent.masking import mask, reveal

LONGEST_TITLE = 160
_FULL_TITLE = 200


@dataclass(frozen=True)
class RequestedCall:
    """A tool call that an agent wants to make.

    Attributes:
        decisions: what reviewers may decide.
        about: the agent's description of it, or empty.
        schema: JSON Schema of the arguments, if known.
    """

    tool: str
    args: dict[str, Any]
    decisions: list[CallDecision]
    about: str = ""
    schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class DecidedCall:
    """The decision on one call.

    Attributes:
        args: the arguments to use, with secrets restored; None: the agent's own.
        message: why it is skipped, or the answer to use as its result.
    """

    decision: CallDecision
    args: dict[str, Any] | None = None
    message: str = ""


def document_of(requested: Sequence[RequestedCall]) -> dict[str, Any] | None:
    """Return the calls as an unmasked proposal; None if they do not conform to the contract."""
    document = _question(requested[0]) if _only_asks(requested) else _calls(requested)
    try:
        proposal_adapter.validate_python(document)
    except ValidationError:
        return None
    return document


def _only_asks(requested: Sequence[RequestedCall]) -> bool:
    """Return True for a single call that people can only answer: it is a question."""
    return len(requested) == 1 and not {CallDecision.APPROVE, CallDecision.EDIT} & set(requested[0].decisions)


def _question(call: RequestedCall) -> dict[str, Any]:
    asked = next((arg for arg in call.args.values() if isinstance(arg, str) and arg.strip()), "")
    text = asked if len(call.args) == 1 and asked else f"{call.about}\n\n{_pretty(call)}".strip()
    return {"kind": "question", "title": _title(one_line(asked or call.about, call.tool)), "question": text}


def _pretty(call: RequestedCall) -> str:
    return f"`{call.tool}`\n\n```json\n{json.dumps(call.args, indent=2, ensure_ascii=False)}\n```"


def _calls(requested: Sequence[RequestedCall]) -> dict[str, Any]:
    if len(requested) == 1:
        call = requested[0]
        return {"kind": "tool_call", "title": _title(f"Call {call.tool}{_hint(call.args)}")} | _fields(call)
    names = ", ".join(dict.fromkeys(call.tool for call in requested))
    return {
        "kind": "tool_calls",
        "title": _title(f"{len(requested)} calls: {names}"),
        "calls": [{"id": str(number)} | _fields(call) for number, call in enumerate(requested, 1)],
    }


def _fields(call: RequestedCall) -> dict[str, Any]:
    fields = {"summary": call.about[:20_000]} if call.about else {}
    schema = {"args_schema": call.schema} if call.schema else {}
    decisions = [decision.value for decision in dict.fromkeys(call.decisions)]
    return fields | {"tool": call.tool, "args": call.args} | schema | {"decisions": decisions}


def _hint(args: dict[str, Any]) -> str:
    """Return the first short arguments, so that a row of the queue shows more than the tool's name."""
    shown = [
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in args.items()
        if isinstance(value, str | int | float | bool) and 0 < len(str(value)) <= 60 and "\n" not in str(value)
    ]
    return f" with {', '.join(shown[:3])}" if shown else ""


def _title(text: str) -> str:
    return text if len(text) <= _FULL_TITLE else text[: LONGEST_TITLE - 1] + "…"


def decided_calls(outcome: Outcome, document: dict[str, Any]) -> list[DecidedCall]:
    """Return the decision on each call, in the agent's order.

    Args:
        document: the calls that the thread waits for now, from `document_of`.

    Raises:
        UnfitAnswerError: the outcome is not about these calls.
    """
    if document["kind"] == "question":
        return [_answered(outcome)]
    asked = calls_of(document)
    if outcome.verdict in (Verdict.REJECT, Verdict.REQUEST_CHANGES):
        return [DecidedCall(CallDecision.REJECT, message=outcome.comment)] * len(asked)
    if not outcome.approved:
        raise UnfitAnswerError("tool calls are approved or rejected")
    shown, secrets = mask(document)
    given = calls_of(outcome.payload)
    if [given_call.get("id") for given_call in given] != [asked_call.get("id") for asked_call in asked]:
        raise UnfitAnswerError("these are other calls")
    return [
        _decided_call(mine, before, seen, lambda value: reveal(value, secrets))
        for mine, before, seen in zip(given, asked, calls_of(shown), strict=True)
    ]


def _answered(outcome: Outcome) -> DecidedCall:
    if outcome.verdict is Verdict.ANSWER and isinstance(outcome.answer, str):
        return DecidedCall(CallDecision.RESPOND, message=outcome.answer)
    if outcome.verdict is Verdict.REJECT:
        return DecidedCall(CallDecision.REJECT, message=outcome.comment)
    raise UnfitAnswerError("a question is answered with text")


def _decided_call(
    given: dict[str, Any], asked: dict[str, Any], seen: dict[str, Any], restored: Callable[[Any], Any]
) -> DecidedCall:
    if given.get("tool") != seen["tool"]:
        raise UnfitAnswerError(f"an edit cannot change the tool from {asked['tool']!r} to {given.get('tool')!r}")
    allowed = [CallDecision(decision) for decision in asked["decisions"]]
    decision = CallDecision(given.get("decision", CallDecision.APPROVE))
    args = None
    if decision is CallDecision.APPROVE:
        if given.get("args") != seen["args"]:
            decision, args = CallDecision.EDIT, restored(given.get("args"))
        elif decision not in allowed and CallDecision.EDIT in allowed:
            # It may only be called with arguments that people enter, and they have approved these.
            decision, args = CallDecision.EDIT, asked["args"]
    if decision not in allowed:
        raise UnfitAnswerError(f"{asked['tool']} cannot take {decision.value!r}")
    return DecidedCall(decision, args, restored(given.get("message", "")))
