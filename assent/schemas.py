"""Checks that a JSON Schema is usable: it is valid, refers only to itself, and can be checked in bounded time.

Schemas come from agents, so they are not trusted. The checks here take time in proportion to the schema; the cost of
checking a value is bounded in `assent.conformance`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from assent.expressions import ExpressionError, expression

MAX_SCHEMAS = 5_000
"""Most schemas inside a schema: each property, alternative, and list item has one."""
MAX_DEPTH = 64
"""Deepest nesting of objects and lists in a schema's JSON."""
MAX_VALUES = 50_000
"""Most values in a schema's JSON: strings, numbers, and names of fields."""
MAX_CHARACTERS = 500_000
"""Most characters of all strings in a schema."""
MAX_PATTERNS = 500
"""Most regular expressions in a schema."""
MAX_WORK = 100_000
"""Most schemas that apply to one value, counted once for each path that leads to them."""

_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
_ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems",
        "unevaluatedProperties", "contentSchema")  # fmt: skip
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
"""Keywords whose schemas apply to the value itself, not to parts of it."""


class SchemaError(ValueError):
    """A schema cannot be used; the message says why, in one sentence."""


def check(schema: Any) -> None:
    """Raise SchemaError unless this is a usable JSON Schema."""
    _measure(schema)
    walk = _SchemaWalk(schema)
    walk.run()
    walk.weigh()


def _measure(schema: Any) -> None:
    """Check the size of the JSON itself, level by level, before it is interpreted."""
    values = characters = 0
    level = [schema]
    for _ in range(MAX_DEPTH + 1):
        inside: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inside.extend(value.values())
                inside.extend(value)
            elif isinstance(value, list):
                inside.extend(value)
            elif isinstance(value, str):
                characters += len(value)
        values += len(level)
        if values > MAX_VALUES or len(inside) > MAX_VALUES:
            raise SchemaError(f"The schema has more than {MAX_VALUES:,} values.")
        if characters > MAX_CHARACTERS:
            raise SchemaError(f"The texts in the schema have more than {MAX_CHARACTERS:,} characters.")
        level = inside
        if not level:
            return
    raise SchemaError(f"The schema is nested more than {MAX_DEPTH} levels deep.")


def patterns_in(schema: Any) -> Iterator[str]:
    """Return the patterns in what may be a schema, and possibly strings that only look like patterns."""
    level = [schema]
    while level:
        for value in level:
            if isinstance(value, dict):
                if isinstance(value.get("pattern"), str):
                    yield value["pattern"]
                named = value.get("patternProperties")
                yield from named if isinstance(named, dict) else ()
        level = [
            inside
            for value in level
            if isinstance(value, dict | list)
            for inside in (value.values() if isinstance(value, dict) else value)
        ]


