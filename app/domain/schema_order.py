"""The order in which an author has listed the names of a schema, which a stored proposal does not keep. Pure.

Proposals are stored in canonical form, with sorted names, so that their digests can be checked. The order of the names
is kept beside them, and only for display.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SCHEMAS = ("args_schema", "data_schema", "inputs_schema")
MOST_NAMES = 2_000
"""Names of one proposal whose order is kept; nobody reads a longer list in any order."""
_PARTS = ("calls", "steps")
_DEEPEST = 30
_SEPARATOR = "\x1f"

Order = dict[str, list[str]]
"""The names of each list of properties that is not sorted, by its path."""


def order_of(document: Any) -> Order | None:
    """The order of a proposal's schemas; None if all their names are sorted, or if there are too many."""
    found: Order = {}
    count = 0
    for path, names in _lists(document):
        if names != sorted(names):
            found[path] = names
            count += len(names)
        if count > MOST_NAMES:
            return None
    return found or None


def in_order(document: Any, order: Order | None) -> Any:
    """The proposal with the names of its schemas in this order. It is equal to the given one."""
    if not order or not isinstance(document, Mapping):
        return document
    shown = dict(document)
    for part in _PARTS:
        if isinstance(shown.get(part), list):
            shown[part] = [_held(item, order, f"{part}{_SEPARATOR}{at}") for at, item in enumerate(shown[part])]
    return _held(shown, order, "")


def _held(holder: Any, order: Order, path: str) -> Any:
    """What has schemas, with their names in order."""
    if not isinstance(holder, Mapping):
        return holder
    schemas = {
        name: _ordered(holder[name], order, f"{path}{_SEPARATOR}{name}", 0) for name in SCHEMAS if name in holder
    }
    return {**holder, **schemas}


def _ordered(value: Any, order: Order, path: str, depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        names = [name for name in order.get(path, ()) if name in value]
        return {
            name: _ordered(value[name], order, f"{path}{_SEPARATOR}{name}", depth + 1)
            for name in dict.fromkeys((*names, *value))
        }
    if isinstance(value, list):
        return [_ordered(inner, order, f"{path}{_SEPARATOR}{at}", depth + 1) for at, inner in enumerate(value)]
    return value


def _lists(document: Any) -> Iterator[tuple[str, list[str]]]:
    """The names of each list of properties in the schemas of a proposal, with its path."""
    if not isinstance(document, Mapping):
        return
    holders = [("", document)]
    for part in _PARTS:
        items = document.get(part)
        if isinstance(items, list):
            holders += [(f"{part}{_SEPARATOR}{at}", item) for at, item in enumerate(items)]
    for path, holder in holders:
        for name in SCHEMAS if isinstance(holder, Mapping) else ():
            if isinstance(holder.get(name), Mapping):
                yield from _inside(holder[name], f"{path}{_SEPARATOR}{name}", 0)


def _inside(value: Any, path: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{path}{_SEPARATOR}{name}"
            if name == "properties" and isinstance(inner, Mapping):
                yield here, list(inner)
            yield from _inside(inner, here, depth + 1)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _inside(inner, f"{path}{_SEPARATOR}{at}", depth + 1)
