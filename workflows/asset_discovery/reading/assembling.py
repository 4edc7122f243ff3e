"""From a grid to a table: headings, records, and what is wrong with rows."""

from __future__ import annotations

import polars as pl

from workflows.asset_discovery.reading.grids import Grid
from workflows.asset_discovery.reading.hazards import LINE_BREAKS, LOST_DIGITS, hazards
from workflows.asset_discovery.reading.headings import Headings, find_headings
from workflows.asset_discovery.reading.shapes import folded, unique_keys
from workflows.asset_discovery.reading.structure import structure_problems
from workflows.asset_discovery.tables import Column, ProblemKind, RowProblem, Table

LONGEST_VALUE = 200
MOST_HAZARDS = 5_000
"""Hazards of one table that are listed one by one."""


def assemble(grid: Grid, file: str, sheet: str = "") -> Table:
    """Return the table of a grid."""
    headings = find_headings(grid)
    frame = grid.frame
    notes = [*_titles(grid, headings), *grid.notes]
    kept = _kept_columns(frame, headings)
    keys = unique_keys(headings.keys[place] for place in range(frame.width))
    columns = tuple(Column(keys[place], headings.texts[place].strip(), position) for position, place in enumerate(kept))
    frame = frame.select(frame.columns[place] for place in kept)
    offset = headings.last + 1
    data = frame.slice(offset).rename(dict(zip(frame.columns, (column.key for column in columns), strict=True)))
    data, filled = _filled_down(data, grid, kept, offset)
    notes += filled
    if headings.first is not None:
        notes += _heading_hazards(headings)
    shown = tuple(headings.texts[place] for place in kept) if headings.first is not None else ()
    why = structure_problems(data, shown, _merged_rows(grid, offset))
    lines = grid.lines[offset:]
    table = with_problems(data, lines, why, file=file, sheet=sheet, columns=columns)
    table.notes = notes
    table.header_row = grid.lines[headings.first] if headings.first is not None else None
    _add_doubtful(table, grid, offset, why)
    if headings.first is not None:
        _add_longer(table)
    return table


def with_problems(
    data: pl.DataFrame,
    lines: list[int] | None,
    why: dict[int, str],
    *,
    file: str,
    sheet: str,
    columns: tuple[Column, ...],
) -> Table:
    """Return the table of all data records, of which some are no assets."""
    row_lines: list[int | None] = list(lines) if lines is not None else [None] * data.height
    problems = [
        RowProblem(row + 1, row_lines[row], ProblemKind.STRUCTURE, text, value=_summary(data.row(row)))
        for row, text in why.items()
    ]
    kept = [row for row in range(data.height) if row not in why]
    assets = data[kept] if why else data
    rows = tuple(row + 1 for row in kept)
    asset_lines = tuple(row_lines[row] for row in kept)
    table = Table(file, sheet, columns, assets, rows, asset_lines, problems)
    _add_hazards(table)
    return table


def _add_hazards(table: Table) -> None:
    more = 0
    for row, column, words, text in hazards(table.frame):
        if len(table.problems) >= MOST_HAZARDS:
            more += 1
            continue
        table.problems.append(
            RowProblem(table.rows[row], table.lines[row], ProblemKind.HAZARD, f"{words}.", column, text[:LONGEST_VALUE])
        )
    if more:
        table.notes.append(f"{more:,} more cells could do harm; they are not listed.")


def _add_doubtful(table: Table, grid: Grid, offset: int, why: dict[int, str]) -> None:
    for row, words in grid.doubtful.items():
        if row >= offset and row - offset not in why:
            table.problems.append(RowProblem(row - offset + 1, grid.lines[row], ProblemKind.HAZARD, words))


def _add_longer(table: Table) -> None:
    """Name the rows that have more cells than there are headings: a delimiter within a cell may have shifted others."""
    named = max((column.position for column in table.columns if column.heading), default=-1)
    more = [column.key for column in table.columns if column.position > named]
    if not more or table.frame.height < 2:
        return
    longer = table.frame.select(pl.any_horizontal(pl.col(more).is_not_null()).alias("longer"))["longer"]
    if longer.sum() > 0.5 * table.frame.height:
        return
    words = "The row has more cells than there are headings; its cells may stand in wrong columns."
    for row in longer.arg_true().head(MOST_HAZARDS):
        table.problems.append(
            RowProblem(
                table.rows[row], table.lines[row], ProblemKind.HAZARD, words, value=_summary(table.frame.row(row))
            )
        )


def _summary(cells: tuple[str | None, ...]) -> str:
    return " | ".join(cell.strip() for cell in cells if cell is not None)[:LONGEST_VALUE]


def _titles(grid: Grid, headings: Headings) -> list[str]:
    above = headings.first if headings.first is not None else headings.last + 1
    return [
        f"Line {grid.lines[row]:,} is a title: {folded(_summary(cells))}"
        for row, cells in enumerate(grid.frame.head(above).iter_rows())
        if any(cell is not None for cell in cells)
    ]


def _heading_hazards(headings: Headings) -> list[str]:
    frame = pl.DataFrame({"heading": pl.Series([text for text in headings.texts if text], dtype=pl.String)})
    found = [
        f"The heading “{folded(text)[:60]}”: {words}."
        for _, _, words, text in hazards(frame)
        if words not in (LINE_BREAKS, LOST_DIGITS)
    ]
    return found[:20]


def _kept_columns(frame: pl.DataFrame, headings: Headings) -> list[int]:
    """Return the columns without those at the edges that have neither a heading nor a value.

    Without headings, all of them are kept: a column that is empty in this file has its place.
    """
    width = frame.width
    if headings.first is None:
        return list(range(width))
    below = frame.slice(headings.last + 1)
    empty = {
        place
        for place, text in enumerate(headings.texts)
        if not text and below.to_series(place).null_count() == below.height
    }
    first = 0
    while width > 1 and width - 1 in empty:
        width -= 1
    while first < width - 1 and first in empty:
        first += 1
    return list(range(first, width))


def _merged_rows(grid: Grid, offset: int) -> set[int]:
    return {
        top - offset
        for top, left, bottom, right in grid.merged
        if top == bottom and right - left >= 2 and top >= offset
    }


def _filled_down(data: pl.DataFrame, grid: Grid, kept: list[int], offset: int) -> tuple[pl.DataFrame, list[str]]:
    """Give each cell of an area that was merged over rows the area's value, which a sheet keeps in its first cell."""
    notes: list[str] = []
    changed: dict[str, list[str | None]] = {}
    for top, left, bottom, right in grid.merged:
        if bottom <= top or left != right or left not in kept or bottom < offset:
            continue
        name = data.columns[kept.index(left)]
        cells = changed.setdefault(name, data[name].to_list())
        value = cells[top - offset] if top >= offset else None
        if value is None:
            continue
        for row in range(top + 1 - offset, min(bottom + 1 - offset, len(cells))):
            cells[row] = value if cells[row] is None else cells[row]
        last = grid.lines[top] + bottom - top
        notes.append(f"{name}: one merged cell counts for each of its rows, {grid.lines[top]:,} to {last:,}.")
    for name, cells in changed.items():
        data = data.with_columns(pl.Series(name, cells, dtype=pl.String))
    return data, notes[:20]
