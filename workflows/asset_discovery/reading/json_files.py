"""JSON and JSON Lines as tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TextIO

import polars as pl

from workflows.asset_discovery.reading.assembling import assemble, with_problems
from workflows.asset_discovery.reading.grids import Grid, without_blanks
from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
from workflows.asset_discovery.reading.record_paths import RecordPath, Step, path_text, record_paths
from workflows.asset_discovery.reading.records import Flat, Flattener, Gathered, cell_of, rows_of
from workflows.asset_discovery.reading.shapes import folded
from workflows.asset_discovery.tables import Column, Table

NAME_KEY = "(name)"
"""The last part of the column that holds the names of an object's entries, where records are keyed by name."""
_NO_OBJECT = "No object, so no record."
_BETWEEN = re.compile(r"[\s,\x1e]*")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; what it says twice becomes a list, as nothing may be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for key in {key for key in found if sum(other == key for other, _ in pairs) > 1}:
            found[key] = [value for other, value in pairs if other == key]
    return found


_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)


def load(text: str) -> Any:
    """Return a JSON document with numbers as they stand in the file, so that no digit is lost.

    Raises:
        ValueError: it is no JSON, or has too many levels.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it has too many levels") from None


def load_all(text: str) -> list[Any]:
    """Return the documents of a text that has one after the other, as programs print them.

    Raises:
        ValueError: one of them is no JSON, or has too many levels.
    """
    documents = []
    place = 0
    try:
        while place < len(text):
            document, place = _DECODER.raw_decode(text, place)
            documents.append(document)
            place = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]  # it matches anywhere
    except RecursionError:
        raise ValueError("it has too many levels") from None
    return documents


def read_json(document: Any, file: str, limits: ReadingLimits) -> list[Table]:
    """Return the tables of a document, the likeliest inventory first.

    Raises:
        ReadingError: there are no records in it, or it is larger than the limits allow.
    """
    cells = rows_of(document)
    if cells is not None:
        return [_of_rows(cells, file, limits)]
    if isinstance(document, dict) and not any(isinstance(inner, dict | list) for inner in document.values()):
        document = [document]
    paths = record_paths(document, limits)
    if not paths and isinstance(document, dict) and document:
        document = [document]
        paths = record_paths(document, limits)
    if not paths:
        raise ReadingError(f"{file} is JSON without any list of objects, so it has no records.")
    tables = [_table(document, path, file, limits, alone=len(paths) == 1) for path in paths]
    left = _left_out(document, [path.steps for path in paths])
    if left:
        tables[0].notes.append(f"Parts of the document that hold no records were left out: {', '.join(left)}.")
    return tables


def _of_rows(cells: list[list[Any]], file: str, limits: ReadingLimits) -> Table:
    width = max(map(len, cells))
    limits.check_table(file, len(cells), width)
    columns = [
        pl.Series(str(place), [cell_of(row[place]) if place < len(row) else None for row in cells], dtype=pl.String)
        for place in range(width)
    ]
    table = assemble(Grid(without_blanks(pl.DataFrame(columns)), list(range(1, len(cells) + 1))), file)
    table.lines = (None,) * len(table.lines)
    table.problems = [replace(item, line=None) for item in table.problems]
    table.header_row = None if table.header_row is None else 1
    return table


def _left_out(document: Any, paths: list[tuple[Step, ...]]) -> list[str]:
    """Return the keys of the outermost object that hold something, and none of the records."""
    if not isinstance(document, dict) or ("{}",) in [path[:1] for path in paths]:
        return []
    taken = {path[0] for path in paths}
    return [
        folded(key) for key, inner in document.items() if isinstance(inner, dict | list) and inner and key not in taken
    ][:20]


def _table(document: Any, path: RecordPath, file: str, limits: ReadingLimits, alone: bool) -> Table:
    gathered = Gathered(file, limits)
    flattener = Flattener(limits)
    why: dict[int, str] = {}
    place = _column_path(path.steps)
    for value, above in _records(document, path.steps, (), {}, flattener):
        flat = dict(above)
        if isinstance(value, dict):
            flattener.flatten(value, place, flat)
        else:
            why[gathered.count] = _NO_OBJECT
        gathered.add(flat)
    table = _of_records(gathered, None, why, file, "" if alone else str(path))
    table.record_path = str(path)
    return table


def _column_path(steps: tuple[Step, ...]) -> str:
    return "" if steps in (("[]",), ("{}",)) else path_text(steps)


def _records(
    value: Any, steps: tuple[Step, ...], done: tuple[Step, ...], above: Flat, flattener: Flattener
) -> Iterator[tuple[Any, Flat]]:
    """Yield the records below a value, with what the objects above them say."""
    if not steps:
        yield value, above
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        for item in value if isinstance(value, list) else []:
            yield from _records(item, rest, (*done, step), above, flattener)
    elif step == "{}":
        path = f"{_column_path((*done, step))}.{NAME_KEY}".lstrip(".")
        for name, item in value.items() if isinstance(value, dict) else []:
            yield from _records(item, rest, (*done, step), {**above, path: name}, flattener)
    elif isinstance(value, dict) and step in value:
        beside = dict(above)
        # An item of a list says what its records have in common; an object around the list is more often an envelope.
        item = bool(done) and done[-1] in ("[]", "{}")
        own = {
            key: inner
            for key, inner in value.items()
            if key != step and not (_is_collection(inner) if item else isinstance(inner, dict | list))
        }
        flattener.flatten(own, _column_path(done), beside)
        yield from _records(value[step], rest, (*done, step), beside, flattener)


def _is_collection(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _of_records(gathered: Gathered, lines: list[int] | None, why: dict[int, str], file: str, sheet: str = "") -> Table:
    frame = gathered.frame()
    columns = tuple(Column(name, name, place) for place, name in enumerate(frame.columns))
    return with_problems(frame, lines, why, file=file, sheet=sheet, columns=columns)


def read_json_lines(text: TextIO, file: str, limits: ReadingLimits) -> list[Table]:
    """Return the table of a text with one JSON object in each line; empty lines are no records.

    Raises:
        ReadingError: no line is an object, or it is larger than the limits allow.
    """
    gathered = Gathered(file, limits)
    flattener = Flattener(limits)
    lines: list[int] = []
    why: dict[int, str] = {}
    for number, line in _lines(text, limits):
        flat: Flat = {}
        try:
            value = load(line.removesuffix(","))
            if isinstance(value, dict):
                flattener.flatten(value, "", flat)
            else:
                why[gathered.count] = _NO_OBJECT
        except ValueError as error:
            why[gathered.count] = f"The line is no JSON: {error}."
        lines.append(number)
        gathered.add(flat)
    if len(why) == gathered.count:
        raise ReadingError(f"{file} has no line that is a JSON object.")
    table = _of_records(gathered, lines, why, file)
    table.record_path = "$"
    return [table]


def _lines(text: TextIO, limits: ReadingLimits) -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, and the text of each line that is not empty."""
    number = 0
    while line := text.readline(limits.line_characters):
        number += 1
        if len(line) >= limits.line_characters:
            raise ReadingError(f"Line {number:,} has more than {len(line):,} characters, too many for a record.")
        line = line.strip("\r\n\t \x1a\x00\x1e\ufeff")
        if line:
            yield number, line
