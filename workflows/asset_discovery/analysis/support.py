"""For which assets support has ended, or ends soon."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import polars as pl

from workflows.asset_discovery.analysis.releases import support_end


class SupportState(StrEnum):
    """How long an asset is still supported."""

    ENDED = "ended"
    SOON = "ends within 90 days"
    YEAR = "ends within a year"
    LATER = "later"
    UNKNOWN = "unknown"


SUPPORT = {
    "asset": pl.UInt32, "ends_on": pl.Date, "what": pl.String, "state": pl.String, "reason": pl.String,
}  # fmt: skip
"""The columns of `support`: what ends first (`hardware or contract`, or the operating system), and when."""
_SOON_DAYS, _YEAR_DAYS = 90, 365


def support(assets: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """When the support of each asset in use ends: the day in the inventory, or that of its operating system if earlier.

    Returns:
        A row for each asset that is not retired (`SUPPORT`), those first whose support ended first.
    """
    used = assets.filter(pl.col("status_class").fill_null("") != "retired")
    systems = _systems(used)
    both = used.select("asset", "os_family", "os_release", pl.col("support_ends_on").alias("stated")).join(
        systems, on=["os_family", "os_release"], how="left", nulls_equal=True, maintain_order="left"
    )
    by_system = pl.col("system_ends").is_not_null() & (
        pl.col("stated").is_null() | (pl.col("system_ends") < pl.col("stated"))
    )
    system = pl.concat_str("os_family", "os_release", separator=" ")
    stated = pl.lit("the inventory says so")
    listed = pl.concat_str(pl.lit("its maker ends the support of "), system)
    named = pl.when(by_system).then(system).when(pl.col("stated").is_not_null()).then(pl.lit("hardware or contract"))
    rows = both.with_columns(
        pl.when(by_system).then("system_ends").otherwise("stated").alias("ends_on"),
        named.alias("what"),
        pl.when(by_system).then(listed).when(pl.col("stated").is_not_null()).then(stated).alias("reason"),
    )
    return (
        rows.with_columns(_state(as_of).alias("state"))
        .select(pl.col(name).cast(dtype) for name, dtype in SUPPORT.items())
        .sort("ends_on", "asset", nulls_last=True)
    )


def _systems(assets: pl.DataFrame) -> pl.DataFrame:
    pairs = assets.select("os_family", "os_release").unique()
    ends = [support_end(family or "", release or "") for family, release in pairs.iter_rows()]
    return pairs.with_columns(pl.Series("system_ends", ends, dtype=pl.Date))


def _state(as_of: date) -> pl.Expr:
    left = (pl.col("ends_on") - pl.lit(as_of)).dt.total_days()
    return (
        pl.when(left.is_null())
        .then(pl.lit(SupportState.UNKNOWN.value))
        .when(left < 0)
        .then(pl.lit(SupportState.ENDED.value))
        .when(left < _SOON_DAYS)
        .then(pl.lit(SupportState.SOON.value))
        .when(left < _YEAR_DAYS)
        .then(pl.lit(SupportState.YEAR.value))
        .otherwise(pl.lit(SupportState.LATER.value))
    )
