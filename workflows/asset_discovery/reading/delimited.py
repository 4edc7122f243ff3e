"""Delimited text as a grid: Python's `csv` reads the records, and quotes that are never closed cost one line only."""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import TextIO

import polars as pl

from workflows.asset_discovery.reading.aligned import gaps_of, split
from workflows.asset_discovery.reading.dialects import Dialect, dialect_of, ditto_marks
from workflows.asset_discovery.reading.grids import Grid, without_blanks
from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits

_BATCH = 20_000
_LINES_TRIED = 200
_LONGEST_RECORD = 500
"""Lines of one record; with more, its quote was never closed."""
_FILLING = re.compile(r"[\x1a\x00]+(?=[\r\n]*$)|^\x00+(?=\S)")
"""What is no text at the ends of a line: Ctrl-Z, which ended files once, and NUL, which fills up blocks."""


class _RunawayError(Exception):
    """A record goes on for too many lines."""


class _Lines:
    """Physical lines, counted; those of the last record can be given back."""

    def __init__(self, stream: TextIO, limits: ReadingLimits, ditto: re.Pattern[str] | None) -> None:
        self._stream = stream
        self._ditto = ditto
        self._waiting: deque[str] = deque()
        self._limits = limits
        self.record: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record) >= _LONGEST_RECORD:
            raise _RunawayError
        line = self._waiting.popleft() if self._waiting else self._stream.readline(self._limits.line_characters)
        if not line:
            raise StopIteration
        if len(line) >= self._limits.line_characters:
            raise ReadingError(
                f"Line {self.number + 1:,} has more than {len(line):,} characters, too many for a record."
            )
        self.number += 1
        if "\x1a" in line or "\x00" in line:
            line = _FILLING.sub("", line)
        if self._ditto is not None and '"' in line:
            line = self._ditto.sub('""""', line)
        self.record.append(line)
        return line

    def give_back(self) -> str:
        """Return the first line of this data row; the others are read again."""
        first, *others = self.record
        self._waiting.extendleft(reversed(others))
        self.number -= len(others)
        self.record = [first]
        return first


class DelimitedReader:
    """The records of a delimited text, with the line where each begins."""

    def __init__(self, text: TextIO, dialect: Dialect, limits: ReadingLimits) -> None:
        self.dialect = dialect
        self.limits = limits
        self.empty_lines: list[int] = []
        self.broken: list[int] = []
        self._lines = _Lines(text, limits, ditto_marks(dialect.delimiter) if dialect.ditto else None)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line, from 1, and the cells of each record; physical lines without anything are left out."""
        lines, reader = self._lines, self._reader(self._lines)
        while True:
            lines.record = []
            start = lines.number + 1
            try:
                row = next(reader, None)
            except (_RunawayError, csv.Error) as error:
                if not lines.record or (isinstance(error, csv.Error) and len(lines.record) == 1):
                    raise ReadingError(f"Line {start:,} cannot be read as a record: {error}.") from error
                row, reader = self._unquoted(start), self._reader(lines)
            if row is None:
                return
            if self._runs_on(row) if len(lines.record) > 1 else self._is_cut(row):
                row = self._unquoted(start)
                reader = self._reader(lines)
            if row:
                yield start, row
            else:
                self.empty_lines.append(start)

    def _reader(self, lines: Iterator[str], quoting: bool = True) -> Iterator[list[str]]:
        dialect = self.dialect
        csv.field_size_limit(self.limits.cell_characters)
        return csv.reader(
            lines, delimiter=dialect.delimiter or "\x1c", quotechar=dialect.quote, escapechar=dialect.escape or None,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
        )  # fmt: skip

    def _unquoted(self, start: int) -> list[str]:
        """Return the cells of a row's first line, without regard to quotes."""
        self.broken.append(start)
        if len(self.broken) > 5_000:
            raise ReadingError("More than 5,000 lines have a quote that is never closed; the file is damaged.")
        quote = self.dialect.quote
        row = next(self._reader(iter([self._lines.give_back()]), quoting=False), [])
        return [cell[1:] if cell.startswith(quote) else cell for cell in row]

    def _is_cut(self, row: list[str]) -> bool:
        """Tell whether the last line of the file ends within a quoted cell."""
        if len(row) == self.dialect.width or not self._ends_open():
            return False
        try:
            next(csv.reader(self._lines.record, delimiter=self.dialect.delimiter or "\x1c", strict=True), None)
        except csv.Error as error:
            return "unexpected end" in str(error)
        return False

    def _runs_on(self, row: list[str]) -> bool:
        """Tell whether a record of several lines has swallowed records, as its quote was never closed."""
        width = self.dialect.width
        if width < 3:
            return self._ends_open()
        lines = self._lines.record
        for line in lines[1:-1]:
            if self.dialect.quote in line and not self._opens_first(line):
                continue  # it ends a cell of this record
            if len(next(self._reader(iter([line]), quoting=False), [])) == width:
                return True
        last = next(self._reader(iter([lines[-1]]), quoting=False), [])
        if len(last) == width and (len(row) != width or self._opens_first(lines[-1])):
            return True
        return len(row) != width and self._ends_open()

    def _opens_first(self, line: str) -> bool:
        """Tell whether the first quote of a line opens a cell rather than closing one."""
        quote, delimiter = self.dialect.quote, self.dialect.delimiter
        at = line.replace(quote * 2, "xx").find(quote)
        return (
            at >= 0
            and line[at - 1 : at] in ("", delimiter)
            and line[at + 1 : at + 2] not in ("", delimiter, "\r", "\n")
        )

    def _ends_open(self) -> bool:
        """Tell whether the file ends within a quoted cell."""
        return "".join(self._lines.record).count(self.dialect.quote) % 2 == 1


