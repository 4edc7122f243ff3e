"""Where the nodes and edges of a workflow's graph stand in a drawing: layers from top to bottom, worked out from the
catalogue alone.

Each node stands below all that lead to it. An edge over several layers runs in a lane of its own past the nodes in
between, which edges to the same node share; ways back run at the left edge. All measures are in px.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

MAX_NODES = 80
"""A larger graph is not drawn: nobody would find anything in it."""
BOX_WIDTH = 168
LINE_HEIGHT = 16
_PADDING = 9
_GLYPH = 28
_MARGIN = 4
_BETWEEN_LAYERS = 26
_BETWEEN_BOXES = 18
_LANE = 12
_SWEEPS = 8
_WIDTHS = {**dict.fromkeys("iljtfrI.,:;'|!()[]/- ", 4.0), **dict.fromkeys("mwMW@%", 10.5)}

Edge = tuple[str, str]


@dataclass(frozen=True)
class Box:
    """A node. `x` and `y` are its upper left corner; `lines` its title, broken to fit."""

    id: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """Middle from left to right."""
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        """Middle from top to bottom."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Line:
    """A piece of one or several edges.

    Attributes:
        path: the piece as SVG path data, in the direction in which a run goes.
        edges: the edges that share it, as pairs of node ids.
        conditional: a run may go this way and may not.
        head: it ends at a node, so it has the arrow's head.
    """

    path: str
    edges: frozenset[Edge]
    conditional: bool
    head: bool


@dataclass(frozen=True)
class Drawing:
    """A whole graph."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def drawing_of(nodes: Iterable[tuple[str, str]], edges: Iterable[Sequence[Any]]) -> Drawing | None:
    """The graph of nodes (id, title) in their order and edges (from, to, and a third member where it is conditional).

    None where there is nothing to draw: fewer than two nodes, no edge, or more than `MAX_NODES`.
    """
    known = dict(nodes)
    usable = tuple((str(each[0]), str(each[1]), len(each) > 2) for each in edges if {each[0], each[1]} <= known.keys())
    if not 2 <= len(known) <= MAX_NODES or not usable:
        return None
    return _drawn(tuple(known.items()), usable)


@lru_cache(maxsize=64)
def _drawn(nodes: tuple[tuple[str, str], ...], edges: tuple[tuple[str, str, bool], ...]) -> Drawing:
    return _Layout(dict(nodes), edges).drawing()


@dataclass
class _Spot:
    """A place in a layer: a node's, or where a lane passes the layer on its way to the node `lane_to`."""

    key: str
    rank: int
    lane_to: str = ""
    x: float = 0.0

    @property
    def lane(self) -> bool:
        """True for a lane's place."""
        return bool(self.lane_to)

    @property
    def half(self) -> float:
        return _LANE / 2 if self.lane else BOX_WIDTH / 2


