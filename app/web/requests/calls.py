"""Several tool calls on one page: the choices for each, and what a submitted page says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.calls import is_made, may
from app.domain.errors import InvalidInputError
from app.domain.risk import Finding
from app.web.field_text import Submission, submitted_text
from app.web.forms.drawing import draw
from app.web.forms.fields import Field
from app.web.forms.values import is_untouched, read, refill
from app.web.requests.argument_list import ArgumentList, argument_list
from app.web.requests.code import Argument, arguments
from assent.contracts import CallDecision, calls_of
from assent.digests import canonical

MADE = {
    CallDecision.APPROVE: "Make the call",
    CallDecision.REJECT: "Leave it out",
    CallDecision.RESPOND: "Answer instead of calling",
}


@dataclass
class CallView:
    """One of several tool calls as the page shows it.

    Attributes:
        name: prefix of the names of its fields.
        form: its arguments as a form; None if they cannot be edited.
        arguments: those that are code, with risk findings at their lines.
        listing: all of them as a list.
        choices: what the approver can choose, with labels.
        chosen: the current choice.
        message: why the call is left out, or the answer instead of it.
    """

    id: str
    name: str
    tool: str
    args: dict[str, Any]
    summary: str
    form: Field | None
    arguments: list[Argument]
    listing: ArgumentList
    general: list[Finding]
    choices: dict[str, str]
    chosen: str
    message: str
    message_error: str = ""
    choice_error: str = ""


def shown_calls(
    payload: dict[str, Any], findings: list[Finding], editable: bool, sent: Submission | None,
    problems: Mapping[str, str],
) -> list[CallView]:  # fmt: skip
    """The calls of a proposal; after a refusal, with what the person submitted."""
    shown = []
    for number, call in enumerate(calls_of(payload), 1):
        name = f"calls.{call['id']}"
        own = own_findings(findings, call["id"])
        form = _form(call, name) if editable and may(call, CallDecision.EDIT) else None
        if form is not None and sent is not None:
            refill(form, sent, problems)
        texts = arguments(str(call["tool"]), call["args"], own, f"call-{number}")
        paths = {argument.path for argument in texts}
        shown.append(
            CallView(
                id=call["id"], name=name, tool=call["tool"], args=call["args"], summary=call.get("summary", ""),
                form=form, arguments=texts,
                listing=argument_list(call["args"], call.get("args_schema"), texts, mails=True),
                general=[finding for finding in own if finding.item not in paths],
                choices=_choices(call), chosen=_chosen(call, name, sent),
                message=_sent(sent, f"{name}.message", call.get("message", "")),
                message_error=problems.get(f"{name}.message", ""), choice_error=problems.get(f"{name}.decision", ""),
            )
        )  # fmt: skip
    return shown


def calls_change(payload: dict[str, Any], sent: Submission) -> dict[str, Any] | None:
    """How the submitted form differs from the proposal; None if it does not. Raises InvalidInputError."""
    if "calls_shown" not in sent:
        return None
    edits = [edit for call in calls_of(payload) if (edit := _edit(call, sent))]
    return {"calls": edits} if edits else None


def respond_change(payload: dict[str, Any], sent: Submission) -> dict[str, Any] | None:
    """The answer instead of a proposal's only call; None if there is none."""
    message = submitted_text(sent.get("message", "")).strip()
    if not message or not may(payload, CallDecision.RESPOND):
        return None
    return {"decision": CallDecision.RESPOND.value, "message": message}


def _edit(call: dict[str, Any], sent: Submission) -> dict[str, Any] | None:
    name = f"calls.{call['id']}"
    decision = sent.get(f"{name}.decision", call.get("decision", CallDecision.APPROVE.value))
    edit: dict[str, Any] = {}
    if decision != CallDecision.APPROVE.value:
        message = submitted_text(sent.get(f"{name}.message", "")).strip()
        if (decision, message) != (call.get("decision"), call.get("message", "")):
            edit = {"decision": decision, "message": message}
    else:
        args = _args(call, name, sent)
        if args is not None:
            edit["args"] = args
        if not is_made(call):
            edit["decision"] = decision
    return {"id": call["id"]} | edit if edit else None


def _args(call: dict[str, Any], name: str, sent: Submission) -> dict[str, Any] | None:
    if not may(call, CallDecision.EDIT):
        return None
    form = _form(call, name)
    if is_untouched(form, sent):
        return None
    value = read(form, sent)
    try:
        return None if canonical(value) == canonical(call["args"]) else value
    except ValueError as error:
        raise InvalidInputError("Some fields cannot be stored.", {f"{name}.args": str(error)}) from error


def _form(call: dict[str, Any], name: str) -> Field:
    return draw(call.get("args_schema"), f"{name}.args", call["args"], "Arguments")


def own_findings(findings: list[Finding], part_id: str) -> list[Finding]:
    """The risk findings in one call or step; `item` is the argument that contains them, if any."""
    own = []
    for finding in findings:
        owner, _, path = finding.item.partition("/")
        if owner == part_id:
            own.append(replace(finding, item=path))
    return own


def _choices(call: dict[str, Any]) -> dict[str, str]:
    made = may(call, CallDecision.APPROVE) or may(call, CallDecision.EDIT)
    return {
        decision.value: words
        for decision, words in MADE.items()
        if (made if decision is CallDecision.APPROVE else may(call, decision))
    }


def _chosen(call: dict[str, Any], name: str, sent: Submission | None) -> str:
    choices = _choices(call)
    chosen = _sent(sent, f"{name}.decision", call.get("decision", CallDecision.APPROVE.value))
    return chosen if chosen in choices else next(iter(choices), "")


def _sent(sent: Submission | None, name: str, otherwise: str) -> str:
    return otherwise if sent is None else sent.get(name, otherwise)