def read_single(text: TextIO, dialect: Dialect, limits: ReadingLimits, sample: str) -> tuple[Grid, str]:
    """Return the cells of a text without a delimiter, and the delimiter that was found within its cells, if any.

    Its columns may be aligned by blanks. Or each line may be quoted as a whole, as happens when a file is saved twice.

    Raises:
        ReadingError: it is larger than the limits allow, or damaged.
    """
    starts = gaps_of(sample)
    if starts:
        grid = read_delimited(text, dialect, limits, lambda cell: split(cell, starts))
        grid.notes.append("The columns are aligned by blanks.")
        return grid, ""
    if sample.count('"') > 1:
        inner = dialect_of("\n".join(row[0] for row in csv.reader(sample.splitlines()[:_LINES_TRIED]) if row))
        if inner.delimiter and inner.width > 2:
            grid = read_delimited(text, dialect, limits, lambda cell: _inner(cell, inner.delimiter))
            grid.notes.append("Each line is quoted as a whole; its cells were read.")
            return grid, inner.delimiter
    return read_delimited(text, dialect, limits), ""


def _inner(cell: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([cell], delimiter=delimiter), [])
    except csv.Error:  # a line break without quotes
        return [cell]


def read_delimited(
    text: TextIO, dialect: Dialect, limits: ReadingLimits, split_cell: Callable[[str], list[str]] | None = None
) -> Grid:
    """Return the cells of a delimited text, which is read line by line.

    Args:
        split_cell: makes cells of the only one of each record.

    Raises:
        ReadingError: it is larger than the limits allow, or damaged.
    """
    reader = DelimitedReader(text, dialect, limits)
    frames: list[pl.DataFrame] = []
    lines: list[int] = []
    batch: list[list[str]] = []
    width = 1
    for start, row in reader.records():
        if dialect.says and start == 1:
            continue
        if split_cell is not None:
            row = split_cell(row[0])
        lines.append(start)
        batch.append(row)
        width = max(width, len(row))
        if len(batch) == _BATCH:
            limits.check_table("The file", len(lines), width)
            frames.append(_frame(batch))
            batch = []
    limits.check_table("The file", len(lines), width)
    if batch or not frames:
        frames.append(_frame(batch))
    grid = Grid(without_blanks(pl.concat(frames, how="diagonal", rechunk=True)), lines)
    if reader.empty_lines:
        grid.notes.append(f"Empty lines, which are no records: {_listed(reader.empty_lines)}.")
    for line in reader.broken:
        grid.doubtful[bisect_left(lines, line)] = (
            "A quote in it is never closed; it was read up to the end of its line."
        )
    return grid


def _frame(rows: list[list[str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [pl.Series(str(place), column, dtype=pl.String) for place, column in enumerate(zip_longest(*rows))]
    )


def _listed(numbers: list[int]) -> str:
    more = f", and {len(numbers) - 10:,} more" if len(numbers) > 10 else ""
    return ", ".join(f"{number:,}" for number in numbers[:10]) + more
