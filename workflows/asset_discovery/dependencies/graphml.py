"""The dependencies as GraphML, which programs for graphs read."""

from __future__ import annotations

import re
from pathlib import Path

import networkx as nx
import polars as pl

from workflows.asset_discovery.dependencies.model import Dependencies

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHOWN = ("asset_type", "environment", "location", "application", "criticality", "status")


def write_graphml(found: Dependencies, assets: pl.DataFrame, path: Path) -> None:
    """Write all assets, with what is known of them, and their dependencies (http://graphml.graphdrawing.org)."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for asset, *values in assets.select("asset", *_SHOWN).iter_rows():
        facts = {name: _xml(value) for name, value in zip(_SHOWN, values, strict=True) if value}
        graph.add_node(str(asset), name=_xml(found.names[asset]), **facts)
    for source, target, kind, reason in found.edges.select("source", "target", "kind", "reason").iter_rows():
        graph.add_edge(str(source), str(target), kind=kind, reason=_xml(reason))
    nx.write_graphml_xml(graph, path)


def _xml(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
