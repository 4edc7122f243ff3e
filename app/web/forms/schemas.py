"""The kind of field for a JSON Schema. Schemas come from agents, so nothing in them is trusted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from assent.conformance import FORMATS
from assent.files import FORMAT

MAX_REFERENCES = 20
MAX_WAYS = 12
MAX_CHOICES = 1_000
"""A field with more options becomes a JSON field."""
WAYS = "~ways"
"""The key under which a resolved schema keeps the ways of a union, apart from "or null"."""
_DESCRIBING = ("title", "description", "default", "x-group", "x-advanced")
_ONE_LINE = 200
_KEYBOARDS = {"email": "email", "uri": "url"}


@dataclass(frozen=True)
class FieldShape:
    """The kind of field for a schema, with references and unions resolved.

    Attributes:
        kind: ``text``, ``long``, ``file``, ``number``, ``check``, ``select``, ``lines``, ``numbers``, ``json``,
            ``group``, ``list`` or ``union``.
        schema: the resolved schema.
        nullable: null is allowed as well.
        ways: the alternatives of a union, as schemas.
        whole_numbers: a list of numbers accepts only whole numbers.
    """

    kind: str
    schema: dict[str, Any]
    nullable: bool = False
    options: tuple[tuple[str, str], ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    ways: tuple[Any, ...] = ()
    whole_numbers: bool = False


def shape_of(schema: Any, definitions: dict[str, Any]) -> FieldShape:
    """The shape of `schema`; `definitions` is the document in which local references are resolved."""
    resolved, nullable = _resolve(schema, definitions)
    if WAYS in resolved:
        ways = tuple(resolved[WAYS])
        rest = _without_ways(resolved)
        return FieldShape("union" if _drawable(ways, definitions) else "json", rest, nullable, ways=ways)
    if "const" in resolved or isinstance(resolved.get("enum"), list):
        return _choice(resolved, nullable)
    kind = resolved.get("type")
    if isinstance(kind, list):
        nullable = nullable or "null" in kind
        others = [name for name in kind if name != "null"]
        kind = others[0] if len(others) == 1 else None
        resolved = {**resolved, "type": kind}
    if kind == "object" or (kind is None and isinstance(resolved.get("properties"), dict)):
        drawable = isinstance(resolved.get("properties"), dict) and resolved["properties"]
        return FieldShape("group" if drawable else "json", resolved, nullable)
    if kind == "string":
        return _text(resolved, nullable)
    if kind in ("integer", "number"):
        return FieldShape("number", resolved, nullable, attributes=_number_attributes(resolved))
    if kind == "boolean":
        return FieldShape("json" if nullable else "check", resolved, nullable)
    if kind == "array":
        items = _resolve(resolved.get("items"), definitions)[0]
        whole = items.get("type") == "integer"
        return FieldShape(_kind_of_list(resolved, items), resolved, nullable, whole_numbers=whole)
    return FieldShape("json", resolved, nullable)


def _kind_of_list(schema: dict[str, Any], items: dict[str, Any]) -> str:
    """``lines`` for texts, ``numbers`` for numbers, and ``list`` for other entries that can be drawn."""
    if items.get("type") == "string" and items.get("format") != FORMAT and not {"enum", "const"} & items.keys():
        return "lines"
    if items.get("type") in ("integer", "number") and not {"enum", "const"} & items.keys():
        return "numbers"
    typed = bool({"type", "properties", "enum", WAYS} & items.keys()) and items.get("type") != "array"
    return "list" if typed and "prefixItems" not in schema else "json"


def _drawable(ways: tuple[Any, ...], definitions: dict[str, Any]) -> bool:
    """True if no way is a JSON field and the schema has no constraints besides the ways."""
    if len(ways) > MAX_WAYS or any(WAYS in _resolve(way, definitions)[0] for way in ways):
        return False
    return all(shape_of(way, definitions).kind != "json" for way in ways)


def _without_ways(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != WAYS}


def way_of(ways: tuple[Any, ...], definitions: dict[str, Any], value: Any) -> int | None:
    """The first way that a value fits, by kind, names, and fixed values; None if it fits none."""
    for strictly in (True, False):
        for number, way in enumerate(ways):
            if _is_like(value, shape_of(way, definitions), definitions, strictly):
                return number
    return None


def _is_like(value: Any, shape: FieldShape, definitions: dict[str, Any], strictly: bool) -> bool:
    match shape.kind:
        case "group":
            return isinstance(value, dict) and _is_like_group(value, shape, definitions, strictly)
        case "select":
            return json.dumps(value) in {option for option, _ in shape.options}
        case "check":
            return isinstance(value, bool)
        case "number":
            whole = shape.schema.get("type") == "integer"
            return isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        case "list" | "lines" | "numbers":
            return isinstance(value, list)
    return isinstance(value, str)


def _is_like_group(value: dict[str, Any], shape: FieldShape, definitions: dict[str, Any], strictly: bool) -> bool:
    properties = shape.schema["properties"]
    if strictly and value.keys() - properties.keys():
        return False
    fixed = {name: const for name, schema in properties.items() if (const := fixed_in(schema, definitions)) is not None}
    same = all(name not in value or json.dumps(value[name]) == const for name, const in fixed.items())
    return same and all(name in value for name in required_in(shape.schema))


def fixed_in(schema: Any, definitions: dict[str, Any]) -> str | None:
    """The only value that a schema allows, as JSON; None if it allows several."""
    resolved, nullable = _resolve(schema, definitions)
    return json.dumps(resolved["const"]) if "const" in resolved and not nullable else None


def required_in(schema: dict[str, Any]) -> list[str]:
    """The names of an object's required properties."""
    wanted = schema.get("required")
    return [name for name in wanted if isinstance(name, str)] if isinstance(wanted, list) else []


