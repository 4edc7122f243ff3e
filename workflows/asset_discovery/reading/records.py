"""JSON values as flat records: a column for each path."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from workflows.asset_discovery.reading.grids import check_cells
from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
from workflows.asset_discovery.reading.shapes import folded

LIST_SEPARATOR = "; "
"""Between the values of a list in one cell."""
_BATCH = 10_000
_KEY_NAMES = frozenset({"key", "name", "tagkey", "label"})
_VALUE_NAMES = frozenset({"value", "val", "tagvalue"})

_ENDS = re.compile(r"\.|\[\]")

Flat = dict[str, str]


class Flattener:
    """Makes flat records of JSON objects. Paths are put together once, however many records have them."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self._paths: dict[str, dict[str, str]] = {}

    def flatten(self, value: dict[str, Any], path: str, into: Flat) -> None:
        """Put the texts of an object into a flat record, by their paths.

        Lists of keys and values, as clouds have for tags, become a path for each key. Values of other lists are joined.

        Raises:
            ReadingError: it has too many levels, or too many paths.
        """
        if not value and path:
            into.setdefault(path, "")
        self._object(value, path, into, 0)

    def _object(self, value: dict[str, Any], path: str, into: Flat, depth: int) -> None:
        paths = self._paths.get(path)
        if paths is None:
            paths = self._paths[path] = {}
        for key, inner in value.items():
            place = paths.get(key)
            if place is None:
                place = paths[key] = self._joined(path, key)
            if type(inner) is str:
                _add(into, place, inner)
            else:
                self._other(inner, place, into, depth + 1)

    def _joined(self, path: str, key: str) -> str:
        if sum(map(len, self._paths.values())) > 4 * self._limits.columns:
            raise ReadingError(f"The JSON has more than {self._limits.columns:,} different paths; no more are read.")
        return f"{path}.{key}" if path else key

    def _other(self, value: Any, path: str, into: Flat, depth: int) -> None:
        if depth > self._limits.depth:
            raise ReadingError(f"The JSON has more than {self._limits.depth} levels.")
        if isinstance(value, dict):
            if not value:
                into.setdefault(path, "")
            self._object(value, path, into, depth)
        elif isinstance(value, list):
            self._list(value, path, into, depth)
        else:
            _add(into, path, text_of(value))

    def _list(self, values: list[Any], path: str, into: Flat, depth: int) -> None:
        if not values:
            into.setdefault(path, "")
            return
        names = tag_names(values)
        if names:
            key, text = names
            self._object({folded(str(item[key])): item[text] for item in values}, path, into, depth)
            return
        for item in values:
            self._other(item, f"{path}[]" if isinstance(item, dict) else path, into, depth + 1)


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
    seen = set()
    for item in values:
        if not isinstance(item, dict) or key not in item or text not in item or isinstance(item[key], dict | list):
            return None
        seen.add(folded(str(item[key])))
    return (key, text) if len(seen) == len(values) else None


def rows_of(document: Any) -> list[list[Any]] | None:
    """Return the rows of a document that holds a table as a list of lists, or a list of single values; else None.

    The headings may be the first row, or stand beside the rows, as in `{"columns": ["name"], "rows": [["srv1"]]}`.
    """
    if isinstance(document, list):
        return _even_rows(document)
    if not isinstance(document, dict):
        return None
    tables = [
        rows for inner in document.values() if isinstance(inner, list) and (rows := _even_rows(inner)) is not None
    ]
    grids = [rows for rows in tables if len(rows[0]) > 1]
    if len(grids) != 1 or any(isinstance(item, dict) for item in document.values()):
        return None
    width = max(map(len, grids[0]))
    for rows in tables:
        headings = [row[0] for row in rows]
        if len(rows) == width and rows is not grids[0] and all(isinstance(name, str) for name in headings):
            return [headings, *grids[0]]
    return grids[0]


def _even_rows(values: list[Any]) -> list[list[Any]] | None:
    if values and all(isinstance(item, list) for item in values):
        plain = all(not isinstance(cell, dict | list) for item in values for cell in item)
        return [item or [None] for item in values] if plain else None
    if values and all(isinstance(item, str) for item in values):
        return [[item] for item in values]
    return None


def cell_of(value: Any) -> str | None:
    """Return the text of a value, or None for an empty one."""
    return text_of(value) or None


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


class Gathered:
    """Flat records, kept as frames so that they need little memory."""

    def __init__(self, name: str, limits: ReadingLimits) -> None:
        self.count = 0
        self._name = name
        self._limits = limits
        self._batch: list[Flat] = []
        self._frames: list[pl.DataFrame] = []

    def add(self, record: Flat) -> None:
        """Keep a record. Raises ReadingError if there are too many, or too many columns."""
        self.count += 1
        self._batch.append(record)
        if len(self._batch) >= _BATCH:
            self._pack()

    def _pack(self) -> None:
        paths: dict[str, None] = {}
        for record in self._batch:
            if not paths.keys() >= record.keys():
                paths |= dict.fromkeys(record)
        self._limits.check_table(self._name, self.count, len(paths))
        self._frames.append(
            pl.DataFrame(
                {
                    path: pl.Series([record.get(path) or None for record in self._batch], dtype=pl.String)
                    for path in paths
                }
            )
            if paths
            else pl.DataFrame({"": pl.Series([None] * len(self._batch), dtype=pl.String)})
        )
        self._batch = []

    def frame(self) -> pl.DataFrame:
        """Return all records, with the columns in the order of their first appearance.

        Raises:
            ReadingError: there are too many columns.
        """
        if self._batch or not self._frames:
            self._pack()
        frame = pl.concat(self._frames, how="diagonal", rechunk=True)
        frame = frame.drop("", strict=False) if frame.width > 1 else frame
        frame = _without_holders(_with_one_spelling(frame))
        self._limits.check_table(self._name, frame.height, frame.width)
        check_cells(frame, self._name, self._limits)
        return frame


def _with_one_spelling(frame: pl.DataFrame) -> pl.DataFrame:
    """Make one column of paths that differ in their case only, unless a record has two of them: `owner` and `Owner`."""
    spellings: dict[str, list[str]] = {}
    for path in frame.columns:
        spellings.setdefault(path.casefold(), []).append(path)
    for first, *others in spellings.values():
        for other in others:
            if not (frame[first].is_not_null() & frame[other].is_not_null()).any():
                frame = frame.with_columns(pl.coalesce(first, other).alias(first)).drop(other)
    return frame


def _without_holders(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out the paths of objects and lists that are null or empty in some records, and hold something in others."""
    paths = frame.columns
    held = {path[: at.start()] for path in paths for at in _ENDS.finditer(path)}
    return frame.drop(path for path in paths if path in held and frame[path].null_count() == frame.height)
