"""Which asset a text names."""

from __future__ import annotations

import polars as pl

_NAMES = ("name", "fqdn", "serial_number")


def named(assets: pl.DataFrame) -> pl.DataFrame:
    """The number of each asset, and what to call it: its name, or the first other thing that identifies it."""
    others = [pl.col("ip_address").list.first(), pl.col("mac_address").list.first()]
    called = pl.coalesce(*_NAMES, *others, pl.format("asset {}", "asset"))
    return assets.select("asset", called.alias("called"))


def name_index(assets: pl.DataFrame) -> pl.DataFrame:
    """All texts by which assets are named, folded (`key`), with the asset, or null where several are called so."""
    texts = [assets.select(pl.col(name).alias("key"), "asset") for name in _NAMES]
    texts.append(assets.select(pl.col("fqdn").str.extract(r"^([^.]+)\.").alias("key"), "asset"))
    texts.append(assets.select(pl.col("name").str.extract(r"^([^.]*\p{L}[^.]*)\.").alias("key"), "asset"))
    texts.append(assets.select(pl.col("ip_address").alias("key"), "asset").explode("key"))
    keys = pl.concat(texts).with_columns(_folded("key")).drop_nulls().unique()
    counted = keys.group_by("key", maintain_order=True).agg(pl.col("asset").first(), pl.len().alias("count"))
    alone = pl.when(pl.col("count") == 1).then("asset")
    return counted.select("key", alone.alias("target"), (pl.col("count") > 1).alias("several"))


def spelled(wanted: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """The rows with the `target` that their text `written` names, and whether `several` assets are called so.

    The whole text counts before its part up to the first dot, which is a host name where the text has letters there.
    """
    short = _folded("written").str.extract(r"^([^.]*\p{L}[^.]*)\.")
    keyed = wanted.with_columns(_folded("written").alias("key"), short.alias("short"))
    whole = keyed.join(index, on="key", how="left", maintain_order="left")
    by_short = index.rename({"key": "short", "target": "_target", "several": "_several"})
    both = whole.join(by_short, on="short", how="left", maintain_order="left")
    found = pl.col("several").is_not_null()
    return both.with_columns(
        pl.when(found).then("target").otherwise("_target").alias("target"),
        pl.coalesce("several", "_several", False).alias("several"),
    ).drop("key", "short", "_target", "_several")


def _folded(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.to_lowercase()
