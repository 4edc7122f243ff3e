"""What can be said of a value before it exists, from the JSON Schemas of inputs and outputs.

Only certain mistakes are reported: a field that no alternative has, or types that do not fit. Where a schema leaves
something open, the check of the value itself decides when the step runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assent.composition.mistakes import did_you_mean, listed
from assent.schemas import pointed

ALL_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
TYPE_WORDS = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a group of fields", "null": "null",
}  # fmt: skip
_DEEPEST = 12
_MOST_ALTERNATIVES = 50


class NoSuchPartError(ValueError):
    """No value of this schema has the part; the message says what it has."""


@dataclass(frozen=True)
class View:
    """A schema, with the schema around it in which its references are resolved."""

    schema: Any
    root: Any

    def types(self) -> frozenset[str]:
        """Return the JSON types that a value can have."""
        found: set[str] = set()
        for plain in self.alternatives():
            found |= _own_types(plain.schema)
        return frozenset(found)

    def alternatives(self) -> list[View]:
        """Return the schemas that a value may fit, with references resolved."""
        found: list[View] = []
        pending: list[tuple[Any, int]] = [(self.schema, 0)]
        while pending:
            schema, depth = pending.pop()
            if depth > _DEEPEST or len(found) > _MOST_ALTERNATIVES:
                return [View(True, self.root)]
            if not isinstance(schema, dict):
                if schema is not False:
                    found.append(View(True, self.root))
                continue
            branches = schema.get("anyOf") or schema.get("oneOf")
            if isinstance(schema.get("$ref"), str):
                pending.append((pointed(self.root, schema["$ref"]), depth + 1))
            elif isinstance(branches, list):
                pending.extend((branch, depth + 1) for branch in reversed(branches))
            elif isinstance(schema.get("allOf"), list) and "properties" not in schema:
                parts = schema["allOf"]
                pending.append((parts[0] if len(parts) == 1 else True, depth + 1))
            else:
                found.append(View(schema, self.root))
        return found

    def part(self, key: str | int) -> View:
        """Return the schema of a field, or of an entry of a list. Raises NoSuchPartError."""
        found: list[Any] = []
        names: list[str] = []
        for plain in self.alternatives():
            inside = plain.entry() if isinstance(key, int) else plain._field(key)
            if inside is not None:
                found.append(inside.schema)
            elif isinstance(plain.schema, dict):
                names += plain.schema.get("properties") or ()
        if found:
            return View(found[0] if len(found) == 1 else {"anyOf": found}, self.root)
        kind = type_words(self.types() - {"null"})
        if isinstance(key, int):
            raise NoSuchPartError(f"It is {kind}, which has no entries by number.")
        if not names:
            raise NoSuchPartError(f"It is {kind}, which has no field {key!r}.")
        hint = did_you_mean(key, names) or f" Its fields: {listed(dict.fromkeys(names), 'and')}."
        raise NoSuchPartError(f"There is no field {key!r} in it.{hint}")

    def fields(self) -> Iterator[tuple[str, View]]:
        """Yield the fields that the schema names, by name; those of all alternatives if it has some."""
        for plain in self.alternatives():
            properties = plain.schema.get("properties") if isinstance(plain.schema, dict) else None
            for name, inside in properties.items() if isinstance(properties, dict) else ():
                yield name, View(inside, self.root)

    def standalone(self) -> Any:
        """Return the schema with the definitions that its references name, so that values can be checked against it."""
        if not isinstance(self.schema, dict) or not isinstance(self.root, dict):
            return self.schema
        return {word: self.root[word] for word in ("$defs", "definitions") if word in self.root} | self.schema

    def entry(self) -> View | None:
        """Return the schema of any entry of a list; None if this is the schema of something else."""
        if not isinstance(self.schema, dict):
            return View(True, self.root)
        if "array" not in _own_types(self.schema):
            return None
        if "prefixItems" in self.schema:
            return View(True, self.root)
        return View(self.schema.get("items", True), self.root)

    def _field(self, name: str) -> View | None:
        schema = self.schema
        if not isinstance(schema, dict):
            return View(True, self.root)
        if "object" not in _own_types(schema):
            return None
        properties = schema.get("properties")
        if isinstance(properties, dict) and name in properties:
            return View(properties[name], self.root)
        others = schema.get("additionalProperties", not properties)
        if "patternProperties" in schema or "allOf" in schema:
            others = True
        return None if others is False else View(others, self.root)


ANYTHING = View(True, True)


def clash(source: View, target: View, depth: int = 0) -> str:
    """Return why no value of one schema can be used where another is required, in one sentence; empty if one can."""
    if depth > _DEEPEST:
        return ""
    given, wanted = source.types(), target.types()
    if "integer" in given and "number" in wanted:
        wanted |= {"integer"}
    if "number" in given and "integer" in wanted:
        wanted |= {"number"}
    common = given & wanted
    if not common or (common == {"null"} and given != {"null"} and wanted != {"null"}):
        return f"It is {type_words(given)}; {type_words(target.types())} is required."
    if not common & {"object", "array"} or common - {"object", "array", "null"}:
        return _choice_clash(source, target)
    reasons = [
        _inner_clash(one, other, depth)
        for one in source.alternatives()
        for other in target.alternatives()
        if _own_types(one.schema) & _own_types(other.schema) - {"null"}
    ]
    return reasons[0] if reasons and all(reasons) else ""


def _inner_clash(source: View, target: View, depth: int) -> str:
    """Compare two schemas without alternatives, both of objects or of lists."""
    if not isinstance(source.schema, dict) or not isinstance(target.schema, dict):
        return ""
    kinds = _own_types(source.schema) & _own_types(target.schema)
    if kinds - {"null"} == {"array"}:
        one, other = source.entry(), target.entry()
        reason = clash(one, other, depth + 1) if one is not None and other is not None else ""
        return f"Of its entries: {reason[0].lower()}{reason[1:]}" if reason else ""
    properties = target.schema.get("properties") or {}
    for name in target.schema.get("required") or ():
        if source._field(name) is None:
            return f"It has no field {name!r}, which is required."
    for name, inside in properties.items() if isinstance(properties, dict) else ():
        found = (source.schema.get("properties") or {}).get(name)
        if found is not None and (reason := clash(View(found, source.root), View(inside, target.root), depth + 1)):
            return f"Of its field {name!r}: {reason[0].lower()}{reason[1:]}"
    return ""


def _choice_clash(source: View, target: View) -> str:
    """Compare two lists of choices."""
    given, wanted = _choices(source), _choices(target)
    if given is None or wanted is None or any(choice in wanted for choice in given):
        return ""
    return f"It is {listed(map(str, given))}; {listed(map(str, wanted))} is required."


def _choices(view: View) -> list[Any] | None:
    found: list[Any] = []
    for plain in view.alternatives():
        schema = plain.schema
        if not isinstance(schema, dict):
            return None
        if "const" in schema:
            found.append(schema["const"])
        elif isinstance(schema.get("enum"), list):
            found.extend(schema["enum"])
        elif schema.get("type") == "null":
            found.append(None)
        else:
            return None
    return found


def _own_types(schema: Any) -> frozenset[str]:
    if not isinstance(schema, dict):
        return frozenset() if schema is False else ALL_TYPES
    kind = schema.get("type")
    if isinstance(kind, str):
        return frozenset({kind}) & ALL_TYPES
    if isinstance(kind, list):
        return frozenset(kind) & ALL_TYPES
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return frozenset(json_type(value) for value in values)
    if "properties" in schema or "additionalProperties" in schema:
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in schema else ALL_TYPES


def json_type(value: Any) -> str:
    """Return the name of a JSON value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "object")


