"""Inventories as merging makes them, for tests of what comes after it."""

from __future__ import annotations

from typing import Any

import polars as pl

from workflows.asset_discovery.cleansing.derived import with_derived
from workflows.asset_discovery.fields import FACTS, Field, ValueKind

_TYPES: dict[ValueKind, Any] = {
    ValueKind.TEXT: pl.String,
    ValueKind.LIST: pl.List(pl.String),
    ValueKind.NUMBER: pl.Float64,
    ValueKind.DATE: pl.Date,
}
SCHEMA = {field.value: _TYPES[FACTS[field].value] for field in Field if field is not Field.IGNORE}


def inventory(*assets: dict[str, Any]) -> pl.DataFrame:
    """An inventory of these assets, numbered from 1."""
    rows = [{name: asset.get(name) for name in SCHEMA} for asset in assets]
    frame = pl.DataFrame(rows, schema=SCHEMA)
    numbered = frame.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias("asset"),
        pl.concat_list(pl.int_range(0, pl.len(), dtype=pl.UInt32)).alias("records"),
    )
    return with_derived(numbered)