def in_order(
    schema: dict[str, Any], properties: Iterable[tuple[str, Any]], wanted: Collection[str]
) -> list[tuple[str, Any]]:
    """An object's properties in the order that its schema wants (``x-order``); else the required ones first.

    Stored schemas have sorted keys, which are no order.
    """
    order = schema.get("x-order")
    places = {str(name): place for place, name in enumerate(order)} if isinstance(order, list) else {}
    return sorted(properties, key=lambda item: (places.get(item[0], len(places)), item[0] not in wanted))


def is_table(shape: FieldShape, definitions: dict[str, Any]) -> bool:
    """True for a list of objects that is drawn as a table (``"x-table": true``)."""
    marked = shape.kind == "list" and shape.schema.get("x-table") is True
    return marked and shape_of(shape.schema["items"], definitions).kind == "group"


def way_label(schema: Any, definitions: dict[str, Any]) -> str:
    """The label of a way: its title, its fixed value, or its kind."""
    shape = shape_of(schema, definitions)
    if shape.schema.get("title"):
        return str(shape.schema["title"])
    if shape.kind == "group":
        for schema_inside in shape.schema["properties"].values():
            if (fixed := fixed_in(schema_inside, definitions)) is not None:
                return fixed.strip('"').replace("_", " ").capitalize()
    return _WAY_WORDS.get(shape.kind, "Whole number" if shape.schema.get("type") == "integer" else "Number")


_WAY_WORDS = {
    "text": "Text",
    "file": "File",
    "long": "Text",
    "check": "Yes or no",
    "select": "One of several",
    "lines": "List of texts",
    "numbers": "List of numbers",
    "list": "List",
    "group": "Several fields",
}


def infer(value: Any) -> dict[str, Any]:
    """A schema inferred from `value`, for agents that give none."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, str):
        return {"type": "string"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, dict) and value:
        return {
            "type": "object",
            "properties": {key: infer(item) for key, item in value.items()},
            "required": list(value),
        }
    return {}


def _resolve(schema: Any, definitions: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Follow references and unions with one way. Returns a plain schema, and whether null is allowed."""
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
            return _undecided(schema, kept, nullable)
        schema, null = target
        nullable = nullable or null
    return {}, nullable


def _undecided(schema: dict[str, Any], kept: dict[str, Any], nullable: bool) -> tuple[dict[str, Any], bool]:
    """A schema that does not lead to a single other one: a plain one, or a union."""
    if not _branches(schema):
        return kept, nullable
    described = {key: kept[key] for key in _DESCRIBING if key in kept}
    ways = next((schema[keyword] for keyword in ("anyOf", "oneOf") if isinstance(schema.get(keyword), list)), None)
    if ways is None or {"properties", "enum", "const", "allOf"} & (kept.keys() | schema.keys()):
        return described, nullable
    others = [way for way in ways if not _is_null(way)]
    return {**described, WAYS: others}, nullable or len(others) < len(ways)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _branches(schema: dict[str, Any]) -> bool:
    return any(isinstance(schema.get(keyword), list) for keyword in ("anyOf", "oneOf", "allOf"))


def _next(schema: dict[str, Any], definitions: dict[str, Any]) -> tuple[Any, bool] | None:
    """The only schema that this one leads to, and whether null was the alternative; None if there is no single one."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _pointed(reference, definitions), False
    for word in ("anyOf", "oneOf", "allOf"):
        ways = schema.get(word)
        if isinstance(ways, list):
            others = [way for way in ways if not _is_null(way)]
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


def _choice(schema: dict[str, Any], nullable: bool) -> FieldShape:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if len(values) > MAX_CHOICES:
        return FieldShape("json", schema, nullable)
    titles = schema.get("x-titles")
    titles = titles if isinstance(titles, dict) else {}
    options = tuple((json.dumps(value, ensure_ascii=True), _option_label(value, titles)) for value in values)
    return FieldShape("select", schema, nullable or None in values, options)


def _option_label(value: Any, titles: dict[str, Any]) -> str:
    words = value if isinstance(value, str) else json.dumps(value)
    title = titles.get(words)
    return title if isinstance(title, str) and title else words


def _text(schema: dict[str, Any], nullable: bool) -> FieldShape:
    if schema.get("format") == FORMAT:
        return FieldShape("file", schema, nullable)
    attributes = {}
    longest = schema.get("maxLength")
    if isinstance(longest, int) and 0 < longest < 10_000_000:
        attributes["maxlength"] = str(longest)
    form = schema.get("format")
    if form == "date":
        attributes["type"] = "date"
    elif form in _KEYBOARDS:
        # Only a hint for the keyboard: a browser's validation fails silently in a collapsed field.
        attributes["inputmode"] = _KEYBOARDS[form]
    # A single-line field would silently join pasted lines.
    narrow = form in FORMATS or (isinstance(longest, int) and longest <= _ONE_LINE)
    return FieldShape("text" if narrow else "long", schema, nullable, attributes=attributes)


def _number_attributes(schema: dict[str, Any]) -> dict[str, str]:
    """Only hints for the keyboard: a number field discards input that it cannot parse."""
    return {"inputmode": "numeric" if schema.get("type") == "integer" else "decimal"}
