"""What field a JSON Schema asks for. Schemas come from agents, so nothing in them is taken on trust."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

MAX_REFERENCES = 20
_ONE_LINE = 200
_INPUT_TYPES = {"date": "date", "email": "email", "uri": "url", "time": "time"}


@dataclass(frozen=True)
class Shape:
    """The kind of field for a schema, with the references and unions in it resolved.

    Attributes:
        kind: ``text``, ``long``, ``number``, ``check``, ``select``, ``lines``, ``json`` or ``group``.
        schema: the resolved schema.
        nullable: null is allowed beside the rest.
    """

    kind: str
    schema: dict[str, Any]
    nullable: bool = False
    options: tuple[tuple[str, str], ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


def shape_of(schema: Any, definitions: dict[str, Any]) -> Shape:
    """The shape of `schema`; `definitions` is the whole document that local references point into."""
    resolved, nullable = _resolve(schema, definitions)
    if "const" in resolved or isinstance(resolved.get("enum"), list):
        return _choice(resolved, nullable)
    kind = resolved.get("type")
    if isinstance(kind, list):
        nullable = nullable or "null" in kind
        rest = [each for each in kind if each != "null"]
        kind = rest[0] if len(rest) == 1 else None
        resolved = {**resolved, "type": kind}
    if kind == "object" or (kind is None and isinstance(resolved.get("properties"), dict)):
        drawable = isinstance(resolved.get("properties"), dict) and resolved["properties"]
        return Shape("group" if drawable else "json", resolved, nullable)
    if kind == "string":
        return _text(resolved, nullable)
    if kind in ("integer", "number"):
        return Shape("number", resolved, nullable, attributes=_number_attributes(resolved))
    if kind == "boolean":
        return Shape("json" if nullable else "check", resolved, nullable)
    if kind == "array" and _resolve(resolved.get("items"), definitions)[0].get("type") == "string":
        return Shape("lines", resolved, nullable)
    return Shape("json", resolved, nullable)


def infer(value: Any) -> dict[str, Any]:
    """A schema that `value` itself suggests, where the agent gave none."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, str):
        return {"type": "string"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, dict) and value:
        return {
            "type": "object",
            "properties": {key: infer(each) for key, each in value.items()},
            "required": list(value),
        }
    return {}


def _resolve(schema: Any, definitions: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Follow references and single-way unions; what is left is a plain schema, and whether null is allowed."""
    nullable = False
    kept: dict[str, Any] = {}
    for _ in range(MAX_REFERENCES):
        if not isinstance(schema, dict):
            return kept, nullable
        kept = {
            **{key: value for key, value in schema.items() if key not in ("$ref", "anyOf", "oneOf", "allOf")},
            **kept,
        }
        target = _next(schema, definitions)
        if target is None:
            return (kept if not _branches(schema) else {"title": kept.get("title", "")}), nullable
        schema, null = target
        nullable = nullable or null
    return {}, nullable


def _branches(schema: dict[str, Any]) -> bool:
    return any(isinstance(schema.get(each), list) for each in ("anyOf", "oneOf", "allOf"))


def _next(schema: dict[str, Any], definitions: dict[str, Any]) -> tuple[Any, bool] | None:
    """The one schema to go on with, and whether null was the other way; None where there is no one way on."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _pointed(reference, definitions), False
    for word in ("anyOf", "oneOf", "allOf"):
        ways = schema.get(word)
        if isinstance(ways, list):
            others = [way for way in ways if not (isinstance(way, dict) and way.get("type") == "null")]
            return (others[0], len(others) < len(ways)) if len(others) == 1 else None
    return None


def _pointed(reference: str, definitions: dict[str, Any]) -> Any:
    if not reference.startswith("#/"):
        return {}
    found: Any = definitions
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            return {}
        found = found[key]
    return found


def _choice(schema: dict[str, Any], nullable: bool) -> Shape:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    options = tuple(
        (json.dumps(each, ensure_ascii=True), each if isinstance(each, str) else json.dumps(each)) for each in values
    )
    return Shape("select", schema, nullable or None in values, options)


def _text(schema: dict[str, Any], nullable: bool) -> Shape:
    attributes = {}
    longest = schema.get("maxLength")
    if isinstance(longest, int) and 0 < longest < 10_000_000:
        attributes["maxlength"] = str(longest)
    if schema.get("format") in _INPUT_TYPES:
        attributes["type"] = _INPUT_TYPES[schema["format"]]
    # A field of one line would silently join the lines of what is pasted into it.
    narrow = "type" in attributes or (isinstance(longest, int) and longest <= _ONE_LINE)
    return Shape("text" if narrow else "long", schema, nullable, attributes=attributes)


def _number_attributes(schema: dict[str, Any]) -> dict[str, str]:
    """Only hints for the keyboard: a number field loses what cannot be read, and with it what the person typed."""
    return {"inputmode": "numeric" if schema.get("type") == "integer" else "decimal"}
