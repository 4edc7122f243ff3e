"""JSON and JSON Lines as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from workflows.asset_discovery.reading.assembling import with_problems
from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
from workflows.asset_discovery.reading.record_paths import RecordPath, Step, path_text, record_paths
from workflows.asset_discovery.reading.records import Flat, flatten, frame_of
from workflows.asset_discovery.tables import Column, Table

NAME_KEY = "(name)"
"""The last part of the column that holds the names of an object's entries, where records are keyed by name."""
_NO_OBJECT = "No object, so no record."


def load(text: str) -> Any:
    """Return a JSON document with numbers as they stand in the file, so that no digit is lost.

    Raises:
        ValueError: it is no JSON, or has too many levels.
    """
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError as error:
        raise ValueError("it has too many levels") from error


def read_json(document: Any, file: str, limits: ReadingLimits) -> list[Table]:
    """Return the tables of a document, the likeliest inventory first.

    Raises:
        ReadingError: there are no records in it, or it is larger than the limits allow.
    """
    if isinstance(document, dict) and not any(isinstance(inner, dict | list) for inner in document.values()):
        document = [document]
    paths = record_paths(document, limits)
    if not paths and isinstance(document, dict) and document:
        document = [document]
        paths = record_paths(document, limits)
    if not paths:
        raise ReadingError(f"{file} is JSON without any list of objects, so it has no records.")
    return [_table(document, path, file, limits, alone=len(paths) == 1) for path in paths]


def _table(document: Any, path: RecordPath, file: str, limits: ReadingLimits, alone: bool) -> Table:
    records: list[Flat] = []
    why: dict[int, str] = {}
    for value, above in _records(document, path.steps, (), {}, limits):
        if not isinstance(value, dict):
            why[len(records)] = _NO_OBJECT
            records.append({})
            continue
        flat = dict(above)
        flatten(value, _column_path(path.steps), flat, limits)
        records.append(flat)
        if len(records) > limits.rows:
            limits.check_table(file, len(records), 1)
    table = _of_flat(records, None, why, file, limits, "" if alone else str(path))
    table.record_path = str(path)
    return table


def _column_path(steps: tuple[Step, ...]) -> str:
    return "" if steps == ("[]",) else path_text(steps)


def _records(
    value: Any, steps: tuple[Step, ...], done: tuple[Step, ...], above: Flat, limits: ReadingLimits
) -> Iterator[tuple[Any, Flat]]:
    """Yield the records below a value, with what the objects above them say."""
    if not steps:
        yield value, above
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        for item in value if isinstance(value, list) else []:
            yield from _records(item, rest, (*done, step), above, limits)
    elif step == "{}":
        for name, item in value.items() if isinstance(value, dict) else []:
            path = f"{path_text((*done, step))}.{NAME_KEY}"
            yield from _records(item, rest, (*done, step), {**above, path: name}, limits)
    elif isinstance(value, dict) and step in value:
        beside = dict(above)
        own = {key: inner for key, inner in value.items() if key != step and not _is_collection(inner)}
        flatten(own, _column_path(done), beside, limits)
        yield from _records(value[step], rest, (*done, step), beside, limits)


def _is_collection(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _of_flat(
    records: list[Flat], lines: list[int] | None, why: dict[int, str], file: str, limits: ReadingLimits, sheet: str = ""
) -> Table:
    frame = frame_of(records, file, limits)
    columns = tuple(Column(name, name, place) for place, name in enumerate(frame.columns))
    return with_problems(frame, lines, why, file=file, sheet=sheet, columns=columns)


def read_json_lines(text: str, file: str, limits: ReadingLimits) -> list[Table]:
    """Return the table of a text with one JSON object in each line; empty lines are no records.

    Raises:
        ReadingError: no line is an object, or it is larger than the limits allow.
    """
    records: list[Flat] = []
    lines: list[int] = []
    why: dict[int, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip("\r\t \x1a")
        if not line:
            continue
        flat: Flat = {}
        try:
            value = load(line.removesuffix(","))
            if isinstance(value, dict):
                flatten(value, "", flat, limits)
            else:
                why[len(records)] = _NO_OBJECT
        except ValueError as error:
            why[len(records)] = f"The line is no JSON: {error}."
        lines.append(number)
        records.append(flat)
        if len(records) > limits.rows:
            limits.check_table(file, len(records), 1)
    if len(why) == len(records):
        raise ReadingError(f"{file} has no line that is a JSON object.")
    table = _of_flat(records, lines, why, file, limits)
    table.record_path = "$"
    return [table]
