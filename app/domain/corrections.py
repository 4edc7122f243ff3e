"""What people changed in a proposal, value by value. Pure.

Lists are aligned by their items' ids or names, or by position if they have the same length, so that leaving out one
item does not look like a change of all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.domain.lessons import MAX_LESSONS, MAX_VALUE, Correction
from app.domain.patterns import has_secret
from app.domain.text import is_storable
from assent.digests import canonical
from assent.lessons import fillable_part
from assent.masking import mask
from assent.pointers import NoSuchPlaceError, pointer_of, tokens_of, value_at
from assent.situations import Correctable, situation_in


class _Gone:
    """What is no longer there."""


GONE = _Gone()
_NAMES = ("id", "name", "key", "heading", "column")
_MOST_LEAVES = 5_000


def corrections(before: dict[str, Any], after: dict[str, Any], stated: list[Correctable]) -> list[Correction]:
    """What people made of `before`: at the stated places, and wherever else a value of it was changed.

    Values that are too long, contain a secret, or decide who is asked are left out; so is what was left out or added.
    """
    found: list[Correction] = []
    at_places: list[str] = []
    for place in stated:
        at_places.append(place.path)
        try:
            old = value_at(before, place.path)
        except NoSuchPlaceError:
            continue
        new = counterpart(before, after, place.path)
        if new is not GONE and canonical(old) != canonical(new):
            found.append(Correction(place.path, old, new, place.situation))
    for path, old, new in _changed(before, after):
        if new is GONE or any(path == at or path.startswith(f"{at}/") for at in at_places):
            continue
        found.append(Correction(path, old, new, situation_in(before, path)))
    return [item for item in found if is_learnable(item, str(before.get("kind")))][:MAX_LESSONS]


def is_learnable(item: Correction, kind: str) -> bool:
    """True unless it is too long, contains a secret, or is about a part of the proposal that no lesson fills."""
    return bool(fillable_part(kind, item.path)) and not (problem_of(item.before) or problem_of(item.after))


def problem_of(value: Any) -> str:
    """Why a lesson cannot hold this value; empty if it can."""
    if len(canonical(value)) > MAX_VALUE:
        return f"it has more than {MAX_VALUE:,} characters"
    if has_secret(value) or mask(value)[1]:
        return "it contains a secret"
    return "" if all(map(is_storable, _texts(value))) else "it contains characters that cannot be stored"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            yield name
            yield from _texts(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside)
    elif isinstance(value, str):
        yield value


def counterpart(before: Any, after: Any, path: str) -> Any:
    """The value in `after` that stands where `path` points to in `before`; `GONE` if there is none."""
    place = counterpart_place(before, after, path)
    return GONE if place is None else value_at(after, place)


def counterpart_place(before: Any, after: Any, path: str) -> str | None:
    """Where in `after` the value stands to which `path` points in `before`; None if there is none.

    An agent states the path, so it may be anything.
    """
    if not path.startswith("/"):
        return None
    place: list[str] = []
    for token in tokens_of(path):
        if isinstance(before, dict) and isinstance(after, dict):
            if token not in before or token not in after:
                return None
            before, after = before[token], after[token]
        elif isinstance(before, list) and isinstance(after, list):
            if not (token.isascii() and token.isdigit()) or int(token) >= len(before):
                return None
            number, positions = int(token), _aligned(before, after)
            if positions is None or (position := positions[number]) is None:
                return None
            before, after = before[number], after[position]
            token = str(position)
        else:
            return None
        place.append(token)
    return pointer_of(place)


def _changed(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """The changed values: their paths in `before`, and what they were and are."""
    found: list[tuple[str, Any, Any]] = []
    for number, (tokens, old, new) in enumerate(_pairs(before, after, [])):
        if number >= _MOST_LEAVES:
            break
        if new is GONE or canonical(old) != canonical(new):
            found.append((pointer_of(tokens), old, new))
    return found


def _pairs(before: Any, after: Any, at: list[Any]) -> Iterator[tuple[list[Any], Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _pairs(value, after.get(name, GONE), [*at, name])
        return
    if isinstance(before, list) and isinstance(after, list) and (positions := _aligned(before, after)) is not None:
        for number, (value, position) in enumerate(zip(before, positions, strict=True)):
            yield from _pairs(value, GONE if position is None else after[position], [*at, number])
        return
    yield at, before, after


def _aligned(before: list[Any], after: list[Any]) -> list[int | None] | None:
    """The position in `after` of each item's counterpart, or None; None if they cannot be told apart."""
    for name in _NAMES:
        keys = [_key(item, name) for item in after]
        if before and None not in keys and len(set(keys)) == len(keys) and all(_key(item, name) for item in before):
            positions = {key: position for position, key in enumerate(keys)}
            return [positions.get(_key(item, name)) for item in before]
    return list(range(len(after))) if len(before) == len(after) else None


def _key(item: Any, name: str) -> str | None:
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, str) else None
