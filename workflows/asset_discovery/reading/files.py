"""Reads a file of whatever form as tables. What strangers made is read in a sandbox: `sandboxed.py`."""

from __future__ import annotations

from pathlib import Path

from assent.files import OpenedFile
from workflows.asset_discovery.reading.assembling import assemble
from workflows.asset_discovery.reading.delimited import read_delimited
from workflows.asset_discovery.reading.dialects import dialect_of
from workflows.asset_discovery.reading.encodings import decode
from workflows.asset_discovery.reading.grids import Grid
from workflows.asset_discovery.reading.json_files import load, read_json, read_json_lines
from workflows.asset_discovery.reading.limits import USUAL, ReadingError, ReadingLimits
from workflows.asset_discovery.reading.sheets import check_archive, read_sheets
from workflows.asset_discovery.reading.sorting import inventory_of, sort_out
from workflows.asset_discovery.tables import Table

__all__ = ["inventory_of", "read"]

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read(opened: OpenedFile | Path, name: str = "", limits: ReadingLimits = USUAL) -> list[Table]:
    """Return the tables of a file: one of a CSV file, one for each sheet or list of records.

    Tables that are no inventories, such as a sheet of metadata, say so in `Table.other`; nothing is left out.

    Args:
        opened: the file, whose stream is at its start; or its path.
        name: of the file, for people; by default its own.

    Raises:
        ReadingError: it cannot be read, or is larger than the limits allow.
    """
    path = opened if isinstance(opened, Path) else opened.path
    name = name or (path.name if isinstance(opened, Path) else opened.name)
    try:
        size = path.stat().st_size
        if size > limits.file_bytes:
            raise ReadingError(
                f"{name} has {size >> 20:,} MiB; at most {limits.file_bytes >> 20:,} MiB are read. Split the file."
            )
        with path.open("rb") as stream:
            start = stream.read(8)
        if start.startswith((_ZIP, _OLE)):
            return sort_out(_of_workbook(path, start, name, limits))
        return sort_out(_of_text(path.read_bytes(), name, limits))
    except OSError as error:
        raise ReadingError(f"{name} cannot be read: {error.strerror or error}.") from error


def _of_workbook(path: Path, start: bytes, name: str, limits: ReadingLimits) -> list[Table]:
    if start.startswith(_ZIP):
        check_archive(path, name, limits)
    tables = []
    for sheet, grid in read_sheets(path, name, limits):
        tables.append(assemble(grid, name, sheet))
    return tables


def _of_text(content: bytes, name: str, limits: ReadingLimits) -> list[Table]:
    if not content.strip(b"\x00\x1a \t\r\n"):
        raise ReadingError(f"{name} is empty.")
    text, encoding = decode(content, name)
    del content
    tables = _of_json(text, name, limits) if text.lstrip()[:1] in ("{", "[") else None
    if tables is None:
        dialect = dialect_of(text)
        grid: Grid = read_delimited(text, dialect, limits)
        tables = [assemble(grid, name)]
        tables[0].delimiter = dialect.delimiter
    for table in tables:
        table.encoding = encoding
    return tables


def _of_json(text: str, name: str, limits: ReadingLimits) -> list[Table] | None:
    """Return the tables of JSON or JSON Lines; None for a text that only begins like it."""
    try:
        document = load(text)
    except ValueError as error:
        first = text.lstrip().split("\n", 1)[0].strip()
        try:
            lines = isinstance(load(first), dict | list) and first.startswith("{")
        except ValueError:
            lines = any(line.startswith("{") and line.rstrip().endswith("}") for line in text.split("\n", 20)[:20])
        if lines:
            return read_json_lines(text, name, limits)
        if text.lstrip().startswith("{") or name.lower().endswith(".json"):
            raise ReadingError(f"{name} is damaged JSON: {error}.") from error
        return None
    return read_json(document, name, limits)
