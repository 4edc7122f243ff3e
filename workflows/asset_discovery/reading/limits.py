"""How much is read, and the error that says why a file was not."""

from __future__ import annotations

from dataclasses import dataclass

from assent.toolbox.errors import ToolError

MEBIBYTE = 1 << 20


class ReadingError(ToolError):
    """The file cannot be read as an inventory. The message is a sentence for people that says why, and what to do."""

    final = True


@dataclass(frozen=True)
class ReadingLimits:
    """What a file may hold. A file with more is refused as a whole: half an inventory looks like a whole one.

    Attributes:
        file_bytes: Size of the file.
        unpacked_bytes: Size of everything that a workbook or a gzip file holds, as it would be on disk. That is checked
            before anything is unpacked, or while it is.
        rows: Rows of one table.
        columns: Columns of one table; JSON has one for each path.
        cells: Rows times columns of one table.
        cell_characters: Characters of one cell.
        line_characters: Characters of one physical line.
        depth: Levels of JSON.
        tables: Sheets of a workbook, or lists of records in JSON.
    """

    file_bytes: int = 256 * MEBIBYTE
    unpacked_bytes: int = 1024 * MEBIBYTE
    rows: int = 500_000
    columns: int = 2_000
    cells: int = 10_000_000
    cell_characters: int = MEBIBYTE
    line_characters: int = 8 * MEBIBYTE
    depth: int = 64
    tables: int = 100

    def check_file(self, name: str, size: int) -> None:
        """Refuse a file that is too large.

        Raises:
            ReadingError: it has too many bytes.
        """
        if size > self.file_bytes:
            raise ReadingError(
                f"{name} has {size >> 20:,} MiB; at most {self.file_bytes >> 20:,} MiB are read. Split the file."
            )

    def check_table(self, name: str, rows: int, columns: int) -> None:
        """Refuse a table that is too large.

        Raises:
            ReadingError: it has too many rows, columns, or cells.
        """
        if columns > self.columns:
            raise ReadingError(f"{name} has {columns:,} columns; at most {self.columns:,} are read.")
        if rows > self.rows:
            raise ReadingError(f"{name} has more than {self.rows:,} rows, the most that are read. Split the file.")
        if rows * columns > self.cells:
            raise ReadingError(
                f"{name} has {rows:,} rows of {columns:,} columns; at most {self.cells:,} cells are read. Split it."
            )


USUAL = ReadingLimits()
