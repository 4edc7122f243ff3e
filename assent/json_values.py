"""Untrusted JSON: strict parsing, and values that every JSON reader accepts.

Input that JSON's grammar allows but other readers reject is refused: unpaired surrogates (``"\\ud83d"`` alone, half an
emoji), numbers that are too large, duplicate names in an object, and excessive nesting. Values that are stored already,
or created by programs here, are repaired with `passable` instead.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

MAX_DEPTH = 64
"""Deepest nesting of arrays and objects that is accepted."""
MAX_READ_DEPTH = 150
"""Deepest nesting that is read back; pydantic writes at most about 200 levels."""
_HALVES = re.compile("[\ud800-\udfff]")
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]')
_MOST_HASHED = 100_000


class JsonError(ValueError):
    """A text is not JSON, or other readers would not accept it; the message says why, in one sentence."""


def parse(text: str | bytes) -> Any:
    """Parse strict JSON: no NaN, infinities, duplicate names, unpaired surrogates, or nesting beyond `MAX_DEPTH`.

    Raises:
        JsonError: it is not strict JSON.
    """
    try:
        value = json.loads(
            text.decode("utf-8") if isinstance(text, bytes) else text,
            parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_repeats,
        )  # fmt: skip
    except RecursionError:
        raise JsonError(_too_deep()) from None
    except json.JSONDecodeError as error:
        raise JsonError(f"This is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(f"This is not JSON: {str(error)[:200]}") from None
    check(value)
    return value


def check(value: Any) -> None:
    """Raise JsonError if other readers would not accept a value: surrogates, infinities, or excessive nesting."""
    for level in _levels(value):
        for inside in level:
            if isinstance(inside, str):
                if not inside.isascii() and _HALVES.search(inside):
                    raise JsonError("A string contains an unpaired surrogate, which is not a character.")
            elif isinstance(inside, float) and not math.isfinite(inside):
                raise JsonError(f"The number {inside} is not a JSON number.")


def checked(value: Any) -> Any:
    """Return the value with U+FFFD for unpaired surrogates. Raises JsonError: infinities, NaN, or excessive nesting."""
    try:
        check(value)
    except JsonError:
        value = passable(value)
        check(value)
    return value


def count(value: Any) -> int:
    """Return the number of values inside a value, including names and itself."""
    total, level = 0, [value]
    while level:
        total += len(level)
        level = [inside for outer in level for inside in _inside(outer)]
    return total


def passable(value: Any, depth: int = MAX_READ_DEPTH) -> Any:
    """Return a copy with U+FFFD for unpaired surrogates, and strings in place of values nested deeper than `depth`.

    Such a string contains a digest of the value, so that different values stay different.
    """
    if isinstance(value, str):
        return whole(value)
    if not isinstance(value, dict | list):
        return value
    if depth <= 0:
        return replacement_text(value)
    if isinstance(value, list):
        return [passable(inside, depth - 1) for inside in value]
    return {name: passable(inside, depth - 1) for name, inside in named(value).items()}


def named(value: dict[Any, Any]) -> dict[Any, Any]:
    """Return the object with U+FFFD for unpaired surrogates in its names; different names stay different."""
    if all(not isinstance(name, str) or name.isascii() or not _HALVES.search(name) for name in value):
        return value
    made: dict[Any, Any] = {}
    for name, inside in value.items():
        key = whole(name) if isinstance(name, str) else name
        while key in made:
            key += "\ufffd"
        made[key] = inside
    return made


def read_back(text: str) -> Any:
    """Return the value of a stored JSON text, made `passable`, so that reading it never fails."""
    value = json.loads(text)
    # Searched in the text first: nearly all values are fine, and copying large ones takes time.
    if "\\ud" in text or (text.count("[") + text.count("{") > MAX_READ_DEPTH and _depth(text) > MAX_READ_DEPTH):
        return passable(value)
    return value


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def replacement_text(value: Any) -> str:
    """Return the string that replaces a value that is nested too deeply; different values have different strings."""
    return f"(nested too deeply to be shown; SHA-256 {_digest(value)})"


def whole(text: str) -> str:
    """Return the text with U+FFFD for each unpaired surrogate."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def _levels(value: Any) -> Iterator[list[Any]]:
    """Yield the values inside a value, level by level, starting with itself. Raises JsonError: too many levels."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        yield level
        level = [inside for outer in level for inside in _inside(outer)]
        if not level:
            return
    if any(isinstance(value, dict | list) for value in level):
        raise JsonError(_too_deep())
    yield level


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (*value, *value.values())
    return value if isinstance(value, list) else ()


def _digest(value: Any) -> str:
    """Return a digest of a value of any depth; for a very large one, of its first parts."""
    digest, stack, left = hashlib.sha256(), [value], _MOST_HASHED
    while stack and left:
        left -= 1
        inside = stack.pop()
        if isinstance(inside, dict | list | tuple):
            digest.update(f"{type(inside).__name__}{len(inside)}".encode())
            stack.extend(inside)
            if isinstance(inside, dict):
                stack.extend(inside.values())
        elif isinstance(inside, str | int | float | None):
            digest.update(f"{type(inside).__name__}{inside}".encode("utf-8", "replace"))
        else:
            digest.update(type(inside).__name__.encode())
    return digest.hexdigest()


def _too_deep() -> str:
    return f"The JSON is nested more than {MAX_DEPTH} levels deep."


def _no_constant(name: str) -> NoReturn:
    raise JsonError(f"This is not JSON: {name} is not a number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonError(f"The number {text[:30]} is too large.")
    return number


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise JsonError("An object has a duplicate name.")
    return made
