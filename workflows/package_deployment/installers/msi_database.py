"""The database inside an MSI: its texts, its tables, and its summary information.

The formats are those that Windows Installer and msitools read and write. Tables are read when they are asked for.
"""

from __future__ import annotations

import struct
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from workflows.package_deployment.installers.code_pages import codec_of
from workflows.package_deployment.installers.msi_streams import Streams
from workflows.package_deployment.installers.msi_summary import Summary, read_summary
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.texts import clean

LARGEST_STREAM = 128 << 20
"""Bytes of a table, or of all texts, that are read."""
MOST_ROWS = 300_000
"""Rows of a table that are read."""
LONGEST_TEXT = 32_000
"""Characters of a text that are read. What is shown is shorter; lists of properties are long."""
Row = dict[str, Any]
"""A row of a table: texts and numbers by the names of the columns; None where there is nothing, or a stream."""

_LONG_REFERENCES = 0x8000
_STRING, _NULLABLE, _SIZE, _VALID = 0x0800, 0x1000, 0x00FF, 0x0100


def text_of(row: Row, column: str) -> str:
    """Return a text of a row, as short as it is shown; empty if there is none."""
    return clean(str(row.get(column) or ""))


class Database:
    """The database of an MSI, open for reading; use it in a ``with`` statement."""

    def __init__(self, source: Path | BinaryIO) -> None:
        """Open a file, or a stream. Raises InstallerError: it has no database, or one that is damaged."""
        self.streams = Streams(source)
        try:
            self._load()
        except BaseException:
            self.streams.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.streams.close()

    @cached_property
    def summary(self) -> Summary:
        """The summary information; empty if there is none."""
        return read_summary(self.streams.read("\x05SummaryInformation", 1 << 20) or b"")

    @property
    def tables(self) -> set[str]:
        """The names of all tables."""
        return set(self._columns)

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table; none if there is no such table.

        Raises:
            InstallerError: the table is damaged or too large.
        """
        columns = self._columns.get(table)
        content = self.streams.read(f"!{table}", LARGEST_STREAM) if columns else None
        if not columns or not content:
            return []
        return self._read_rows(content, columns, table)

    def text(self, number: int) -> str | None:
        """Return a text by its number in the pool; None: the number stands for nothing."""
        if not number:
            return None
        if number >= len(self._places):
            raise InstallerError("A table of its database refers to a text that does not exist.")
        start, length = self._places[number]
        content = self._texts[start : start + min(length, LONGEST_TEXT * 4)]
        return clean(self._decode(content), LONGEST_TEXT)

    def _load(self) -> None:
        pool = self.streams.read("!_StringPool", LARGEST_STREAM)
        texts = self.streams.read("!_StringData", LARGEST_STREAM)
        if not pool or len(pool) < 4 or texts is None:
            raise InstallerError("It is a compound file, but not an MSI: it has no database of Windows Installer.")
        self._texts = texts
        low, high = struct.unpack_from("<HH", pool)
        self.code_page = low | (high & ~_LONG_REFERENCES) << 16
        self._reference_size = 3 if high & _LONG_REFERENCES else 2
        self._codec = codec_of(self.code_page)
        self._places = _places(pool, len(texts))
        self._columns = self._read_columns()

    def _decode(self, content: bytes) -> str:
        return content.decode(self._codec, "replace")

    def _read_columns(self) -> dict[str, list[tuple[str, int]]]:
        """Return for each table its columns, in order: name and type."""
        content = self.streams.read("!_Columns", LARGEST_STREAM)
        if not content:
            raise InstallerError("Its database has no description of its tables.")
        described = [("Table", _STRING | _VALID | 64), ("Number", 2), ("Name", _STRING | _VALID | 64), ("Type", 2)]
        found: dict[str, list[tuple[int, str, int]]] = {}
        for row in self._read_rows(content, described, "_Columns"):
            if row["Table"] and row["Name"] and row["Number"] is not None and row["Type"] is not None:
                found.setdefault(row["Table"], []).append((row["Number"], row["Name"], row["Type"] & 0xFFFF))
        return {table: [(name, kind) for _, name, kind in sorted(columns)] for table, columns in found.items()}

    def _read_rows(self, content: bytes, columns: list[tuple[str, int]], table: str) -> list[Row]:
        """Read a table: all values of the first column, then all of the second, and so on."""
        sizes = [self._size_of(kind) for _, kind in columns]
        count = len(content) // sum(sizes)
        if count > MOST_ROWS:
            raise InstallerError(f"Its table {clean(table, 64)} has {count:,} rows, more than are read.")
        values: list[list[Any]] = []
        at = 0
        for (_, kind), size in zip(columns, sizes, strict=True):
            values.append(self._values(content[at : at + count * size], kind, size))
            at += count * size
        names = [name for name, _ in columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]

    def _size_of(self, kind: int) -> int:
        if _is_stream(kind):
            return 2
        if kind & _STRING:
            return self._reference_size
        return 2 if kind & _SIZE <= 2 else 4

    def _values(self, content: bytes, kind: int, size: int) -> list[Any]:
        """Return the values of a column. Numbers are stored with an offset, so that 0 means nothing."""
        numbers: Any
        if _is_stream(kind):
            return [None] * (len(content) // size)
        if size == 3:
            numbers = [int.from_bytes(content[at : at + 3], "little") for at in range(0, len(content), 3)]
        else:
            numbers = struct.unpack(f"<{len(content) // size}{'H' if size == 2 else 'I'}", content)
        if kind & _STRING:
            known: dict[int, str | None] = {}
            for number in numbers:
                if number not in known:
                    known[number] = self.text(number)
            return [known[number] for number in numbers]
        offset = 0x8000 if size == 2 else 0x80000000
        return [number - offset if number else None for number in numbers]


def _is_stream(kind: int) -> bool:
    """Return whether a column holds the content of a stream, which is in a stream of its own."""
    return kind & ~_NULLABLE & 0x0FFF == _STRING | _VALID


def _places(pool: bytes, size: int) -> list[tuple[int, int]]:
    """Return where each text begins, and how many bytes it has."""
    found = [(0, 0)]
    at = 0
    entries = struct.unpack(f"<{len(pool) // 2}H", pool[: len(pool) // 2 * 2])
    place = 2
    while place + 1 < len(entries):
        length, references = entries[place], entries[place + 1]
        place += 2
        if length == 0 and references != 0:  # The length of a long text is in the next entry.
            if place + 1 >= len(entries):
                break
            length = entries[place] | entries[place + 1] << 16
            place += 2
        if at + length > size:
            raise InstallerError("The texts of its database are incomplete.")
        found.append((at, length))
        at += length
    return found
