"""Capacity: processors, memory, and disks, by place and use, and how full the virtual hosts are."""

from __future__ import annotations

import polars as pl

_BY = ("location", "environment", "asset_type", "cluster")
_SUMS = ("cpu_count", "memory_mb", "disk_gb")
_FULL = 0.9
_USUAL_CORES = 4.0
"""Virtual processors for each physical one, up to which a host is not called crowded."""


def capacity(assets: pl.DataFrame) -> pl.DataFrame:
    """Sums by location, environment, type, and cluster of the assets in use.

    Returns:
        `by` (one of these), `value` (null: none is given), `assets`, `cpu_count`, `memory_mb` (MiB), `disk_gb` (GiB),
        and `unsized`: how many of the assets have none of the three. The largest first in each.
    """
    used = _used(assets)
    parts = [
        used.group_by(_class_or_text(name).alias("value"))
        .agg(pl.len().alias("assets"), *(pl.col(field).sum() for field in _SUMS), _unsized().sum().alias("unsized"))
        .select(pl.lit(name).alias("by"), "value", "assets", *_SUMS, "unsized")
        .sort("assets", "value", descending=[True, False])
        for name in _BY
    ]
    return pl.concat(parts)


def hosts(assets: pl.DataFrame) -> pl.DataFrame:
    """How much the guests of each virtual host have of what it has.

    Returns:
        `host`, `asset` (null if the host is not in the inventory), `guests`, `guest_cpus`, `guest_memory_mb`, `cpus`,
        `memory_mb`, `memory_share` (from 0; null if unknown), `cpu_ratio`, and `note`, which is empty if there is
        nothing to say. The fullest first.
    """
    used = _used(assets)
    guests = (
        used.filter(pl.col("virtual_host").is_not_null())
        .group_by(pl.col("virtual_host").str.to_lowercase().str.extract(r"^([^.]+)").alias("key"))
        .agg(
            pl.col("virtual_host").first().alias("host"),
            pl.len().alias("guests"),
            pl.col("cpu_count").sum().alias("guest_cpus"),
            pl.col("memory_mb").sum().alias("guest_memory_mb"),
        )
    )
    own = used.select(
        pl.col("name").str.to_lowercase().str.extract(r"^([^.]+)").alias("key"),
        "asset",
        pl.col("cpu_count").alias("cpus"),
        "memory_mb",
    ).unique("key", keep="first", maintain_order=True)
    both = guests.join(own, on="key", how="left").with_columns(
        (pl.col("guest_memory_mb") / pl.col("memory_mb")).alias("memory_share"),
        (pl.col("guest_cpus") / pl.col("cpus")).alias("cpu_ratio"),
    )
    full, crowded = pl.col("memory_share") > _FULL, pl.col("cpu_ratio") > _USUAL_CORES
    note = (
        pl.when(full)
        .then(pl.format("guests have {} % of its memory", (pl.col("memory_share") * 100).round().cast(pl.Int64)))
        .when(crowded)
        .then(pl.format("guests have {} times its processors", pl.col("cpu_ratio").round(1)))
        .when(pl.col("asset").is_null())
        .then(pl.lit("not in the inventory"))
        .otherwise(pl.lit(""))
    )
    ordered = both.with_columns(note.alias("note")).sort(
        "memory_share", "guests", "host", descending=[True, True, False], nulls_last=True
    )
    return ordered.drop("key")


def _used(assets: pl.DataFrame) -> pl.DataFrame:
    return assets.filter(~pl.col("status_class").fill_null("").is_in(["retired", "planned"]))


def _class_or_text(name: str) -> pl.Expr:
    """The class of a text where it is known, so that two spellings of it count together."""
    classes = {"environment": "environment_class", "asset_type": "type_class"}
    return pl.coalesce(classes[name], name) if name in classes else pl.col(name)


def _unsized() -> pl.Expr:
    return pl.all_horizontal(pl.col(field).is_null() for field in _SUMS)
