"""The dependencies as a drawing: what is needed stands below what needs it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from html import escape

import networkx as nx
import polars as pl

from workflows.asset_discovery.dependencies.model import Dependencies, EdgeKind

MOST_NODES = 80
"""As many assets are drawn; more would be a thicket. The table and the GraphML file have all of them."""
_MOST_A_ROW = 12
_MOST_LOOKED_AT = 1_000
_WIDTH, _HEIGHT, _GAP, _BETWEEN, _EDGE = 150, 38, 16, 56, 24
_MOST_LETTERS = 20
_SWEEPS = 4
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.note{font-size:10px}"
    ".box{fill:#f6f8fa;stroke:#8c959f}.cycle .box{stroke:#cf222e;"
    "stroke-width:2}.edge{fill:none;stroke:#57606a}.hosted{stroke-dasharray:6 3}.mentioned,.network{stroke-dasharray:"
    "2 3}.back{stroke:#cf222e}marker path{fill:#57606a}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.box{fill:"
    "#161b22;stroke:#6e7681}.edge{stroke:#8b949e}.cycle .box,.back{stroke:#f85149}marker path{fill:#8b949e}}"
)
_LEGEND = (
    (EdgeKind.DECLARED, "declared"), (EdgeKind.HOSTED, "runs there"), (EdgeKind.MENTIONED, "named in a cell"),
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """A drawing.

    Attributes:
        svg: The whole file, light or dark as its viewer prefers.
        drawn, left_out: How many assets with dependencies are in it, and how many are not.
    """

    svg: str
    drawn: int
    left_out: int


def draw(found: Dependencies) -> Drawing:
    """Draw the assets with the most dependencies, and what they need.

    Ways out of networks are not drawn. Of those that run somewhere, only what others need is: a host with forty guests
    would hide all else, so that its box says how many there are.
    """
    edges = _drawable(found.edges)
    chosen = _most_connected(edges)
    inside = pl.col("source").is_in(chosen) & pl.col("target").is_in(chosen)
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(sorted(chosen))
    graph.add_edges_from((source, target, {"kind": kind}) for source, target, kind in edges.filter(inside).iter_rows())
    places, width, height = _placed(_layers(graph))
    guests = _guests(found.edges, chosen)
    around = {asset for cycle in found.cycles for asset in cycle}
    parts = [_edge(places, source, target, facts["kind"]) for source, target, facts in graph.edges(data=True)]
    parts += [_box(places[asset], found.names[asset], guests.get(asset, 0), asset in around) for asset in places]
    left_out = pl.concat([edges["source"], edges["target"]]).n_unique() - len(chosen)
    return Drawing(_document(parts, width, height, len(chosen), left_out), len(chosen), left_out)


def _drawable(edges: pl.DataFrame) -> pl.DataFrame:
    others = edges.select("source", "target", "kind").filter(pl.col("source") != pl.col("target"))
    said = others.filter(pl.col("kind").is_in([EdgeKind.DECLARED.value, EdgeKind.MENTIONED.value]))
    hosted = (pl.col("kind") == EdgeKind.HOSTED.value) & pl.col("source").is_in(said["target"].unique().implode())
    return pl.concat([said, others.filter(hosted)])


def _guests(edges: pl.DataFrame, hosts: set[int]) -> dict[int, int]:
    """How many assets run on each of these."""
    hosted = edges.filter((pl.col("kind") == EdgeKind.HOSTED.value) & pl.col("target").is_in(hosts))
    return dict(hosted.group_by("target").len().iter_rows())


def _most_connected(edges: pl.DataFrame) -> set[int]:
    """The assets to draw: whole neighborhoods of those that most others need, as long as there is room."""
    counted = [
        edges.group_by(end).len(name).rename({end: "asset"})
        for end, name in (("target", "needed_by"), ("source", "needs"))
    ]
    ranked = counted[0].join(counted[1], on="asset", how="full", coalesce=True).fill_null(0)
    first = ranked.sort("needed_by", "needs", "asset", descending=[True, True, False]).head(_MOST_LOOKED_AT)["asset"]
    above = _neighbors(edges, first, "target", "source")
    below = _neighbors(edges, first, "source", "target")
    chosen: set[int] = set()
    for asset in first:
        together = {asset, *above.get(asset, [])[:_MOST_A_ROW], *below.get(asset, [])} - chosen
        if len(chosen) + len(together) <= MOST_NODES:
            chosen |= together
    return chosen


def _neighbors(edges: pl.DataFrame, assets: pl.Series, end: str, other: str) -> dict[int, list[int]]:
    """For each of these assets those at the other end of its edges, in order."""
    near = edges.filter(pl.col(end).is_in(assets.implode()))
    return dict(near.group_by(end).agg(pl.col(other).sort()).iter_rows())


def _layers(graph: nx.DiGraph[int]) -> list[list[int]]:
    """Rows from top to bottom, each asset above what it needs; those of a cycle stand in one row or wrap."""
    groups = nx.condensation(graph)
    rows: list[list[int]] = []
    for generation in nx.topological_generations(groups):
        members = sorted(asset for group in generation for asset in groups.nodes[group]["members"])
        rows += [members[at : at + _MOST_A_ROW] for at in range(0, len(members), _MOST_A_ROW)]
    for _ in range(_SWEEPS):
        rows = _untangled(graph, rows)
    return rows


def _untangled(graph: nx.DiGraph[int], rows: list[list[int]]) -> list[list[int]]:
    """The rows with their assets ordered by the middle of their neighbours above, which crosses fewer lines."""
    column = {asset: at - len(row) / 2 for row in rows for at, asset in enumerate(row)}
    for row in rows[1:]:
        middle: dict[int, float] = defaultdict(float)
        for asset in row:
            above = [column[other] for other in graph.predecessors(asset)]
            middle[asset] = sum(above) / len(above) if above else column[asset]
        row.sort(key=lambda asset: (middle[asset], asset))
        column.update({asset: at - len(row) / 2 for at, asset in enumerate(row)})
    return rows


Place = tuple[float, float]


def _placed(layers: list[list[int]]) -> tuple[dict[int, Place], int, int]:
    """The upper left corner of each box, and the size of the drawing."""
    widest = max((len(row) for row in layers), default=1)
    width = max(widest * (_WIDTH + _GAP) - _GAP + 2 * _EDGE, 480)
    places: dict[int, Place] = {}
    for number, row in enumerate(layers):
        left = (width - (len(row) * (_WIDTH + _GAP) - _GAP)) / 2
        for at, asset in enumerate(row):
            places[asset] = (left + at * (_WIDTH + _GAP), _EDGE + 24 + number * (_HEIGHT + _BETWEEN))
    return places, width, 2 * _EDGE + 24 + max(len(layers), 1) * (_HEIGHT + _BETWEEN) - _BETWEEN


def _box(place: Place, name: str, guests: int, in_cycle: bool) -> str:
    plain = _NOT_XML.sub("\ufffd", name)
    shown = plain if len(plain) <= _MOST_LETTERS else f"{plain[: _MOST_LETTERS - 1]}…"
    runs = f"runs {guests}" if guests else ""
    x, y = place
    second = (
        f'<text class="note" x="{x + _WIDTH / 2:g}" y="{y + 31:g}" text-anchor="middle">{runs}</text>' if runs else ""
    )
    return (
        f'<g class="{"cycle" if in_cycle else "asset"}"><title>{escape(", ".join(filter(None, (plain, runs))))}</title>'
        f'<rect class="box" x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + _WIDTH / 2:g}" y="{y + (17 if runs else 23):g}" text-anchor="middle">{escape(shown)}</text>'
        f"{second}</g>"
    )


def _edge(places: dict[int, Place], source: int, target: int, kind: str) -> str:
    (from_x, from_y), (to_x, to_y) = places[source], places[target]
    down = to_y > from_y
    start_x, start_y = from_x + _WIDTH / 2, from_y + (_HEIGHT if down else 0)
    end_x, end_y = to_x + _WIDTH / 2, to_y + (_HEIGHT if to_y < from_y else 0)
    bend = _BETWEEN / 2 if down else -_BETWEEN / 2
    bends = f"{start_x:g},{start_y + bend:g} {end_x:g},{end_y - bend:g}"
    path = f"M{start_x:g},{start_y:g}C{bends} {end_x:g},{end_y:g}"
    return f'<path class="edge {kind}{"" if down else " back"}" d="{path}" marker-end="url(#tip)"/>'


def _document(parts: list[str], width: int, height: int, drawn: int, left_out: int) -> str:
    words = f"{drawn} assets and what they need, from top to bottom."
    if left_out:
        words += f" {left_out} further assets with dependencies are not drawn."
    legend = "".join(
        f'<path class="edge {kind.value}" d="M{_EDGE + at * 150},{_EDGE - 4}h30"/>'
        f'<text x="{_EDGE + at * 150 + 36}" y="{_EDGE}">{title}</text>'
        for at, (kind, title) in enumerate(_LEGEND)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><title>Dependencies</title><desc>{words}</desc><style>{_STYLE}</style><defs>'
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0,0L8,4L0,8z"/></marker></defs>{legend}{"".join(parts)}</svg>\n'
    )
