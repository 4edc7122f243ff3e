"""The drawing of a workflow's graph: layers from top to bottom, computed from the catalog.

Each node is below all nodes that lead to it. An edge across several layers runs in its own lane past the nodes in
between; edges to the same node share a lane, and edges that lead back run at the left. All lengths are in px.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.web.runs.layers import BOX_WIDTH, Edge, Layers

MAX_NODES = 80
"""Larger graphs are not drawn: they would be unreadable."""
LINE_HEIGHT = 16
_PADDING = 9
_GLYPH = 28
_MARGIN = 4
_BETWEEN_LAYERS = 26
_WIDTHS = {**dict.fromkeys("iljtfrI.,:;'|!()[]/- ", 4.0), **dict.fromkeys("mwMW@%", 10.5)}


@dataclass(frozen=True)
class Box:
    """A node. `x` and `y` are its upper left corner, `lines` its title, wrapped to fit."""

    id: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> float:
        """The horizontal center."""
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        """The vertical center."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class EdgePath:
    """A segment of one or more edges.

    Attributes:
        path: SVG path data, in the direction of the run.
        edges: the edges that share the segment, as pairs of node ids.
        conditional: a run may or may not take it.
        head: it ends at a node, so it has an arrowhead.
    """

    path: str
    edges: frozenset[Edge]
    conditional: bool
    head: bool


@dataclass(frozen=True)
class Drawing:
    """A complete drawing."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[EdgePath, ...]


def drawing_of(nodes: Iterable[tuple[str, str]], edges: Iterable[Sequence[Any]]) -> Drawing | None:
    """Draw nodes (id, title) in their order, and edges (from, to, and a third member if conditional).

    None if there is nothing to draw: fewer than two nodes, no edge, or more than `MAX_NODES`.
    """
    known = dict(nodes)
    usable = tuple((str(edge[0]), str(edge[1]), len(edge) > 2) for edge in edges if {edge[0], edge[1]} <= known.keys())
    if not 2 <= len(known) <= MAX_NODES or not usable:
        return None
    return _drawn(tuple(known.items()), usable)


@lru_cache(maxsize=64)
def _drawn(nodes: tuple[tuple[str, str], ...], edges: tuple[tuple[str, str, bool], ...]) -> Drawing:
    return _Layout(dict(nodes), edges).drawing()


class _Layout:
    """Boxes and paths at the positions that `Layers` computed."""

    def __init__(self, titles: dict[str, str], edges: tuple[tuple[str, str, bool], ...]) -> None:
        self._lines_of = {node: _broken(title) for node, title in titles.items()}
        self._conditional = {(source, target): conditional for source, target, conditional in edges}
        self._layers = Layers(titles, self._conditional)

    def drawing(self) -> Drawing:
        tops, heights = self._heights()
        lanes = self._layers.lanes_back()
        left = min([spot.x - spot.half for spot in self._layers.spots.values()] + list(lanes.values()))
        shift = _MARGIN - left
        boxes = {
            node: Box(
                node, lines, self._layers.spots[node].x - BOX_WIDTH / 2 + shift, tops[self._layers.rank[node]],
                BOX_WIDTH, _box_height(lines),
            )
            for node, lines in self._lines_of.items()
        }  # fmt: skip
        pieces = [*self._forward_lines(boxes, tops, heights, shift), *self._backward_lines(boxes, lanes, shift)]
        right = max(spot.x + spot.half for spot in self._layers.spots.values()) + shift
        return Drawing(right + _MARGIN, tops[-1] + heights[-1] + _MARGIN, tuple(boxes.values()), tuple(pieces))

    def _heights(self) -> tuple[list[float], list[float]]:
        heights = [
            max((_box_height(self._lines_of[spot.key]) for spot in layer if not spot.lane), default=LINE_HEIGHT)
            for layer in self._layers.rows
        ]
        tops, y = [], float(_MARGIN)
        for height in heights:
            tops.append(y)
            y += height + _BETWEEN_LAYERS
        return tops, heights

    def _forward_lines(
        self, boxes: dict[str, Box], tops: list[float], heights: list[float], shift: float
    ) -> Iterator[EdgePath]:
        for (above, below), edges in self._layers.pieces.items():
            here, there = self._layers.spots[above], self._layers.spots[below]
            x0, x1 = here.x + shift, there.x + shift
            y0 = tops[here.rank] if here.lane else boxes[above].y + boxes[above].height
            y1, turn = tops[there.rank], tops[here.rank] + heights[here.rank]
            straight = f" V {_px(turn)}" if turn > y0 else ""
            bend = (turn + y1) / 2
            path = f"M {_px(x0)} {_px(y0)}{straight} C {_px(x0)} {_px(bend)} {_px(x1)} {_px(bend)} {_px(x1)} {_px(y1)}"
            yield EdgePath(path, frozenset(edges), all(self._conditional[edge] for edge in edges), not there.lane)

    def _backward_lines(self, boxes: dict[str, Box], lanes: dict[str, float], shift: float) -> Iterator[EdgePath]:
        for source, target in self._layers.backward:
            start, end, x = boxes[source], boxes[target], lanes[target] + shift
            y0, y1 = start.middle + 7, end.middle - 7
            turn = 6 if y0 > y1 else -6
            path = (
                f"M {_px(start.x)} {_px(y0)} H {_px(x + 6)} Q {_px(x)} {_px(y0)} {_px(x)} {_px(y0 - turn)} "
                f"V {_px(y1 + turn)} Q {_px(x)} {_px(y1)} {_px(x + 6)} {_px(y1)} H {_px(end.x)}"
            )
            yield EdgePath(path, frozenset({(source, target)}), self._conditional[source, target], True)


def _box_height(lines: tuple[str, ...]) -> float:
    """The height of the title plus one line for the state."""
    return (len(lines) + 1) * LINE_HEIGHT + 2 * _PADDING - 6


def _broken(title: str) -> tuple[str, ...]:
    """The title on at most two lines, cut with an ellipsis if it does not fit."""
    room = BOX_WIDTH - _GLYPH - _PADDING
    first, rest = _fitting(" ".join(title.split()) or "·", room)
    if not rest:
        return (first,)
    second, rest = _fitting(rest, room)
    return (first, second[:-1].rstrip() + "…" if rest else second)


def _fitting(text: str, room: float) -> tuple[str, str]:
    """The part of the text that fits, broken at a space if possible, and the rest."""
    used, end = 0.0, len(text)
    for number, char in enumerate(text):
        used += _WIDTHS.get(char, 8.6 if char.isupper() else 13.0 if ord(char) > 0x2E7F else 7.5)
        if used > room:
            end = number
            break
    if end == len(text):
        return text, ""
    space = text.rfind(" ", 1, end + 1)
    end = space if space > 0 else max(1, end)
    return text[:end], text[end:].strip()


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
