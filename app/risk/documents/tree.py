"""YAML as plain values that know their lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

MOST_NODES = 20_000
DEEPEST = 100


class Lined(dict[str, Any]):
    """A mapping with its line, and the lines of its values."""

    line: int = 1
    lines: dict[str, int]

    def at(self, key: str) -> int:
        """Return the line of a value."""
        return self.lines.get(key, self.line)


class LinedText(str):
    """A text with the line on which its content begins."""

    line: int = 1
    block: bool = False


class TooManyNodesError(Exception):
    """The document has too many parts, or expands to too many."""


def documents_of(text: str) -> list[Any]:
    """Return the documents of a YAML text. Raises yaml.YAMLError, TooManyNodesError."""
    _check_depth(text)
    count = [0]
    return [_value(node, count) for node in yaml.compose_all(text, Loader=yaml.CSafeLoader) if node is not None]


def _check_depth(text: str) -> None:
    """Refuse deep nesting, for which composing would need more of the stack than there is."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise TooManyNodesError


def _value(node: yaml.Node, count: list[int]) -> Any:
    count[0] += 1
    if count[0] > MOST_NODES:
        raise TooManyNodesError
    line = int(node.start_mark.line) + 1
    if isinstance(node, yaml.MappingNode):
        made = Lined()
        made.line, made.lines = line, {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            made[name] = _value(value, count)
            made.lines[name] = int(key.start_mark.line) + 1
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, count) for item in node.value]
    found = LinedText(node.value)
    found.block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    found.line = line + (1 if found.block else 0)
    return found


def mappings_in(value: Any) -> Iterator[Lined]:
    """Yield all mappings in a value."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, Lined):
            yield current
            pending.extend(reversed(list(current.values())))
        elif isinstance(current, list):
            pending.extend(reversed(current))


def mapping(value: Any) -> Lined:
    """Return a value if it is a mapping, and an empty one otherwise."""
    if isinstance(value, Lined):
        return value
    empty = Lined()
    empty.lines = {}
    return empty


def listed(value: Any) -> list[Any]:
    """Return a value as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