def type_words(types: Iterable[str]) -> str:
    """Return types in words, such as ``a text or a number``."""
    known = frozenset(types)
    if known == ALL_TYPES:
        return "anything"
    if {"integer", "number"} <= known:
        known -= {"integer"}
    return listed(words for kind, words in TYPE_WORDS.items() if kind in known) or "nothing"


def object_schema(parts: Mapping[str, View]) -> View:
    """Return the schema of an object with these fields, each of which may be null."""
    # Each part keeps the definitions that its own references name.
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name, view in parts.items():
        own = view.root.get("$defs") if isinstance(view.root, dict) else None
        schema = view.schema
        if own:
            definitions |= {f"{name}.{key}": _renamed(inside, name) for key, inside in own.items()}
            schema = _renamed(schema, name)
        properties[name] = schema
    root = {"type": "object", "properties": properties, "additionalProperties": False, "$defs": definitions}
    return View(root, root)


def _renamed(schema: Any, name: str) -> Any:
    """Return a schema whose references lead to definitions with the name of the part in front."""
    if isinstance(schema, dict):
        return {
            key: f"#/$defs/{name}.{inner.removeprefix('#/$defs/')}"
            if key == "$ref" and isinstance(inner, str) and inner.startswith("#/$defs/")
            else _renamed(inner, name)
            for key, inner in schema.items()
        }
    return [_renamed(inner, name) for inner in schema] if isinstance(schema, list) else schema
