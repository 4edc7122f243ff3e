"""Which values of an input are files, by its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.domain.errors import InvalidInputError
from assent.files import FORMAT

MOST_STEPS = 50_000
_DEEPEST = 100
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


def file_fields(schema: Any, value: Any, path: str = "input") -> dict[str, str]:
    """The texts that the schema marks as files, by their paths, joined by dots.

    Where a schema has alternatives, a text counts if any of them marks it.

    Raises:
        InvalidInputError: The schema and the value are too large to go through.
    """
    walk = _Walk(schema)
    return dict(walk.at(schema, value, path, 0))


class _Walk:
    def __init__(self, document: Any) -> None:
        self._document = document
        self._left = MOST_STEPS

    def at(self, schema: Any, value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
        self._left -= 1
        if self._left < 0:
            raise InvalidInputError("This input is too large.", {"input": "too much to check"})
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return
        if schema.get("format") == FORMAT and isinstance(value, str):
            yield path, value
        if isinstance(reference := schema.get("$ref"), str):
            yield from self.at(self._pointed(reference), value, path, depth + 1)
        for word in _ALTERNATIVES:
            for way in _list(schema.get(word)):
                yield from self.at(way, value, path, depth + 1)
        if isinstance(value, dict):
            properties = schema.get("properties")
            known = properties if isinstance(properties, dict) else {}
            for name, inside in value.items():
                below = known.get(name, schema.get("additionalProperties"))
                yield from self.at(below, inside, f"{path}.{name}", depth + 1)
        elif isinstance(value, list):
            first = _list(schema.get("prefixItems"))
            for number, inside in enumerate(value):
                below = first[number] if number < len(first) else schema.get("items")
                yield from self.at(below, inside, f"{path}.{number}", depth + 1)

    def _pointed(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return None
        found = self._document
        for part in filter(None, reference[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
