"""What is known of the dependencies between the assets of an inventory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import networkx as nx


class EdgeKind(StrEnum):
    """How it is known that one asset needs another, the surest first.

    `DECLARED`: a column says so. `HOSTED`: it runs there. `MENTIONED`: one of its other cells names the other asset.
    `NETWORK`: the other one is the only way out of its network.
    """

    DECLARED = "declared"
    HOSTED = "hosted"
    MENTIONED = "mentioned"
    NETWORK = "network"


KINDS = tuple(kind.value for kind in EdgeKind)
EDGES = {
    "source": pl.UInt32, "target": pl.UInt32, "source_name": pl.String, "target_name": pl.String, "kind": pl.String,
    "reason": pl.String,
}  # fmt: skip
"""The columns of `Dependencies.edges`: numbers and names of both assets, an `EdgeKind`, and the reason in words."""
UNRESOLVED = {
    "source": pl.UInt32,
    "source_name": pl.String,
    "target_name": pl.String,
    "kind": pl.String,
    "why": pl.String,
}
"""The columns of `Dependencies.unresolved`."""


@dataclass(frozen=True)
class Dependencies:
    """The dependencies of an inventory.

    Attributes:
        edges: One row for each pair of assets, by the surest way in which it is known (`EDGES`).
        unresolved: What assets need that is not in the inventory, or that several assets are called (`UNRESOLVED`).
        cycles: Assets that need each other in a circle, by number, in the order of the circle; one asset: itself.
        orphans: Numbers of the assets that need none, and that none needs.
        names: The name of each asset, by number.
    """

    edges: pl.DataFrame
    unresolved: pl.DataFrame
    cycles: tuple[tuple[int, ...], ...]
    orphans: tuple[int, ...]
    names: dict[int, str]

    @cached_property
    def graph(self) -> nx.DiGraph[int]:
        """The assets that have dependencies, with an edge from each to what it needs."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        for source, target, kind, reason in self.edges.select("source", "target", "kind", "reason").iter_rows():
            graph.add_edge(source, target, kind=kind, reason=reason)
        return graph

    def in_words(self, cycle: tuple[int, ...]) -> str:
        """A cycle by names, such as `a → b → a`."""
        return " → ".join(self.names[asset] for asset in (*cycle, cycle[0]))