class _Layout:
    def __init__(self, titles: dict[str, str], edges: tuple[tuple[str, str, bool], ...]) -> None:
        self._lines_of = {node: _broken(title) for node, title in titles.items()}
        order = {node: number for number, node in enumerate(titles)}
        self._free = {(source, target): conditional for source, target, conditional in edges}
        self._forward = [edge for edge in self._free if order[edge[0]] < order[edge[1]]]
        self._backward = [edge for edge in self._free if order[edge[0]] >= order[edge[1]]]
        self._rank = _ranks(titles, self._forward)
        self._spots = {node: _Spot(node, rank) for node, rank in self._rank.items()}
        self._pieces: dict[Edge, set[Edge]] = {}
        for edge in self._forward:
            self._lay(edge)
        self._layers: list[list[_Spot]] = [[] for _ in range(max(self._rank.values()) + 1)]
        for spot in self._spots.values():
            self._layers[spot.rank].append(spot)
        self._above = _neighbours((below, above) for above, below in self._pieces)
        self._below = _neighbours(self._pieces)

    def drawing(self) -> Drawing:
        self._order()
        self._place()
        tops, heights = self._heights()
        lanes = self._lanes_back()
        left = min([spot.x - spot.half for spot in self._spots.values()] + list(lanes.values()))
        shift = _MARGIN - left
        boxes = {
            node: Box(
                node, lines, self._spots[node].x - BOX_WIDTH / 2 + shift, tops[self._rank[node]],
                BOX_WIDTH, _box_height(lines),
            )
            for node, lines in self._lines_of.items()
        }  # fmt: skip
        pieces = [*self._forward_lines(boxes, tops, heights, shift), *self._backward_lines(boxes, lanes, shift)]
        right = max(spot.x + spot.half for spot in self._spots.values()) + shift
        return Drawing(right + _MARGIN, tops[-1] + heights[-1] + _MARGIN, tuple(boxes.values()), tuple(pieces))

    def _lay(self, edge: Edge) -> None:
        """Lay an edge down from layer to layer; from the second on it shares the lane of its target."""
        source, target = edge
        here = source
        for rank in range(self._rank[source] + 1, self._rank[target]):
            key = f"{target}\n{rank}"
            self._spots.setdefault(key, _Spot(key, rank, target))
            self._pieces.setdefault((here, key), set()).add(edge)
            here = key
        self._pieces.setdefault((here, target), set()).add(edge)

    def _order(self) -> None:
        """Sort each layer so that few lines cross, going down and up by where the neighbours stand."""
        best, fewest = [list(layer) for layer in self._layers], self._crossings()
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            layers = self._layers[1:] if down else self._layers[-2::-1]
            for layer in layers:
                self._sort(layer, self._above if down else self._below)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self._layers], crossings
        self._layers = best

    def _sort(self, layer: list[_Spot], neighbours: dict[str, list[str]]) -> None:
        at = self._positions()

        def wanted(spot: _Spot) -> float:
            near = [at[each] for each in neighbours.get(spot.key, ())]
            return sum(near) / len(near) if near else at[spot.key]

        layer.sort(key=lambda spot: (wanted(spot), spot.lane))

    def _positions(self) -> dict[str, float]:
        """Where each stands in its layer, from 0 to 1."""
        return {
            spot.key: (number + 0.5) / len(layer) for layer in self._layers for number, spot in enumerate(layer)
        }  # fmt: skip

    def _crossings(self) -> int:
        at = self._positions()
        count = 0
        for layer in self._layers[:-1]:
            ends = [(at[spot.key], at[below]) for spot in layer for below in self._below.get(spot.key, ())]
            count += sum(
                1 for number, one in enumerate(ends) for other in ends[number + 1 :]
                if (one[0] - other[0]) * (one[1] - other[1]) < 0
            )  # fmt: skip
        return count

    def _place(self) -> None:
        """Give every spot its x: near its neighbours, straight where it can be, and never over another."""
        for layer in self._layers:
            _spread(layer, [0.0] * len(layer), [1.0] * len(layer))
        # One way at a time, or a long chain would take as many turns to straighten as it has layers; then both ways.
        for _ in range(_SWEEPS):
            self._draw_near(self._layers, self._above)
            self._draw_near(self._layers[::-1], self._below)
        for _ in range(2):
            self._draw_near(self._layers, self._above, self._below)
        self._straighten()

    def _straighten(self) -> None:
        """Lanes with no node to their right run straight down, each beside the other."""
        lanes: dict[str, list[_Spot]] = {}
        hemmed_in: set[str] = set()
        for layer in self._layers:
            last_node = max((number for number, spot in enumerate(layer) if not spot.lane), default=-1)
            for number, spot in enumerate(layer):
                lanes.setdefault(spot.lane_to, []).append(spot)
                if number <= last_node:
                    hemmed_in.add(spot.lane_to)
        placed: list[tuple[set[int], float]] = []
        outer = [spots for target, spots in lanes.items() if target and target not in hemmed_in]
        for spots in sorted(outer, key=lambda each: max(spot.x for spot in each)):
            ranks = {spot.rank for spot in spots}
            beside = [x + _LANE for others, x in placed if others & ranks]
            x = max([spot.x for spot in spots] + beside)
            for spot in spots:
                spot.x = x
            placed.append((ranks, x))

    def _draw_near(self, layers: Iterable[list[_Spot]], *neighbours: dict[str, list[str]]) -> None:
        for layer in layers:
            pulls = [
                self._pull(spot, [each for near in neighbours for each in near.get(spot.key, ())]) for spot in layer
            ]
            _spread(layer, [x for x, _ in pulls], [weight for _, weight in pulls])

    def _pull(self, spot: _Spot, near: list[str]) -> tuple[float, float]:
        """Where its neighbours want it, and how strongly. Lanes and chains stay straight; a lane pulls no node."""
        total, weight = spot.x * 0.01, 0.01
        for key in near:
            other = self._spots[key]
            strength = {0: 1.0, 1: 0.02, 2: 4.0}[spot.lane + other.lane]
            if not spot.lane and not other.lane and self._is_chained(spot, other):
                strength = 8.0
            total += other.x * strength
            weight += strength
        return total / weight, weight

    def _is_chained(self, one: _Spot, other: _Spot) -> bool:
        """True if nothing else leads on from the upper of the two, or to the lower one, but by a lane."""
        above, below = (one, other) if one.rank < other.rank else (other, one)
        ways = [*self._below.get(above.key, ()), *self._above.get(below.key, ())]
        return sum(not self._spots[each].lane for each in ways) == 2

    def _heights(self) -> tuple[list[float], list[float]]:
        heights = [
            max((_box_height(self._lines_of[spot.key]) for spot in layer if not spot.lane), default=LINE_HEIGHT)
            for layer in self._layers
        ]
        tops, y = [], float(_MARGIN)
        for height in heights:
            tops.append(y)
            y += height + _BETWEEN_LAYERS
        return tops, heights

    def _lanes_back(self) -> dict[str, float]:
        """The x of the lane to each node that a way leads back to."""
        spans: dict[str, tuple[int, int]] = {}
        for source, target in self._backward:
            # In an order that is not a run's own, what counts as a way back may lead down.
            top, deepest = spans.get(target, (self._rank[target], self._rank[target]))
            spans[target] = (min(top, self._rank[source]), max(deepest, self._rank[source]))
        taken: list[tuple[int, int, int]] = []
        lanes = {}
        for target, (top, deepest) in sorted(spans.items(), key=lambda item: item[1][1] - item[1][0]):
            near = {slot for first, last, slot in taken if first <= deepest and top <= last}
            slot = next(number for number in range(len(taken) + 1) if number not in near)
            taken.append((top, deepest, slot))
            edge = min(spot.x - spot.half for layer in self._layers[top : deepest + 1] for spot in layer)
            lanes[target] = edge - (slot + 1) * _LANE
        return lanes

    def _forward_lines(
        self, boxes: dict[str, Box], tops: list[float], heights: list[float], shift: float
    ) -> Iterator[Line]:
        for (above, below), edges in self._pieces.items():
            here, there = self._spots[above], self._spots[below]
            x0, x1 = here.x + shift, there.x + shift
            y0 = tops[here.rank] if here.lane else boxes[above].y + boxes[above].height
            y1, turn = tops[there.rank], tops[here.rank] + heights[here.rank]
            straight = f" V {_px(turn)}" if turn > y0 else ""
            bend = (turn + y1) / 2
            path = f"M {_px(x0)} {_px(y0)}{straight} C {_px(x0)} {_px(bend)} {_px(x1)} {_px(bend)} {_px(x1)} {_px(y1)}"
            yield Line(path, frozenset(edges), all(self._free[each] for each in edges), not there.lane)

    def _backward_lines(self, boxes: dict[str, Box], lanes: dict[str, float], shift: float) -> Iterator[Line]:
        for source, target in self._backward:
            start, end, x = boxes[source], boxes[target], lanes[target] + shift
            y0, y1 = start.middle + 7, end.middle - 7
            turn = 6 if y0 > y1 else -6
            path = (
                f"M {_px(start.x)} {_px(y0)} H {_px(x + 6)} Q {_px(x)} {_px(y0)} {_px(x)} {_px(y0 - turn)} "
                f"V {_px(y1 + turn)} Q {_px(x)} {_px(y1)} {_px(x + 6)} {_px(y1)} H {_px(end.x)}"
            )
            yield Line(path, frozenset({(source, target)}), self._free[source, target], True)


