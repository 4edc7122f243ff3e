"""Cells that belong to no field, and may name other assets: notes, configurations, connection strings."""

from __future__ import annotations

import polars as pl

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import Mapping
from workflows.asset_discovery.tables import Table

_MOST_COLUMNS = 200


def configuration_cells(table: Table, mapping: Mapping, records: pl.DataFrame) -> pl.DataFrame:
    """The texts of a table's columns that are mapped to no field.

    Args:
        records: The records of this table in the inventory: `row`, its number in the table, and `asset`.

    Returns:
        `asset`, `column`, and `text`; for `find_dependencies`.
    """
    ignored = [column.column for column in mapping.of(Field.IGNORE)][:_MOST_COLUMNS]
    rows = table.frame.select(ignored).with_columns(pl.Series("row", table.rows, dtype=pl.UInt32))
    placed = rows.join(records.select(pl.col("row").cast(pl.UInt32), "asset"), on="row", maintain_order="left")
    long = placed.drop("row").unpivot(index="asset", variable_name="column", value_name="text")
    return long.drop_nulls("text").select(pl.col("asset").cast(pl.UInt32), "column", "text")
