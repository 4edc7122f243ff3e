"""The change or answer in a submitted page: the difference from what the page showed."""

from __future__ import annotations

import json
from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.schema_order import in_order
from app.services.reading.pages import RequestView
from app.store.requests import ApprovalRequest
from app.web.field_text import Submission, text_for_field
from app.web.forms.drawing import draw
from app.web.forms.fields import MISSING, Field
from app.web.forms.values import is_untouched, read
from app.web.requests.calls import calls_change, respond_change
from app.web.requests.plans import plan_change
from assent.contracts import Verdict
from assent.digests import canonical

EDIT_LIMIT = 200_000
"""Longest editable text in characters: the page submits all of it with every decision, and forms are limited."""
Change = dict[str, Any]


def change_of(view: RequestView, sent: Submission) -> Change | None:
    """How the submitted form differs from the proposal; None if it does not.

    Raises:
        InvalidInputError: a field is not valid; `fields` says which.
    """
    payload = shown_payload(view.request)
    match view.request.kind:
        case "script":
            text = _edited(payload["content"], sent.get("content"))
            return None if text is None else {"content": text}
        case "optimizations":
            return _items_change(payload, sent)
        case "tool_calls":
            return calls_change(payload, sent)
        case "plan":
            return plan_change(payload, sent)
        case "tool_call" if answered := respond_change(payload, sent):
            return answered
        case "tool_call" | "custom":
            name = "args" if view.request.kind == "tool_call" else "data"
            drawn = form_of(view)
            if drawn is None or "fields" not in sent:
                return None
            return _form_change(drawn, sent, name, payload[name])
    return None


def _form_change(drawn: Field, sent: Submission, name: str, proposed: Any) -> Change | None:
    if is_untouched(drawn, sent):
        return None  # even if the proposal violates its own schema: the approver judges that
    value = read(drawn, sent)
    try:
        # Compare values: the form may order its fields differently.
        return None if canonical(value) == canonical(proposed) else {name: value}
    except ValueError as error:
        raise InvalidInputError("Some fields cannot be stored.", {name: str(error)}) from error


def shown_payload(request: ApprovalRequest) -> Any:
    """The proposal with the names of its schemas in their author's order."""
    return in_order(request.payload, request.schema_order)


def answer_of(view: RequestView, sent: Submission) -> Any:
    """The submitted answer. Raises InvalidInputError."""
    value = read(draw(answer_schema(view.request), "answer"), sent)
    if value is MISSING:
        raise InvalidInputError("Enter an answer.", {"answer": "This field is required."})
    return value


def form_of(view: RequestView) -> Field | None:
    """The proposal's form, filled in; None if it has none or the viewer may not submit it."""
    request, payload = view.request, shown_payload(view.request)
    if Verdict.ANSWER in view.verdicts:
        return draw(answer_schema(request), "answer", label="Your answer")
    if Verdict.MODIFY not in view.verdicts:
        return None
    if request.kind == "tool_call" and len(json.dumps(payload["args"])) <= EDIT_LIMIT:
        return draw(_object_schema(payload.get("args_schema"), payload["args"]), "args", payload["args"], "Arguments")
    if request.kind == "custom" and len(json.dumps(payload["data"])) <= EDIT_LIMIT:
        return draw(payload.get("data_schema"), "data", payload["data"], "Data")
    return None


def answer_schema(request: ApprovalRequest) -> dict[str, Any]:
    """The schema of the answer; a question without a schema takes plain text."""
    if isinstance(request.response_schema, dict):
        return request.response_schema
    own = request.payload.get("answer_schema") if isinstance(request.payload, dict) else None
    return own if isinstance(own, dict) else {"type": "string", "maxLength": 20_000}


def _object_schema(schema: Any, args: dict[str, Any]) -> dict[str, Any] | None:
    return schema if isinstance(schema, dict) and args is not None else None


def _items_change(payload: dict[str, Any], sent: Submission) -> Change | None:
    if "items_shown" not in sent:
        return None
    chosen = set(sent.getlist("item"))
    kept: list[dict[str, str]] = []
    for item in payload["items"]:
        if item["id"] in chosen:
            text = _edited(item["statement"], sent.get(f"statement.{item['id']}"))
            kept.append({"id": item["id"]} if text is None else {"id": item["id"], "statement": text})
    unknown = chosen - {item["id"] for item in payload["items"]}
    kept.extend({"id": item_id} for item_id in sorted(unknown))
    same = len(kept) == len(payload["items"]) and not any("statement" in item for item in kept)
    return None if same else {"items": kept}


def _edited(original: str, sent: str | None) -> str | None:
    """The submitted text if it differs from the original."""
    if sent is None:
        return None
    text = text_for_field(sent)
    if text == text_for_field(original):
        return None
    # A NUL must reach the validation that reports it.
    text = sent.replace("\r\n", "\n") if "\x00" in sent else text
    crlf = "\r\n" in original and original.count("\n") == original.count("\r\n")
    return text.replace("\n", "\r\n") if crlf else text
