"""JSON values as flat records: a column for each path."""

from __future__ import annotations

from typing import Any

import polars as pl

from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
from workflows.asset_discovery.reading.shapes import folded

LIST_SEPARATOR = "; "
"""Between the values of a list in one cell."""
_KEY_NAMES = frozenset({"key", "name", "tagkey", "label"})
_VALUE_NAMES = frozenset({"value", "val", "tagvalue"})

Flat = dict[str, str]


def flatten(value: Any, path: str, into: Flat, limits: ReadingLimits) -> None:
    """Put the texts of a value into a flat record, by their paths.

    Lists of keys and values, as clouds tag things, become a path for each key. The values of other lists are joined.

    Raises:
        ReadingError: it has too many levels.
    """
    waiting: list[tuple[Any, str, int]] = [(value, path, 0)]
    while waiting:
        value, path, depth = waiting.pop()
        if depth > limits.depth:
            raise ReadingError(f"The JSON has more than {limits.depth} levels.")
        if isinstance(value, dict):
            if not value and path:
                into.setdefault(path, "")
            waiting += [(inner, f"{path}.{key}" if path else key, depth + 1) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += _of_list(value, path, depth, into)
        else:
            _add(into, path, text_of(value))


def _of_list(values: list[Any], path: str, depth: int, into: Flat) -> list[tuple[Any, str, int]]:
    if not values:
        into.setdefault(path, "")
        return []
    names = tag_names(values)
    if names:
        return [(item[names[1]], f"{path}.{folded(str(item[names[0]]))}", depth + 1) for item in reversed(values)]
    inside = f"{path}[]" if any(isinstance(item, dict) for item in values) else path
    return [(item, inside, depth + 1) for item in reversed(values)]


def tag_names(values: list[Any]) -> tuple[str, str] | None:
    """Return what the key and the value are called in a list of keys and values; None for any other list."""
    first = values[0]
    if not isinstance(first, dict) or not 2 <= len(first) <= 3:
        return None
    keys = [name for name in first if name.lower() in _KEY_NAMES]
    texts = [name for name in first if name.lower() in _VALUE_NAMES]
    if len(keys) != 1 or len(texts) != 1:
        return None
    key, text = keys[0], texts[0]
    for item in values:
        if not isinstance(item, dict) or key not in item or text not in item or isinstance(item[key], dict | list):
            return None
    return key, text


def text_of(value: Any) -> str:
    """Return a JSON value that is neither an object nor a list as it stands in the file."""
    if value is None:
        return ""
    if value is True:
        return "true"
    return "false" if value is False else str(value)


def _add(into: Flat, path: str, text: str) -> None:
    before = into.get(path)
    into[path] = text if not before else f"{before}{LIST_SEPARATOR}{text}" if text else before


def frame_of(records: list[Flat], name: str, limits: ReadingLimits) -> pl.DataFrame:
    """Return flat records as a frame, with the columns in the order of their first appearance.

    Raises:
        ReadingError: there are too many.
    """
    paths: dict[str, None] = {}
    for record in records:
        if not paths.keys() >= record.keys():
            paths |= dict.fromkeys(record)
    _join_spellings(paths, records)
    named = [path for path in paths if not _holds_nothing(path, paths, records)]
    limits.check_table(name, len(records), len(named))
    return pl.DataFrame([pl.Series(path, [record.get(path) for record in records], dtype=pl.String) for path in named])


def _join_spellings(paths: dict[str, None], records: list[Flat]) -> None:
    """Make one column of paths that differ in their case only, unless a record has two of them: `owner` and `Owner`."""
    spellings: dict[str, list[str]] = {}
    for path in paths:
        spellings.setdefault(path.casefold(), []).append(path)
    for first, *others in spellings.values():
        for other in others:
            if any(other in record and first in record for record in records):
                continue
            del paths[other]
            for record in records:
                if other in record:
                    record[first] = record.pop(other)


def _holds_nothing(path: str, paths: dict[str, None], records: list[Flat]) -> bool:
    """Tell whether a path is that of an object or list which is null or empty in some records only."""
    return any(other.startswith((f"{path}.", f"{path}[]")) for other in paths) and not any(
        record.get(path) for record in records
    )