class _SchemaWalk:
    """Visits every schema inside a schema once, and the targets of references."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._seen: dict[int, Any] = {}
        self._patterns = 0

    def run(self) -> None:
        todo: list[tuple[Any, str]] = [(self._root, "")]
        while todo:
            schema, place = todo.pop()
            if isinstance(schema, bool):
                continue
            if not isinstance(schema, dict):
                raise SchemaError(f"{place or 'The schema'} is not a schema: it must be an object, true, or false.")
            if id(schema) in self._seen:
                continue
            self._seen[id(schema)] = schema
            if len(self._seen) > MAX_SCHEMAS:
                raise SchemaError(f"The schema has more than {MAX_SCHEMAS:,} schemas inside it.")
            try:
                self._keywords(schema, nested=bool(place))
                todo.extend((inside, f"{place}/{word}") for word, inside in self._inside(schema))
                todo.extend((self.target(schema[word]), schema[word]) for word in _REFERENCES if word in schema)
            except SchemaError as error:
                raise SchemaError(
                    f"{place}: {error}" if place and not str(error).startswith("/") else str(error)
                ) from None

    def weigh(self) -> None:
        """Raise SchemaError if schemas apply to a value endlessly, or too many of them do."""
        weights: dict[int, int] = {}
        for schema in self._seen.values():
            self._weight(schema, weights)

    def _weight(self, start: dict[str, Any], weights: dict[int, int]) -> None:
        # Depth first without recursion: a chain of references may be longer than Python's stack.
        under_way: set[int] = set()
        stack: list[tuple[dict[str, Any], list[Any], int]] = []

        def enter(schema: dict[str, Any]) -> None:
            under_way.add(id(schema))
            stack.append((schema, list(self._applied(schema)), 1))

        if id(start) not in weights:
            enter(start)
        while stack:
            schema, rest, weight = stack.pop()
            while rest:
                inside = rest[-1]
                if not isinstance(inside, dict):
                    weight += 1
                elif id(inside) in under_way:
                    raise SchemaError("The schema refers to itself endlessly for the same value.")
                elif id(inside) in weights:
                    weight += weights[id(inside)]
                else:
                    stack.append((schema, rest, weight))
                    enter(inside)
                    break
                rest.pop()
                if weight > MAX_WORK:
                    raise SchemaError(f"More than {MAX_WORK:,} schemas apply to one value, which would take too long.")
            else:
                weights[id(schema)] = weight
                under_way.discard(id(schema))

    def _applied(self, schema: dict[str, Any]) -> Iterator[Any]:
        for word in _SAME_VALUE & schema.keys():
            inside = schema[word]
            if word == "dependentSchemas":
                yield from inside.values()
            elif isinstance(inside, list):
                yield from inside
            else:
                yield inside
        for word in _REFERENCES:
            if word in schema:
                yield self.target(schema[word])

    def target(self, reference: Any) -> Any:
        """Return the target of a reference. Raises SchemaError: it is not inside this schema."""
        if not isinstance(reference, str):
            raise SchemaError("A reference must be a string.")
        if not reference.startswith("#"):
            raise SchemaError(
                f"The reference {reference[:100]!r} leads outside the schema. Nothing is fetched: put its target under "
                "$defs, and refer to it as #/$defs/…"
            )
        found = pointed(self._root, reference)
        if found is None:
            raise SchemaError(f"The reference {reference[:100]!r} points to nothing in the schema.")
        return found

    def _inside(self, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for word in _ONE:
            if word in schema:
                yield word, schema[word]
        for word in _SEVERAL:
            if word in schema:
                ways = schema[word]
                if not isinstance(ways, list) or (not ways and word != "prefixItems"):
                    raise SchemaError(f"{word} must be a list of schemas.")
                for number, way in enumerate(ways):
                    yield f"{word}/{number}", way
        for word in _NAMED:
            if word in schema:
                named = schema[word]
                if not isinstance(named, dict):
                    raise SchemaError(f"{word} must be an object of schemas.")
                for name, inside in named.items():
                    yield f"{word}/{name[:100]}", inside

    def _keywords(self, schema: dict[str, Any], nested: bool) -> None:
        for word, value in schema.items():
            test = _KEYWORDS.get(word)
            if test is not None and not test[0](value):
                raise SchemaError(f"{word} must be {test[1]}; it is {_described(value)}.")
        if nested and isinstance(schema.get("$id"), str):
            raise SchemaError("A schema inside a schema cannot have its own $id here.")
        if "patternProperties" in schema:
            for pattern in schema["patternProperties"] if isinstance(schema["patternProperties"], dict) else ():
                self._expression(pattern)
        if "unevaluatedProperties" in schema and "patternProperties" in schema:
            raise SchemaError("unevaluatedProperties together with patternProperties is not supported.")
        if isinstance(schema.get("pattern"), str):
            self._expression(schema["pattern"])

    def _expression(self, pattern: str) -> None:
        self._patterns += 1
        if self._patterns > MAX_PATTERNS:
            raise SchemaError(f"The schema has more than {MAX_PATTERNS} regular expressions.")
        try:
            expression(pattern)
        except ExpressionError as error:
            raise SchemaError(f"The pattern {pattern[:100]!r} cannot be used. {error}") from None


def pointed(root: Any, reference: str) -> Any:
    """Return the target of a reference such as ``#/$defs/name`` inside a schema; None if there is none.

    Anchors are searched for among the definitions.
    """
    place = unquote(reference[1:])
    if not place:
        return root
    if not place.startswith("/"):
        return _anchored(root, place)
    found = root
    for part in place[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isascii() and name.isdigit() and len(name) < 6 and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _anchored(root: Any, name: str) -> Any:
    if not isinstance(root, dict):
        return None
    named = [root.get(word) for word in ("$defs", "definitions")]
    defined = [schema for schemas in named if isinstance(schemas, dict) for schema in schemas.values()]
    for schema in (root, *defined):
        if isinstance(schema, dict) and name in (schema.get("$anchor"), schema.get("$dynamicAnchor")):
            return schema
    return None


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return repr(value)[:60]


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
    )


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_lists_of_names(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_names, value.values()))


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) and value else [value]
    return all(isinstance(name, str) and name in _TYPES for name in names)


_Test = tuple[Callable[[Any], bool], str]
_COUNT: _Test = (_is_count, "a whole number of at least 0")
_NUMBER: _Test = (_is_number, "a number")
_TEXT: _Test = (lambda value: isinstance(value, str), "a string")
_YES_NO: _Test = (lambda value: isinstance(value, bool), "true or false")
_KEYWORDS: dict[str, _Test] = {
    "type": (_is_type, "one or more of " + ", ".join(sorted(_TYPES))),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "required": (_is_names, "a list of names"),
    "dependentRequired": (_is_lists_of_names, "an object of lists of names"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(["maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"], _NUMBER),
    **dict.fromkeys(["maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"], _COUNT),
    **dict.fromkeys(["maxContains", "minContains"], _COUNT),
    **dict.fromkeys(
        ["pattern", "format", "title", "description", "$id", "$schema", "$anchor", "$dynamicAnchor"], _TEXT
    ),
    **dict.fromkeys(["uniqueItems", "readOnly", "writeOnly", "deprecated"], _YES_NO),
}