def _ranks(nodes: Iterable[str], forward: Iterable[Edge]) -> dict[str, int]:
    """The layer of each node: below all that lead to it. `nodes` stand in an order that all `forward` edges follow."""
    above = _neighbours((target, source) for source, target in forward)
    ranks: dict[str, int] = {}
    for node in nodes:
        ranks[node] = max((ranks[each] + 1 for each in above.get(node, ())), default=0)
    return ranks


def _neighbours(pairs: Iterable[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return found


def _spread(layer: list[_Spot], wanted: list[float], weights: list[float]) -> None:
    """Move the spots of a layer as near as they can be to what is wanted, in their order and with room between them.

    What would overlap is joined to a block that stands at the mean of what its members want (isotonic regression).
    """
    offsets = [0.0]
    for one, other in pairwise(layer):
        gap = _LANE / 2 if one.lane and other.lane else _BETWEEN_BOXES
        offsets.append(offsets[-1] + one.half + gap + other.half)
    blocks: list[tuple[float, float, int]] = []
    for x, offset, weight in zip(wanted, offsets, weights, strict=True):
        block = (x - offset, weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            mean, mass, count = blocks.pop()
            both = mass + block[1]
            block = ((mean * mass + block[0] * block[1]) / both, both, count + block[2])
        blocks.append(block)
    starts = [mean for mean, _, count in blocks for _ in range(count)]
    for spot, start, offset in zip(layer, starts, offsets, strict=True):
        spot.x = start + offset


def _box_height(lines: tuple[str, ...]) -> float:
    """Room for the title and one more line, which says the state."""
    return (len(lines) + 1) * LINE_HEIGHT + 2 * _PADDING - 6


def _broken(title: str) -> tuple[str, ...]:
    """The title on at most two lines; what does not fit is cut with an ellipsis."""
    room = BOX_WIDTH - _GLYPH - _PADDING
    first, rest = _fitting(" ".join(title.split()) or "·", room)
    if not rest:
        return (first,)
    second, rest = _fitting(rest, room)
    return (first, second[:-1].rstrip() + "…" if rest else second)


def _fitting(text: str, room: float) -> tuple[str, str]:
    """As much of the text as fits, broken at a space where there is one, and the rest."""
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
