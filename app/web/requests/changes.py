"""What a submitted page says about a proposal: the reviewer's change, or an answer."""

from __future__ import annotations

import json
from typing import Any

from app.domain.errors import InvalidInputError
from app.services.reading.pages import RequestView
from app.store.requests import ApprovalRequest
from app.web.field_text import Submission, text_for_field
from app.web.forms.drawing import draw
from app.web.forms.fields import MISSING, Field
from app.web.forms.values import is_untouched, read
from app.web.requests.calls import calls_change, respond_change
from assent.contracts import Verdict
from assent.digests import canonical

EDIT_LIMIT = 200_000
"""Characters that can be edited on the page: all of it comes back with every decision, and forms have a limit."""
Change = dict[str, Any]


def change_of(view: RequestView, sent: Submission) -> Change | None:
    """How what was sent differs from the proposal; None if it does not.

    Raises:
        InvalidInputError: a field cannot be read; `fields` says which.
    """
    payload = view.request.payload
    match view.request.kind:
        case "script":
            text = _edited(payload["content"], sent.get("content"))
            return None if text is None else {"content": text}
        case "optimizations":
            return _items_change(payload, sent)
        case "tool_calls":
            return calls_change(payload, sent)
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
        return None  # even where the proposal lacks what its own schema demands: that is the reviewer's to judge
    value = read(drawn, sent)
    try:
        # As values: a form names its fields in another order than the proposal does.
        return None if canonical(value) == canonical(proposed) else {name: value}
    except ValueError as error:
        raise InvalidInputError("Some fields cannot be stored.", {name: str(error)}) from error


def answer_of(view: RequestView, sent: Submission) -> Any:
    """The answer that was sent. Raises InvalidInputError."""
    value = read(draw(answer_schema(view.request), "answer"), sent)
    if value is MISSING:
        raise InvalidInputError("An answer is needed.", {"answer": "This is needed."})
    return value


def form_of(view: RequestView) -> Field | None:
    """The form that goes with the proposal, filled from it; None if it has none, or the viewer may not send it."""
    request, payload = view.request, view.request.payload
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
    """The schema of the answer; a question without one is answered in words."""
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
    """The new text if it is one."""
    if sent is None:
        return None
    text = text_for_field(sent)
    if text == text_for_field(original):
        return None
    # What cannot be stored has to reach the check that says so.
    text = sent.replace("\r\n", "\n") if "\x00" in sent else text
    crlf = "\r\n" in original and original.count("\n") == original.count("\r\n")
    return text.replace("\n", "\r\n") if crlf else text
