"""A file's cells before anybody has decided where the headings are."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits


@dataclass
class Grid:
    """Cells as texts, row by row.

    Attributes:
        frame: Columns `0`, `1`, and so on; null where a cell is empty or holds blanks only.
        lines: The physical line or the row of the sheet of each row, from 1.
        notes: What happened in reading, in words.
        merged: For sheets, the merged areas as (first row, first column, last row, last column), from 0.
        doubtful: Rows of the frame (from 0) whose cells may stand in wrong columns, with the reason.
    """

    frame: pl.DataFrame
    lines: list[int]
    notes: list[str] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    doubtful: dict[int, str] = field(default_factory=dict)


def check_cells(frame: pl.DataFrame, name: str, limits: ReadingLimits) -> None:
    """Refuse a table with a cell that is too long.

    Raises:
        ReadingError: there is one.
    """
    longest = max((frame[column].str.len_chars().max() or 0 for column in frame.columns), default=0)
    if isinstance(longest, int) and longest > limits.cell_characters:
        raise ReadingError(
            f"{name} has a cell of {longest:,} characters; at most {limits.cell_characters:,} are read in one cell."
        )


def without_blanks(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with null for cells that hold blanks only."""
    return frame.with_columns(
        pl.when(pl.all().str.strip_chars().str.len_bytes() > 0).then(pl.all()).otherwise(None).name.keep()
    )
