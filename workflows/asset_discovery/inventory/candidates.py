"""Pairs of records that may be one asset: those that share a key, in blocks of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

LARGEST_BLOCK = 40
"""More records with one key are not compared with each other: they share what identifies no asset."""
_LARGEST_BLOCKS = {"short": 16, "plain": 16, "stem": 8, "loose": 8}
"""Names alone say less."""

_TITLES = {"serial": "serial number", "macs": "MAC address", "ips": "IP address", "fqdn": "FQDN", "short": "name"}


@dataclass(frozen=True)
class Crowd:
    """Records that share a value which, because so many share it, identifies none of them.

    Attributes:
        what: What they share, in words.
        value: The value.
        rows: Indexes of the records.
    """

    what: str
    value: str
    rows: tuple[int, ...]


def candidates(base: pl.DataFrame) -> tuple[pl.DataFrame, list[Crowd]]:
    """The pairs to compare, as `a` < `b` (indexes, see `identities`), and the crowds that were not compared."""
    pairs: list[pl.DataFrame] = []
    crowds: list[Crowd] = []
    for name, keys in _keys(base).items():
        sizes = keys.group_by("key").agg(pl.len().alias("size"))
        sized = keys.join(sizes, on="key", how="inner").filter(pl.col("size") > 1)
        largest = _LARGEST_BLOCKS.get(name, LARGEST_BLOCK)
        if name in _TITLES:
            crowds += _crowds(_TITLES[name], sized.filter(pl.col("size") > largest))
        block = sized.filter(pl.col("size") <= largest).select("index", "key")
        joined = block.join(block, on="key", suffix="_b").filter(pl.col("index") < pl.col("index_b"))
        pairs.append(joined.select(pl.col("index").alias("a"), pl.col("index_b").alias("b")))
    of_hosts = base.filter(pl.col("host_serial")).select("index", pl.col("serial").alias("key"))
    crowds += _crowds("serial number of a host", of_hosts.filter(pl.len().over("key") > 1))
    return pl.concat(pairs).unique().sort("a", "b"), crowds


def _keys(base: pl.DataFrame) -> dict[str, pl.DataFrame]:
    found: dict[str, pl.DataFrame] = {}
    for name in ("fqdn", "short"):
        found[name] = base.select("index", pl.col(name).alias("key"))
    found["serial"] = base.filter(~pl.col("host_serial")).select("index", pl.col("serial").alias("key"))
    for name in ("macs", "ips"):
        found[name] = base.select("index", pl.col(name).alias("key")).explode("key")
    # What is distorted counts only beside something else, so that equal numbers of other names stay apart.
    found["serial_plain"] = base.filter(pl.col("serial").str.len_chars() >= 5).select(
        "index", pl.col("serial_plain").alias("key")
    )
    for name in ("plain", "stem"):
        found[name] = base.select("index", pl.col(name).alias("key"))
    found["loose"] = base.filter(pl.col("digits").str.len_chars() > 1).select(
        "index", pl.concat_str("digits", pl.lit("\n"), "model", pl.lit("\n"), "owner").alias("key")
    )
    return {name: keys.filter(pl.col("key").is_not_null() & (pl.col("key") != "")) for name, keys in found.items()}


def _crowds(what: str, sized: pl.DataFrame) -> list[Crowd]:
    grouped = sized.group_by("key", maintain_order=True).agg("index")
    return [Crowd(what, key, tuple(sorted(set(rows)))) for key, rows in grouped.iter_rows()]
