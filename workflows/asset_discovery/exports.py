"""Files for other programs: the inventory, its problems, and its changes. No cell is a formula where it is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from workflows.asset_discovery.fields import Field

FIELDS = [field.value for field in Field if field is not Field.IGNORE]
_FORMULA = r"^[=+\-@\t\r\n]"
_MOST_SHEET_ROWS = 1_048_575
_LONGEST_CELL = 32_767
_SEPARATOR = "; "


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV, with a byte order mark, so that spreadsheets read it as UTF-8.

    Texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    _guarded(_flat(frame)).write_csv(path, include_bom=True, quote_style="necessary")


def write_json(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as JSON Lines in a list: an object for each row, without empty values."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, row in enumerate(frame.iter_rows(named=True)):
            filled = {name: _plain(value) for name, value in row.items() if value is not None and value != []}
            file.write(f"{',' if number else ''}\n{json.dumps(filled, ensure_ascii=False)}")
        file.write("\n]\n")


def write_workbook(sheets: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write frames as sheets of a workbook, in which texts are never formulas or links."""
    import xlsxwriter  # type: ignore[import-untyped]

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        for title, frame in sheets.items():
            sheet = book.add_worksheet(title[:31])
            shown = _flat(frame.head(_MOST_SHEET_ROWS))
            for column, name in enumerate(shown.columns):
                sheet.write_string(0, column, name, bold)
            for number, row in enumerate(shown.iter_rows(), 1):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(number, column, value[:_LONGEST_CELL])
                    elif isinstance(value, date):
                        sheet.write_datetime(number, column, value, day)
                    elif value is not None:
                        sheet.write(number, column, value)
            sheet.freeze_panes(1, 0)
            if shown.height:
                sheet.autofilter(0, 0, shown.height, shown.width - 1)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as texts, whole numbers as such."""
    lists = [name for name, dtype in frame.schema.items() if dtype == pl.List(pl.String)]
    enums = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum | pl.Categorical)]
    return frame.with_columns(
        *(pl.col(name).list.join(_SEPARATOR) for name in lists), *(pl.col(name).cast(pl.String) for name in enums)
    )


def _guarded(frame: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA))
        .then(pl.concat_str(pl.lit("'"), pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value
