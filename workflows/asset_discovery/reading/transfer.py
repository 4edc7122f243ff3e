"""Tables on their way out of the sandbox: as JSON, with one text for each column, so that little memory is needed.

The code in the sandbox may have been taken over by the file that it reads. So `received` takes nothing for granted, and
polars meets nothing but texts that Python has decoded.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workflows.asset_discovery.reading.assembling import LONGEST_VALUE, MOST_HAZARDS
from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
from workflows.asset_discovery.tables import Column, ProblemKind, RowProblem, Table

_BETWEEN, _NOTHING = "\x1e", "\x1d"
_LONGEST_WORDS = 2_000
_MOST_NOTES = 200


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _SentProblem(_Sent):
    row: int = Field(ge=1)
    line: int | None = Field(ge=1)
    kind: str
    why: str = Field(max_length=_LONGEST_WORDS)
    column: str
    value: str = Field(max_length=LONGEST_VALUE)


class _SentTable(_Sent):
    sheet: str = Field(max_length=_LONGEST_WORDS)
    keys: list[str]
    headings: list[str]
    cells: list[str | list[str | None]]
    rows: list[int]
    lines: list[int | None]
    problems: list[_SentProblem]
    encoding: str = Field(max_length=100)
    delimiter: str = Field(max_length=10)
    header_row: int | None
    record_path: str = Field(max_length=_LONGEST_WORDS)
    notes: list[str] = Field(max_length=_MOST_NOTES)
    other: str = Field(max_length=_LONGEST_WORDS)


def sent(tables: list[Table]) -> list[dict[str, Any]]:
    """Return tables as JSON."""
    return [
        {
            "sheet": table.sheet[:_LONGEST_WORDS],
            "keys": [column.key for column in table.columns],
            "headings": [column.heading for column in table.columns],
            "cells": [_cells_sent(table.frame[column.key]) for column in table.columns],
            "rows": list(table.rows),
            "lines": list(table.lines),
            "problems": [
                {
                    "row": item.row, "line": item.line, "kind": item.kind.value, "why": item.why[:_LONGEST_WORDS],
                    "column": item.column, "value": item.value,
                }
                for item in table.problems
            ],
            "encoding": table.encoding,
            "delimiter": table.delimiter,
            "header_row": table.header_row,
            "record_path": table.record_path[:_LONGEST_WORDS],
            "notes": [note[:_LONGEST_WORDS] for note in table.notes[:_MOST_NOTES]],
            "other": table.other,
        }
        for table in tables
    ]  # fmt: skip


def _cells_sent(column: pl.Series) -> str | list[str | None]:
    marked = column.str.contains_any([_BETWEEN, _NOTHING]).any()
    if marked or not len(column):
        return column.to_list()
    text: str = column.fill_null(_NOTHING).str.join(_BETWEEN).item()
    return text


def received(document: Any, file: str, limits: ReadingLimits) -> list[Table]:
    """Return the tables that the sandbox has sent.

    Raises:
        ReadingError: they are not what `sent` makes of tables.
    """
    try:
        if not isinstance(document, list) or len(document) > limits.tables:
            raise ValueError("no list of tables")
        tables = []
        for place in range(len(document)):
            tables.append(_received(_SentTable.model_validate(document[place]), file, limits))
            document[place] = None
        return tables
    except (ValidationError, ValueError, RecursionError) as error:
        raise ReadingError(f"{file} could not be read: the sandbox has returned no valid tables.") from error


def _received(table: _SentTable, file: str, limits: ReadingLimits) -> Table:
    height = len(table.rows)
    keys = table.keys
    if len(set(keys)) != len(keys) or len(table.cells) != len(keys) or len(table.lines) != height:
        raise ValueError("columns or rows that do not fit each other")
    if table.rows != sorted(set(table.rows)) or (table.rows and table.rows[0] < 1):
        raise ValueError("rows in a wrong order")
    limits.check_table(file, height, len(keys))
    series = []
    for key, cells in zip(keys, table.cells, strict=True):
        values = cells if isinstance(cells, list) else [*map(_value, cells.split(_BETWEEN))]
        if len(values) != height:
            raise ValueError("a column of another height")
        series.append(pl.Series(key, values, dtype=pl.String))
    table.cells.clear()
    problems = [
        RowProblem(item.row, item.line, ProblemKind(item.kind), item.why, item.column, item.value)
        for item in table.problems[: limits.rows + MOST_HAZARDS]
    ]
    columns = tuple(
        Column(key, heading, place) for place, (key, heading) in enumerate(zip(keys, table.headings, strict=True))
    )
    return Table(
        file, table.sheet, columns, pl.DataFrame(series), tuple(table.rows), tuple(table.lines), problems,
        table.encoding, table.delimiter, table.header_row, table.record_path, table.notes, table.other,
    )  # fmt: skip


def _value(text: str) -> str | None:
    return None if text == _NOTHING else text
