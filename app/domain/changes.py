"""Changes that a reviewer makes to a proposal: what can be edited, and how an edit becomes a new payload.

A change contains only what differs. Its form depends on the proposal's kind:

- script: ``{"content": text}``
- optimizations: ``{"items": [{"id": id, "statement": text?}, …]}``: the items to keep, in any order
- tool_call: ``{"args": object?, "decision": "approve" | "reject" | "respond"?, "message": text?}``
- tool_calls: ``{"calls": [{"id": id, …}, …]}``, each with the same fields; calls that are not listed stay unchanged
- plan: ``{"steps": [{"id": id, "inputs": object?}, …]}``: the steps to keep, in their new order
- custom: ``{"data": value}``
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from app.domain.calls import check_complete, edit_call, is_made
from app.domain.errors import InvalidInputError
from app.domain.misfits import check_schema
from app.domain.plans import edit_plan
from assent.contracts import proposal_adapter
from assent.json_values import JsonError, check
from assent.visible import shows

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MAX_TEXT = 1_000_000
"""Maximum length, in characters, of a statement or script that a reviewer sends."""


def apply_change(payload: dict[str, Any], change: Any) -> dict[str, Any]:
    """A copy of the payload with a reviewer's change applied.

    Raises:
        InvalidInputError: the change does not fit the proposal's kind, or the resulting payload is not valid.
    """
    try:
        check(change)
    except JsonError as error:
        raise InvalidInputError("The change is not valid.", {"change": str(error)}) from None
    kind = payload.get("kind", "")
    editor = _EDITORS.get(kind)
    if editor is None:
        raise InvalidInputError(f"A proposal of the kind {kind or 'unknown'!r} cannot be changed.")
    if not isinstance(change, dict):
        raise InvalidInputError("A change must be an object.", {"change": "not an object"})
    changed = editor(copy.deepcopy(payload), change)
    try:
        proposal_adapter.validate_python(changed)
    except ValidationError as error:
        problems = {_place(problem["loc"]): problem["msg"].removeprefix("Value error, ") for problem in error.errors()}
        words = "; ".join(list(problems.values())[:3])
        raise InvalidInputError(f"The changed proposal is not valid: {words.rstrip('.')}.", problems) from error
    return changed


def _place(location: tuple[int | str, ...]) -> str:
    """A field's name in errors, without the kind that pydantic puts before it."""
    return ".".join(map(str, location[1:])) or "change"


def _only(change: dict[str, Any], name: str) -> Any:
    unknown = set(change) - {name}
    if unknown or name not in change:
        raise InvalidInputError(
            f"A change of this proposal has the one field {name!r}.",
            dict.fromkeys(unknown, "not known here") or {name: "missing"},
        )
    return change[name]


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not shows(value):
        raise InvalidInputError("Enter text here.", {field: "empty"})
    if len(value) > MAX_TEXT:
        raise InvalidInputError(
            f"The text has {len(value):,} characters; {MAX_TEXT:,} are allowed.", {field: "too long"}
        )
    forbidden = sorted({f"U+{ord(char):04X}" for char in _FORBIDDEN.findall(value)})
    if forbidden:
        raise InvalidInputError(
            f"The text contains control characters ({', '.join(forbidden)}).", {field: "control characters"}
        )
    return value


def _edit_script(payload: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    payload["content"] = _text(_only(change, "content"), "content")
    return payload


def _edit_optimizations(payload: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    kept = _only(change, "items")
    if not isinstance(kept, list) or not all(
        isinstance(item, dict) and isinstance(item.get("id"), str) for item in kept
    ):
        raise InvalidInputError("The items are a list of objects with an id.", {"items": "not a list of items"})
    wanted = {item["id"]: item for item in kept}
    known = {item["id"] for item in payload["items"]}
    if unknown := sorted(set(wanted) - known):
        raise InvalidInputError(
            f"There is no item {', '.join(repr(item_id) for item_id in unknown)}.",
            {f"items.{item_id}": "unknown" for item_id in unknown},
        )
    if len(wanted) != len(kept):
        raise InvalidInputError("An item appears twice.", {"items": "named twice"})
    if not wanted:
        raise InvalidInputError("Choose at least one item, or reject the request.", {"items": "none chosen"})
    items = [item for item in payload["items"] if item["id"] in wanted]
    for item in items:
        edit = wanted[item["id"]]
        if unknown := sorted(set(edit) - {"id", "statement"}):
            raise InvalidInputError(
                "Only an item's statement can be edited.", {f"items.{item['id']}.{unknown[0]}": "not known here"}
            )
        if "statement" in edit:
            item["statement"] = _text(edit["statement"], f"items.{item['id']}.statement")
    payload["items"] = items
    return payload


def _edit_tool_call(payload: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    if not change:
        _only(change, "args")
    edit_call(payload, change, "")
    if "args" in change:
        check_schema(payload["args"], payload.get("args_schema"), "args")
    check_complete(payload)
    if not is_made(payload) and payload["decision"] == "reject":
        raise InvalidInputError("Reject the request instead, with a reason.", {"decision": "nothing is left"})
    return payload


def _edit_tool_calls(payload: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    edits = _only(change, "calls")
    if not isinstance(edits, list) or not all(
        isinstance(edit, dict) and isinstance(edit.get("id"), str) for edit in edits
    ):
        raise InvalidInputError("The calls are a list of objects with an id.", {"calls": "not a list of calls"})
    calls = {call["id"]: call for call in payload["calls"]}
    named = [edit["id"] for edit in edits]
    if unknown := sorted(set(named) - set(calls)):
        raise InvalidInputError(
            f"There is no call {', '.join(map(repr, unknown))}.", {f"calls.{call_id}": "unknown" for call_id in unknown}
        )
    if len(set(named)) != len(named):
        raise InvalidInputError("A call appears twice.", {"calls": "named twice"})
    for edit in edits:
        call, where = calls[edit["id"]], f"calls.{edit['id']}."
        edit_call(call, edit, where)
        if "args" in edit:
            check_schema(call["args"], call.get("args_schema"), f"{where}args")
    check_complete(payload)
    if all(call.get("decision") == "reject" for call in payload["calls"]):
        raise InvalidInputError("No call is left. Reject the request instead.", {"calls": "none is left"})
    return payload


def _edit_plan(payload: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return edit_plan(payload, _only(change, "steps"))


def _edit_custom(payload: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    data = _only(change, "data")
    check_schema(data, payload.get("data_schema"), "data")
    payload["data"] = data
    return payload


_EDITORS: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "script": _edit_script,
    "optimizations": _edit_optimizations,
    "tool_call": _edit_tool_call,
    "tool_calls": _edit_tool_calls,
    "plan": _edit_plan,
    "custom": _edit_custom,
}
EDITABLE_KINDS = frozenset(_EDITORS)
