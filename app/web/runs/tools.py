"""The tools that workers have: the list, and a page for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from app.domain.errors import InvalidInputError
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.toolbox import DAYS
from app.web.pages import render, web
from assent.toolbox.model import Effect

EFFECTS = {
    Effect.READ: ("Reads", "It changes nothing, so it is called without approval."),
    Effect.WRITE: ("Writes", "It changes something that can be changed back. Each call requires approval."),
    Effect.DESTROY: ("Destroys", "It may change something for good. Each call requires approval."),
}
STATUSES = {
    "failed": "Failed", "timed_out": "Timed out", "invalid_input": "Invalid inputs", "invalid_output": "Invalid output",
    "refused": "Refused, because it was not approved", "ok": "Done",
}  # fmt: skip


@web.get("/tools")
def tools() -> Any:
    """All tools, or those that match."""
    found, broken = services().tools.all(current_actor())
    text, effect = request.args.get("text", "").strip()[:200], request.args.get("effect", "")
    if effect and effect not in set(Effect):
        raise InvalidInputError("This is not an effect.", {"effect": "unknown"})
    shown = [
        view
        for view in found
        if (not text or text.lower() in _searched(view.facts)) and (not effect or view.facts["effect"] == effect)
    ]
    return render(
        "tools.html", tools=shown, total=len(found), broken=broken, text=text, effect=effect, effects=EFFECTS, days=DAYS
    )


@web.get("/tools/<tool_name>")
def tool(tool_name: str) -> Any:
    """One tool: its newest version, what it needs, where it is used, and how its calls ended."""
    page = services().tools.one(tool_name, current_actor())
    view = page.versions[0]
    return render(
        "tools_one.html", page=page, view=view, facts=view.facts, effect=EFFECTS[Effect(view.facts["effect"])],
        takes=fields_of(view.facts["input_schema"]), returns=fields_of(view.facts["output_schema"]), days=DAYS,
        statuses=STATUSES,
    )  # fmt: skip


def _searched(facts: Mapping[str, Any]) -> str:
    return " ".join([facts["name"], facts["title"], facts["description"], *facts["capabilities"]]).lower()


def fields_of(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of an object for a table: name, type in words, whether it is required, and its description."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return []
    required = schema.get("required") or []
    return [
        {
            "name": str(name), "type": _type_words(field, schema), "required": name in required,
            "description": str(field.get("description", "")) if isinstance(field, dict) else "",
        }
        for name, field in properties.items()
    ]  # fmt: skip


def _type_words(field: Any, schema: Mapping[str, Any], depth: int = 0) -> str:
    """The type of a field, such as ``string``, ``list of integer``, or the title of a model."""
    if not isinstance(field, dict) or depth > 3:
        return "any"
    reference = field.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        target = (schema.get("$defs") or {}).get(reference.removeprefix("#/$defs/"))
        return str(target.get("title", "object")) if isinstance(target, dict) else "any"
    if "enum" in field and isinstance(field["enum"], list):
        return "one of " + ", ".join(map(str, field["enum"][:12]))
    for key in ("anyOf", "oneOf"):
        if isinstance(field.get(key), list):
            words = dict.fromkeys(_type_words(part, schema, depth + 1) for part in field[key])
            return " or ".join(word for word in words if word != "null") or "null"
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type_words(field.get('items'), schema, depth + 1)}"
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
