"""Finds the dependencies between the assets of an inventory."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import polars as pl

from workflows.asset_discovery.dependencies.model import EDGES, KINDS, UNRESOLVED, Dependencies, EdgeKind
from workflows.asset_discovery.dependencies.names import name_index, named, spelled

_WAYS_OUT = ("router", "firewall")
_IPV4 = r"^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$"
_MOST_CYCLES = 1_000
_MENTIONS = {"asset": pl.UInt32, "column": pl.String, "text": pl.String}


def find_dependencies(assets: pl.DataFrame, mentions: pl.DataFrame | None = None) -> Dependencies:
    """The dependencies of an inventory.

    Args:
        assets: The inventory (`inventory.merging.Merged.frame`).
        mentions: Cells that belong to no field but may name other assets: `asset` (its number), `column`, and `text`.
    """
    index = name_index(assets)
    names = dict(named(assets).iter_rows())
    wanted = pl.concat([_declared(assets), _hosted(assets)])
    found = spelled(wanted, index)
    resolved = [
        found.filter(pl.col("target").is_not_null()),
        _mentioned(pl.DataFrame(schema=_MENTIONS) if mentions is None else mentions, index),
        _networks(assets),
    ]
    edges = _once(pl.concat([part.select("source", "target", "kind", "reason") for part in resolved]))
    return Dependencies(
        edges=_with_names(edges, names),
        unresolved=_unresolved(found, names),
        cycles=tuple(_cycles(edges)),
        orphans=_orphans(assets, edges),
        names=names,
    )


def _declared(assets: pl.DataFrame) -> pl.DataFrame:
    rows = assets.select(pl.col("asset").alias("source"), pl.col("depends_on").alias("written"))
    return rows.explode("written").drop_nulls().with_columns(_said(EdgeKind.DECLARED, "its entry says so"))


def _hosted(assets: pl.DataFrame) -> pl.DataFrame:
    rows = assets.select(pl.col("asset").alias("source"), pl.col("virtual_host").alias("written")).drop_nulls()
    return rows.with_columns(_said(EdgeKind.HOSTED, "it runs there"))


def _said(kind: EdgeKind, reason: str) -> list[pl.Expr]:
    return [pl.lit(kind.value).alias("kind"), pl.lit(reason).alias("reason")]


def _mentioned(mentions: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """Names of other assets in cells: those that are no ordinary words, because they have a digit or a domain."""
    words = mentions.select(
        pl.col("asset").alias("source"),
        "column",
        pl.col("text").str.head(10_000).str.extract_all(r"[\p{L}\p{N}][\p{L}\p{N}._-]+").alias("written"),
    ).explode("written")
    telling = words.drop_nulls().filter(
        pl.col("written").str.contains(r"\p{L}.*\d|\d.*\p{L}|\p{L}\.\p{L}|^\d+(\.\d+){3}$")
    )
    stripped = telling.with_columns(pl.col("written").str.strip_chars_end(".-_"))
    reason = pl.format("{} names it", pl.concat_str(pl.lit("“"), pl.col("column"), pl.lit("”")))
    marked = stripped.with_columns(pl.lit(EdgeKind.MENTIONED.value).alias("kind"), reason.alias("reason"))
    found = spelled(marked.select("source", "written", "kind", "reason"), index)
    return found.filter(pl.col("target").is_not_null() & (pl.col("source") != pl.col("target")))


def _networks(assets: pl.DataFrame) -> pl.DataFrame:
    """From each asset to the router or firewall of its network, where there is just one."""
    placed = (
        assets.select(pl.col("asset").alias("source"), "type_class", pl.col("ip_address").alias("network"))
        .explode("network")
        .with_columns(pl.col("network").str.extract(_IPV4))
        .drop_nulls("network")
        .unique(maintain_order=True)
    )
    ways = placed.filter(pl.col("type_class").is_in(_WAYS_OUT)).select("network", pl.col("source").alias("target"))
    only = ways.filter(pl.col("target").n_unique().over("network") == 1).unique()
    inside = placed.filter(~pl.col("type_class").fill_null("").is_in([*_WAYS_OUT, "switch"]))
    reason = pl.format("it is the only router or firewall in {}.0/24", "network").alias("reason")
    return inside.join(only, on="network", maintain_order="left").with_columns(
        pl.lit(EdgeKind.NETWORK.value).alias("kind"), reason
    )


def _once(edges: pl.DataFrame) -> pl.DataFrame:
    """One row for each pair of assets: the surest."""
    ranked = edges.with_columns(pl.col("kind").replace_strict(KINDS, range(len(KINDS))).alias("_rank"))
    first = ranked.sort("source", "target", "_rank", maintain_order=True).unique(
        ["source", "target"], keep="first", maintain_order=True
    )
    return first.drop("_rank")


def _with_names(edges: pl.DataFrame, names: dict[int, str]) -> pl.DataFrame:
    return edges.with_columns(
        _name("source", names).alias("source_name"), _name("target", names).alias("target_name")
    ).select(pl.col(name).cast(dtype) for name, dtype in EDGES.items())


def _name(column: str, names: dict[int, str]) -> pl.Expr:
    return pl.col(column).replace_strict(list(names), list(names.values()), default=None, return_dtype=pl.String)


def _unresolved(found: pl.DataFrame, names: dict[int, str]) -> pl.DataFrame:
    why = (
        pl.when(pl.col("several"))
        .then(pl.lit("several assets are called so"))
        .otherwise(pl.lit("not in the inventory"))
    )
    return (
        found.filter(pl.col("target").is_null())
        .with_columns(why.alias("why"), _name("source", names).alias("source_name"))
        .rename({"written": "target_name"})
        .unique(["source", "target_name", "kind"], keep="first", maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in UNRESOLVED.items())
    )


def _cycles(edges: pl.DataFrame) -> Iterator[tuple[int, ...]]:
    """One circle in each group of assets that need each other. A network's way out is none of them."""
    graph: nx.DiGraph[int] = nx.DiGraph(
        edges.filter(pl.col("kind") != EdgeKind.NETWORK.value).select("source", "target").rows()
    )
    groups = sorted((sorted(group) for group in nx.strongly_connected_components(graph)), key=lambda group: group[0])
    several = [group for group in groups if len(group) > 1 or graph.has_edge(group[0], group[0])]
    for group in several[:_MOST_CYCLES]:
        around = nx.find_cycle(graph.subgraph(group), group[0])
        yield tuple(edge[0] for edge in around)


def _orphans(assets: pl.DataFrame, edges: pl.DataFrame) -> tuple[int, ...]:
    linked = pl.concat([edges["source"], edges["target"]]).unique()
    return tuple(assets.filter(~pl.col("asset").is_in(linked.implode()))["asset"].to_list())
