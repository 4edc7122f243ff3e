"""The sheets of a workbook as grids: fastexcel reads the cells; merged areas and errors are found in the archive."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import fastexcel
import polars as pl

from workflows.asset_discovery.reading.grids import Grid, check_cells, without_blanks
from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits

_PIECE = 1 << 20
_OVERLAP = 4_096
_MOST_FOUND = 100_000
_LARGEST_INDEX = 8 << 20
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^<>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_ERROR = re.compile(
    rb'<(?:\w+:)?c\s[^<>]*?r="([A-Z]{1,3})(\d{1,7})"[^<>]*?t="e"[^<>]*?>'
    rb"(?:<f[^<>]*?(?:/>|>[^<]*</f>))?<v>([^<]{1,20})</v>"
)
_NEVER_CALCULATED = re.compile(
    rb'<(?:\w+:)?c\s[^<>]*?r="([A-Z]{1,3}\d{1,7})"[^<>]*?>(?:<f[^<>]*?/>|<f[^<>]*?>[^<]*</f>)(?:<v\s*/>|<v></v>)?</(?:\w+:)?c>'
)
_ROW = re.compile(rb'<(?:\w+:)?row\s[^<>]{0,200}?r="(\d{1,7})"[^<>]*[^<>/]>')
_FILLED = re.compile(rb'<(?:\w+:)?c\s[^<>]{0,200}?r="([A-Z]{1,3})\d{1,7}"[^<>/]*>')
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def check_archive(path: Path, name: str, limits: ReadingLimits) -> None:
    """Refuse a workbook that would unpack to too much, before anything is unpacked.

    Raises:
        ReadingError: it is too large, or no archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ReadingError(f"{name} is a damaged workbook: {error}.") from error
    total = sum(member.file_size for member in members)
    if total > limits.unpacked_bytes:
        raise ReadingError(
            f"{name} would unpack to {total >> 20:,} MiB; at most {limits.unpacked_bytes >> 20:,} MiB are read."
        )


def read_sheets(path: Path, name: str, limits: ReadingLimits) -> list[tuple[str, Grid]]:
    """Return the name and the cells of each sheet, hidden ones too.

    Raises:
        ReadingError: it is no workbook, is damaged or protected by a password, or is larger than the limits allow.
    """
    try:
        book = _opened(path)
        names = book.sheet_names
        if len(names) > limits.tables:
            raise ReadingError(f"{name} has {len(names):,} sheets; at most {limits.tables:,} are read.")
        parts = _parts(path)
        return [(sheet, _grid(book, path, sheet, parts.get(sheet, ""), limits)) for sheet in names]
    except ReadingError:
        raise
    except (fastexcel.FastExcelError, OSError) as error:
        words = str(error).splitlines()[0][:300]
        raise ReadingError(f"{name} cannot be read as a workbook: {words}") from error


def _opened(path: Path) -> fastexcel.ExcelReader:
    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError:
        return fastexcel.read_excel(path.read_bytes())  # the library believes a name's ending, which may be wrong


def _grid(book: fastexcel.ExcelReader, path: Path, sheet: str, part: str, limits: ReadingLimits) -> Grid:
    inside = _found_in(path, part) if part else _Inside()
    # The library makes room for each cell up to the last one, so that one cell in the far corner would need gigabytes.
    limits.check_table(f"The sheet {sheet}", inside.rows, inside.columns)
    loaded = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string", skip_whitespace_tail_rows=True)
    notes = [] if loaded.visible == "visible" else ["The sheet is hidden."]
    places = [column.absolute_index for column in loaded.available_columns()]
    if not places:
        return Grid(pl.DataFrame(), [], notes)
    limits.check_table(f"The sheet {sheet}", loaded.total_height, len(places))
    frame = loaded.to_polars()
    frame = frame.rename({old: str(new) for new, old in enumerate(frame.columns)}).cast(pl.String)
    check_cells(frame, f"The sheet {sheet}", limits)
    first = places[0]
    merged = [(top, left - first, bottom, right - first) for top, left, bottom, right in sorted(inside.merged)]
    errors = [(row, column - first, text) for (row, column), text in inside.errors.items()]
    if inside.empty_formulas:
        some = ", ".join(sorted(inside.empty_formulas)[:5])
        notes.append(
            f"Cells with formulas that were never calculated are empty: {len(inside.empty_formulas):,}, such as {some}."
            " Open the file in a spreadsheet, and save it."
        )
    frame = _with_errors(without_blanks(frame), errors)
    lines = list(range(1, frame.height + 1))
    return Grid(frame, lines, notes, [area for area in merged if area[1] >= 0])


