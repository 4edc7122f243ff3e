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
    if not ignored:
        return pl.DataFrame(schema={"asset": pl.UInt32, "column": pl.String, "text": pl.String})
    # Columns are called anything, also like those that are added here.
    named = {str(place): name for place, name in enumerate(ignored)}
    cells = table.frame.select(pl.col(name).alias(place) for place, name in named.items())
    rows = cells.with_columns(pl.Series("row", table.rows, dtype=pl.UInt32))
    placed = rows.join(records.select(pl.col("row").cast(pl.UInt32), "asset"), on="row", maintain_order="left")
    long = placed.drop("row").unpivot(index="asset", variable_name="column", value_name="text")
    column = pl.col("column").replace_strict(named, return_dtype=pl.String)
    return long.drop_nulls("text").select(pl.col("asset").cast(pl.UInt32), column, "text")
