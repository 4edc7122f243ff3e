"""Reads a file of whatever form as tables. What strangers made is read in a sandbox: `sandboxed.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.asset_discovery.reading.assembling import assemble
from workflows.asset_discovery.reading.delimited import read_delimited, read_single
from workflows.asset_discovery.reading.dialects import SAMPLE, dialect_of
from workflows.asset_discovery.reading.encodings import Encoding, encoding_of, open_text
from workflows.asset_discovery.reading.json_files import load, load_all, read_json, read_json_lines
from workflows.asset_discovery.reading.limits import USUAL, ReadingError, ReadingLimits
from workflows.asset_discovery.reading.sheets import check_archive, read_sheets
from workflows.asset_discovery.reading.sorting import inventory_of, sort_out
from workflows.asset_discovery.tables import Table

if TYPE_CHECKING:
    from assent.files import OpenedFile

__all__ = ["inventory_of", "read"]

_ZIP = b"PK\x03\x04"
_START = 512
_OTHERS = (
    (b"%pdf", "a PDF"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"7z\xbc\xaf", "compressed (7z)"),
    (b"rar!\x1a\x07", "compressed (RAR)"),
    (b"\xfd7zxz", "compressed (xz)"),
    (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)"),
    (b"par1\x15", "a Parquet file"),
    (b"sqlite format 3", "an SQLite database"),
    (b"\x89png", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"<?xml", "XML"),
    (b"<!doctype", "HTML"),
    (b"<html", "HTML"),
    (b"<table", "HTML"),
)
_LINES_TRIED = 30
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
        limits.check_file(name, path.stat().st_size)
        with path.open("rb") as stream:
            start = stream.read(_START)
        _refuse_others(start, name)
        if start.startswith((_ZIP, _OLE)):
            return sort_out(_of_workbook(path, start, name, limits))
        return sort_out(_of_text(path, name, limits))
    except OSError as error:
        raise ReadingError(f"{name} cannot be read: {error.strerror or error}.") from error


def _refuse_others(start: bytes, name: str) -> None:
    """Refuse, in its own words, a file of a kind that is known and not read."""
    begin = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, kind in _OTHERS:
        if begin.startswith(mark):
            raise ReadingError(f"{name} is {kind}, which is not read. Save it as CSV, XLSX, JSON, or JSON Lines.")


def _of_workbook(path: Path, start: bytes, name: str, limits: ReadingLimits) -> list[Table]:
    if start.startswith(_ZIP):
        check_archive(path, name, limits)
    tables = []
    for sheet, grid in read_sheets(path, name, limits):
        tables.append(assemble(grid, name, sheet))
    return tables


def _of_text(path: Path, name: str, limits: ReadingLimits) -> list[Table]:
    encoding = encoding_of(path, name)
    with open_text(path, encoding) as text:
        start = text.read(SAMPLE)
    if not start.strip("\x00\x1a\ufeff \t\r\n"):
        raise ReadingError(f"{name} is empty.")
    tables = _of_json(path, encoding, start, name, limits) if start.lstrip()[:1] in ("{", "[") else None
    if tables is None:
        dialect = dialect_of(start)
        with open_text(path, encoding) as text:
            if dialect.delimiter:
                grid, delimiter = read_delimited(text, dialect, limits), dialect.delimiter
            else:
                grid, delimiter = read_single(text, dialect, limits, start)
        tables = [assemble(grid, name)]
        tables[0].delimiter = delimiter
    for table in tables:
        table.encoding = encoding.name
        table.notes += [encoding.note] if encoding.note else []
    return tables


def _of_json(path: Path, encoding: Encoding, start: str, name: str, limits: ReadingLimits) -> list[Table] | None:
    """Return the tables of JSON or JSON Lines; None for a text that only begins like it."""
    if name.lower().endswith((".jsonl", ".ndjson")) or _are_json_lines(start):
        with open_text(path, encoding) as text:
            return read_json_lines(text, name, limits)
    with open_text(path, encoding) as text:
        try:
            documents = load_all(text.read().strip("\ufeff\x00\x1a \t\r\n"))
        except ValueError as error:
            if start.lstrip().startswith("{") or name.lower().endswith(".json"):
                raise ReadingError(f"{name} is damaged JSON: {error}.") from error
            return None
    return read_json(documents[0] if len(documents) == 1 else documents, name, limits)


def _are_json_lines(start: str) -> bool:
    """Tell whether a text has a JSON value in each line; some may be broken."""
    lines = [line.strip() for line in re.split(r"\r?\n|\r", start)[:_LINES_TRIED] if line.strip()]
    if len(lines) < 2 or not lines[0].startswith("{"):
        return False
    whole = sum(line.startswith("{") and line.rstrip(",").endswith("}") for line in lines)
    if whole < 0.3 * (len(lines) - 1):
        return False
    for line in lines:
        try:
            if isinstance(load(line.rstrip(",")), dict):
                return True
        except ValueError:
            continue
    return False
