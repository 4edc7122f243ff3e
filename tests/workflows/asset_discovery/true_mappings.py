"""Inventories with the mapping that their truth gives, so that cleansing is tested without the mapper."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from tests.workflows.asset_discovery.dev_files import file_of, truth_of
from workflows.asset_discovery.cleansing.cleanse import Cleansed, cleanse
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.reading import inventory_of, read
from workflows.asset_discovery.tables import Column, Table


@cache
def table_of(name: str) -> Table:
    """Return the table of an inventory, by its name without the ending."""
    table = inventory_of(read(file_of(name)))
    assert table is not None
    return table


def mapping_of(name: str) -> Mapping:
    """Return the mapping of an inventory, as its truth says."""
    truth, table = truth_of(name), table_of(name)
    units = {column: unit for column, unit in truth["units"].items() if not unit.startswith("in value")}
    return Mapping(
        table.file,
        table.sheet,
        tuple(
            ColumnMapping(column, Field(field), 1.0, "the truth", units.get(column, ""))
            for column, field in truth["mapping"].items()
        ),
    )


@cache
def cleansed(name: str) -> Cleansed:
    """Return the cleansed table of an inventory."""
    return cleanse(table_of(name), mapping_of(name))


def made(columns: dict[str, list[str | None]], **fields: Field) -> tuple[Table, Mapping]:
    """Return a table with a mapping, from the cells of its columns; each column is mapped to the field in `fields`."""
    import polars as pl

    frame = pl.DataFrame({name: pl.Series(cells, dtype=pl.String) for name, cells in columns.items()})
    table = Table(
        "made.csv",
        "",
        tuple(Column(name, name, place) for place, name in enumerate(columns)),
        frame,
        tuple(range(1, frame.height + 1)),
        tuple(range(2, frame.height + 2)),
    )
    return table, Mapping(
        "made.csv", "", tuple(ColumnMapping(name, fields[name], 1.0, "made") for name in columns if name in fields)
    )


def agrees(field: str, got: Any, expected: Any) -> bool:
    """Whether a value is what the truth expects: numbers within 5 %, names and domain names without case."""
    if isinstance(got, date):
        got = got.isoformat()
    if expected in (None, []):
        return got in (None, [])
    if got is None:
        return False
    if isinstance(expected, int | float):
        return bool(abs(got - expected) <= 0.05 * abs(expected))
    if isinstance(got, list):
        several = expected if isinstance(expected, list) else [expected]
        return {item.casefold() for item in several} <= {item.casefold() for item in got}
    return bool(got == expected or (field in ("name", "fqdn") and got.casefold() == expected.casefold()))
