"""Which of a file's tables are inventories."""

from __future__ import annotations

from collections import Counter

from workflows.asset_discovery.reading.shapes import mask, shape
from workflows.asset_discovery.tables import Table

_FEW = 3
_MANY = 10
_MOST_FACTS = 20
_ROWS_COMPARED = 200


def sort_out(tables: list[Table]) -> list[Table]:
    """Say of each table that is no inventory why it is none. A file has one at least, if it has any rows."""
    if len(tables) == 1 and tables[0].frame.height:
        return tables
    largest = max((table.frame.height for table in tables), default=0)
    headings = Counter(
        column.key.casefold() for table in tables if table.frame.height > _FEW for column in table.columns
    )
    for table in tables:
        table.other = _why_other(table, largest, headings)
    if tables and all(table.other for table in tables):
        likeliest = max(tables, key=_extent)
        likeliest.other = "" if likeliest.frame.height else likeliest.other
    return tables


def _why_other(table: Table, largest: int, headings: Counter[str]) -> str:
    rows = table.frame.height
    if not rows:
        return "It has no rows."
    if len(table.columns) == 1 and (table.header_row is None or rows < _FEW):
        return "It is a text, not a table."
    alike = sum(headings[column.key.casefold()] > 0 for column in table.columns)
    if rows < _FEW and not table.record_path and largest >= _MANY and alike < 0.5 * len(table.columns):
        return f"It has only {rows} row{'' if rows == 1 else 's'}, and no columns of the inventory."
    if table.header_row is None and len(table.columns) == 2 and rows < min(largest, _MOST_FACTS):
        return "It is a list of facts, not a table."
    if not _identifies(table):
        return "None of its columns could tell assets apart: no names, addresses, or serial numbers."
    return ""


def _identifies(table: Table) -> bool:
    """Tell whether a column has values that are mostly different, and look like names, addresses, or numbers."""
    for column in table.columns:
        values = table.frame[column.key].drop_nulls().head(_ROWS_COMPARED).to_list()
        if len(values) < 0.3 * min(table.frame.height, _ROWS_COMPARED) or len(set(values)) < 0.7 * len(values):
            continue
        shapes = Counter(map(shape, values))
        if shapes["ip"] + shapes["mac"] + shapes["host"] + shapes["guid"] > 0.5 * len(values):
            return True
        names = sum(" " not in value.strip() and any(letter.isalpha() for letter in mask(value)) for value in values)
        if names > 0.5 * len(values):
            return True
    return False


def _extent(table: Table) -> int:
    return table.frame.height * len(table.columns)


def inventory_of(tables: list[Table]) -> Table | None:
    """Return the table that is the inventory; None without any.

    Of the lists in a JSON document that is the first, as the likeliest comes first; of sheets, the one with the most
    cells.
    """
    inventories = [table for table in tables if not table.other]
    if inventories and inventories[0].record_path:
        return inventories[0]
    return max(inventories, key=_extent, default=None)
