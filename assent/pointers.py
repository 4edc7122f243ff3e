"""JSON pointers (RFC 6901), such as ``/data/columns/3/field``: where a value is inside a JSON document."""

from __future__ import annotations

import copy
from typing import Any


class NoSuchPlaceError(LookupError):
    """The document has no value there."""


def tokens_of(pointer: str) -> list[str]:
    """The parts of a pointer. Raises NoSuchPlaceError: it does not begin with a slash."""
    if pointer and not pointer.startswith("/"):
        raise NoSuchPlaceError(f"{pointer!r} is not a JSON pointer: it begins with a slash.")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def pointer_of(tokens: list[Any]) -> str:
    """The inverse of `tokens_of`; positions in lists may be numbers."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in tokens)


def value_at(document: Any, pointer: str) -> Any:
    """The value at a pointer. Raises NoSuchPlaceError."""
    for token in tokens_of(pointer):
        document = document[_key(document, token)]
    return document


def with_value(document: Any, pointer: str, value: Any) -> Any:
    """A copy of a document with another value at a pointer, where it has one already. Raises NoSuchPlaceError."""
    tokens = tokens_of(pointer)
    if not tokens:
        return value
    changed = copy.deepcopy(document)
    inside = changed
    for token in tokens[:-1]:
        inside = inside[_key(inside, token)]
    inside[_key(inside, tokens[-1])] = value
    return changed


def _key(inside: Any, token: str) -> Any:
    if isinstance(inside, dict) and token in inside:
        return token
    if isinstance(inside, list) and token.isascii() and token.isdigit() and int(token) < len(inside):
        return int(token)
    raise NoSuchPlaceError(f"There is no {token!r} here.")
