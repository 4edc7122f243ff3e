"""Single points of failure: assets that several others need, and that nothing can replace."""

from __future__ import annotations

from collections import deque

import networkx as nx
import polars as pl

from workflows.asset_discovery.dependencies.model import Dependencies, EdgeKind

POINTS = {
    "asset": pl.UInt32, "needed_by": pl.UInt32, "in_production": pl.UInt32, "cluster": pl.String, "reason": pl.String,
}  # fmt: skip
"""The columns of `single_points`: how many assets need it, directly or by way of others, and how many in production."""
_FEWEST = 3
_MOST = 250


def single_points(assets: pl.DataFrame, found: Dependencies) -> pl.DataFrame:
    """The assets that at least three others need, and that have no second member in their cluster.

    Returns:
        At most 250 rows (`POINTS`), those first that most assets in production need.
    """
    said = [edge for edge in found.graph.edges(data=True) if edge[2]["kind"] != EdgeKind.NETWORK.value]
    graph: nx.DiGraph[int] = nx.DiGraph(edge[:2] for edge in said if edge[0] != edge[1])
    facts = {
        row[0]: row[1:] for row in assets.select("asset", "environment_class", "cluster", "status_class").iter_rows()
    }
    members = _members(assets)
    rows = []
    for asset in sorted(graph, key=lambda asset: (-graph.in_degree(asset), asset))[: 2 * _MOST]:
        cluster, status = facts[asset][1] or "", facts[asset][2]
        if members.get(cluster.casefold(), 0) > 1 or status == "retired":
            continue
        needing = _needing(graph, asset)
        if len(needing) >= _FEWEST:
            live = sum(facts[other][0] == "production" for other in needing)
            rows.append((asset, len(needing), live, cluster, _reason(len(needing), live, cluster)))
    rows.sort(key=lambda row: (-row[2], -row[1], row[0]))
    return pl.DataFrame(rows[:_MOST], schema=POINTS, orient="row")


def _members(assets: pl.DataFrame) -> dict[str, int]:
    """How many assets that are not retired each cluster has."""
    used = assets.filter(pl.col("cluster").is_not_null() & (pl.col("status_class").fill_null("") != "retired"))
    return dict(used.group_by(pl.col("cluster").str.to_lowercase()).len().iter_rows())


def _needing(graph: nx.DiGraph[int], asset: int) -> set[int]:
    """All that need it, directly or by way of others."""
    found: set[int] = set()
    waiting = deque(graph.predecessors(asset))
    while waiting:
        other = waiting.popleft()
        if other not in found and other != asset:
            found.add(other)
            waiting.extend(graph.predecessors(other))
    return found


def _reason(needing: int, live: int, cluster: str) -> str:
    production = f", {live:,} of them in production" if live else ""
    alone = f"it is the only member of its cluster {cluster}" if cluster else "it is in no cluster"
    return f"{needing:,} assets need it{production}, and {alone}."
