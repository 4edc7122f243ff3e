"""Differences between two values that were read at different times, as far as they count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from assent.contracts import Tolerance

ANY = "*"
"""In a path: all names of an object, or all places of a list."""
_SAME_MAGNITUDE = 0.5
"""Numbers are of the same magnitude if their decimal logarithms differ by less: by a factor below 3.2."""
NEW, GONE = "new", "gone"


@dataclass(frozen=True)
class Difference:
    """A difference.

    Attributes:
        names: where it is, inside the value: first the names that ``*`` stands for in the path, in order.
        problem: ``new`` or ``gone`` where there is nothing on one side; empty otherwise.
    """

    names: tuple[str, ...]
    before: JsonValue
    now: JsonValue
    problem: str


def value_at(value: Any, path: str) -> JsonValue:
    """Return what is at a path such as ``tables.orders.rows``, ``list.0.name``, or ``tables.*.rows``.

    A ``*`` collects what is at the rest of the path in each part; a name that contains dots is found as well.

    Raises:
        LookupError: there is nothing.
    """
    return _at(value, path.split("."))


def _at(value: Any, parts: list[str]) -> JsonValue:
    if not parts:
        found: JsonValue = value
        return found
    first, rest = parts[0], parts[1:]
    if first == ANY:
        if isinstance(value, Mapping):
            return {str(name): _at(inside, rest) for name, inside in value.items()}
        if isinstance(value, list):
            return [_at(inside, rest) for inside in value]
        raise LookupError(first)
    if isinstance(value, list):
        if not first.isdecimal() or int(first) >= len(value):
            raise LookupError(first)
        return _at(value[int(first)], rest)
    if not isinstance(value, Mapping):
        raise LookupError(first)
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        if name in value:
            return _at(value[name], parts[length:])
    raise LookupError(first)


def shown_path(path: str, names: tuple[str, ...]) -> str:
    """Return a path with names in place of ``*``, and the other names after it."""
    left = list(names)
    parts = [left.pop(0) if part == ANY and left else part for part in path.split(".")]
    # What is new or gone as a whole has no more names: the rest of the path leads nowhere.
    if ANY in parts:
        parts = parts[: parts.index(ANY)]
    return ".".join([*parts, *left])


def differences(before: Any, now: Any, tolerance: Tolerance, share: float | None) -> Iterator[Difference]:
    """Yield what counts as different; of objects, and of lists of the same length, part by part."""
    yield from _differences(before, now, tolerance, share, ())


def _differences(
    before: Any, now: Any, tolerance: Tolerance, share: float | None, names: tuple[str, ...]
) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in [*before, *(name for name in now if name not in before)]:
            if name not in now:
                yield Difference((*names, name), before[name], None, GONE)
            elif name not in before:
                yield Difference((*names, name), None, now[name], NEW)
            else:
                yield from _differences(before[name], now[name], tolerance, share, (*names, name))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for place, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(one, other, tolerance, share, (*names, str(place)))
    elif not _alike(before, now, tolerance, share):
        yield Difference(names, before, now, "")


def _alike(before: Any, now: Any, tolerance: Tolerance, share: float | None) -> bool:
    if type(before) is bool or type(now) is bool or not _are_numbers(before, now):
        # In Python, but not in JSON, True equals 1.
        return type(before) is type(now) and bool(before == now)
    if before == now:
        return True
    if tolerance is Tolerance.SHARE:
        return abs(now - before) <= (share or 0.0) * abs(before)
    if tolerance is Tolerance.MAGNITUDE and (before < 0) == (now < 0):
        # Nothing and one are alike: both are next to nothing.
        one, other = max(abs(before), 1), max(abs(now), 1)
        return abs(math.log10(other) - math.log10(one)) < _SAME_MAGNITUDE
    return False


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)
