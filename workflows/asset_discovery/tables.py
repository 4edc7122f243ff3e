"""Tables as they were read from a file, before anybody has decided what their columns mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


class ProblemKind(StrEnum):
    """What is wrong with a row.

    `STRUCTURE`: it is not an asset (blank, a section, a total, a repeated heading, a broken line). `IDENTITY`: it has
    no name, FQDN, IP address, MAC address, or serial number. `VALUE`: a cell of a typed field cannot be right.
    `HAZARD`: a cell that could do harm elsewhere, such as a formula, or that does not fit the field that was guessed
    for its column; the row remains valid.
    """

    STRUCTURE = "structure"
    IDENTITY = "identity"
    VALUE = "value"
    HAZARD = "hazard"


@dataclass(frozen=True)
class RowProblem:
    """Something that is wrong with a row, or with one of its cells.

    Attributes:
        row: The data record; the first one after the headings is 1.
        line: The physical line (CSV, JSON Lines) or the row of the sheet, from 1; None in JSON.
        kind: What is wrong.
        why: In words, for people.
        column: The key of the column; empty for the row as a whole.
        value: The cell as it was read, at most 200 characters of it; empty for the row as a whole.
    """

    row: int
    line: int | None
    kind: ProblemKind
    why: str
    column: str = ""
    value: str = ""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: Unique in its table: the heading with folded blanks; `name#2` for the second one called `name`; `#1` for
            the first without headings; in JSON the dotted path, with `[]` after a list; `Tags.KEY` in a list of keys
            and values.
        heading: The heading as it stands in the file; empty without headings.
        position: From 0.
    """

    key: str
    heading: str
    position: int


@dataclass
class Table:
    """One table of a file: a CSV file, a sheet, or a list of records.

    Attributes:
        file: The file's name.
        sheet: The sheet's name, or empty.
        columns: In the order of the file.
        frame: The cells as texts, a column for each key; null where there is none.
        rows: For each row of the frame the number of its data record, from 1.
        lines: For each row of the frame its physical line or row of the sheet, or None.
        problems: Rows that were not read as records, and cells that could do harm.
        encoding, delimiter: How a text file was read; empty for others.
        header_row: Line or row of the headings, from 1; None without headings.
        record_path: The path of the records in JSON, such as `Reservations[].Instances[]`; else empty.
        notes: What else happened in reading, in words, for people: titles above the headings, merged cells that were
            filled, a hidden sheet.
        other: Why it is not an inventory, in words; empty for one that is. It was read all the same.
    """

    file: str
    sheet: str
    columns: tuple[Column, ...]
    frame: pl.DataFrame
    rows: tuple[int, ...]
    lines: tuple[int | None, ...]
    problems: list[RowProblem] = field(default_factory=list)
    encoding: str = ""
    delimiter: str = ""
    header_row: int | None = None
    record_path: str = ""
    notes: list[str] = field(default_factory=list)
    other: str = ""

    @property
    def rows_total(self) -> int:
        """Data records, with those that are not assets."""
        return max([*self.rows[-1:], *(item.row for item in self.problems)], default=0)