def _with_errors(frame: pl.DataFrame, errors: list[tuple[int, int, str]]) -> pl.DataFrame:
    """Put errors such as `#N/A`, which fastexcel leaves out, where they stand in the sheet."""
    by_column: dict[int, dict[int, str]] = {}
    for row, column, text in errors:
        if row < frame.height and 0 <= column < frame.width:
            by_column.setdefault(column, {})[row] = text
    for column, cells in by_column.items():
        values = frame.to_series(column).to_list()
        for row, text in cells.items():
            values[row] = text if values[row] is None else values[row]
        frame = frame.with_columns(pl.Series(str(column), values, dtype=pl.String))
    return frame


def _parts(path: Path) -> dict[str, str]:
    """Return the names of the archive's members that hold the sheets; empty for another kind of workbook."""
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            book = ElementTree.fromstring(_small(archive, "xl/workbook.xml"))  # noqa: S314 — see _small
            relations = ElementTree.fromstring(_small(archive, "xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, NotImplementedError):
        return {}
    targets = {item.get("Id"): str(item.get("Target")) for item in relations}
    found = {}
    for item in book.iter():
        if item.tag.endswith("}sheet") and targets.get(item.get(_RELATION)):
            target = targets[item.get(_RELATION)]
            found[str(item.get("name"))] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return found


def _small(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return a member that is not large and declares no entities, which the attacks on XML need."""
    with archive.open(member) as stream:
        content = stream.read(_LARGEST_INDEX + 1)
    if len(content) > _LARGEST_INDEX or b"<!DOCTYPE" in content:
        raise KeyError(member)
    return content


@dataclass
class _Inside:
    """What fastexcel does not say of a sheet, with rows and columns from 0.

    Attributes:
        merged: areas: first row, first column, last row, last column.
        errors: such as `#N/A`, by row and column.
        empty_formulas: names of cells whose formulas have no value.
        rows, columns: up to the last one that holds something.
    """

    merged: set[tuple[int, int, int, int]] = field(default_factory=set)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    empty_formulas: set[str] = field(default_factory=set)
    rows: int = 0
    columns: int = 0


def _found_in(path: Path, part: str) -> _Inside:
    inside = _Inside()
    try:
        with zipfile.ZipFile(path) as archive, archive.open(part) as stream:
            rest = b""
            while piece := stream.read(_PIECE):
                rest += piece
                _look(rest, inside)
                rest = rest[-_OVERLAP:]
                if len(inside.merged) + len(inside.errors) + len(inside.empty_formulas) > _MOST_FOUND:
                    break
    except (KeyError, zipfile.BadZipFile, NotImplementedError, OSError, zlib.error, RuntimeError):
        return _Inside()
    return inside


def _look(text: bytes, inside: _Inside) -> None:
    inside.rows = max(inside.rows, *map(int, _ROW.findall(text)), 0)
    inside.columns = max(inside.columns, *(_column(letters) + 1 for letters in set(_FILLED.findall(text))), 0)
    if b'"e"' in text:
        for found in _ERROR.finditer(text):
            inside.errors[int(found[2]) - 1, _column(found[1])] = found[3].decode("ascii", "replace")
    if b"<f" in text:
        inside.empty_formulas |= {found[1].decode() for found in _NEVER_CALCULATED.finditer(text)}
    if b"mergeCell" in text:
        for found in _MERGED.finditer(text):
            inside.merged.add((int(found[2]) - 1, _column(found[1]), int(found[4]) - 1, _column(found[3])))


def _column(letters: bytes) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place - 1
