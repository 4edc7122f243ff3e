"""The layers of a graph: which one each node is in, in what order, and at what horizontal position.

An edge across several layers has a place in each of them, its lane, which edges to the same node share. All lengths
are in px.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

BOX_WIDTH = 168
"""Width of a node's box."""
_BETWEEN_BOXES = 18
_LANE = 12
_SWEEPS = 8

Edge = tuple[str, str]
"""The ids of an edge's source and target."""


@dataclass
class Spot:
    """A place in a layer: a node, or where a lane passes on its way to the node `lane_to`."""

    key: str
    rank: int
    lane_to: str = ""
    x: float = 0.0

    @property
    def lane(self) -> bool:
        """True if this is a lane's place."""
        return bool(self.lane_to)

    @property
    def half(self) -> float:
        """Half of the width."""
        return _LANE / 2 if self.lane else BOX_WIDTH / 2


class Layers:
    """The positions of a graph's nodes and lanes.

    Attributes:
        rank: the layer of each node, counted from the top.
        spots: every place, by the node's id or the lane's key.
        rows: the places of each layer, from left to right.
        pieces: for each pair of places in adjacent layers, the edges between them.
        backward: edges that lead back, in lanes at the left.
    """

    def __init__(self, nodes: Iterable[str], edges: Iterable[Edge]) -> None:
        order = {node: number for number, node in enumerate(nodes)}
        edges = list(dict.fromkeys(edges))
        forward = [edge for edge in edges if order[edge[0]] < order[edge[1]]]
        self.backward = [edge for edge in edges if order[edge[0]] >= order[edge[1]]]
        self.rank = _ranks(order, forward)
        self.spots = {node: Spot(node, rank) for node, rank in self.rank.items()}
        self.pieces: dict[Edge, set[Edge]] = {}
        for edge in forward:
            self._lay(edge)
        self.rows: list[list[Spot]] = [[] for _ in range(max(self.rank.values()) + 1)]
        for spot in self.spots.values():
            self.rows[spot.rank].append(spot)
        self._above = _neighbors((below, above) for above, below in self.pieces)
        self._below = _neighbors(self.pieces)
        self._order()
        self._place()

    def _lay(self, edge: Edge) -> None:
        """Route an edge from layer to layer; from the second on, it shares its target's lane."""
        source, target = edge
        here = source
        for rank in range(self.rank[source] + 1, self.rank[target]):
            key = f"{target}\n{rank}"
            self.spots.setdefault(key, Spot(key, rank, target))
            self.pieces.setdefault((here, key), set()).add(edge)
            here = key
        self.pieces.setdefault((here, target), set()).add(edge)

    def _order(self) -> None:
        """Sort each layer to reduce crossings, sweeping down and up by the positions of neighbors."""
        best, fewest = [list(layer) for layer in self.rows], self._crossings()
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            layers = self.rows[1:] if down else self.rows[-2::-1]
            for layer in layers:
                self._sort(layer, self._above if down else self._below)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.rows], crossings
        self.rows = best

    def _sort(self, layer: list[Spot], neighbors: dict[str, list[str]]) -> None:
        at = self._positions()

        def wanted(spot: Spot) -> float:
            near = [at[key] for key in neighbors.get(spot.key, ())]
            return sum(near) / len(near) if near else at[spot.key]

        layer.sort(key=lambda spot: (wanted(spot), spot.lane))

    def _positions(self) -> dict[str, float]:
        """The position of each place in its layer, from 0 to 1."""
        return {
            spot.key: (number + 0.5) / len(layer) for layer in self.rows for number, spot in enumerate(layer)
        }  # fmt: skip

    def _crossings(self) -> int:
        at = self._positions()
        count = 0
        for layer in self.rows[:-1]:
            ends = [(at[spot.key], at[below]) for spot in layer for below in self._below.get(spot.key, ())]
            count += sum(
                1 for number, one in enumerate(ends) for other in ends[number + 1 :]
                if (one[0] - other[0]) * (one[1] - other[1]) < 0
            )  # fmt: skip
        return count

    def _place(self) -> None:
        """Compute every x: near the neighbors, straight where possible, and without overlaps."""
        for layer in self.rows:
            _spread(layer, [0.0] * len(layer), [1.0] * len(layer))
        # One direction at a time: with both, a long chain would need as many rounds as it has layers. Then both.
        for _ in range(_SWEEPS):
            self._draw_near(self.rows, self._above)
            self._draw_near(self.rows[::-1], self._below)
        for _ in range(2):
            self._draw_near(self.rows, self._above, self._below)
        self._straighten()

    def _straighten(self) -> None:
        """Make lanes without a node to their right run straight down, side by side."""
        lanes: dict[str, list[Spot]] = {}
        hemmed_in: set[str] = set()
        for layer in self.rows:
            last_node = max((number for number, spot in enumerate(layer) if not spot.lane), default=-1)
            for number, spot in enumerate(layer):
                lanes.setdefault(spot.lane_to, []).append(spot)
                if number <= last_node:
                    hemmed_in.add(spot.lane_to)
        placed: list[tuple[set[int], float]] = []
        outer = [spots for target, spots in lanes.items() if target and target not in hemmed_in]
        for spots in sorted(outer, key=lambda lane: max(spot.x for spot in lane)):
            ranks = {spot.rank for spot in spots}
            beside = [x + _LANE for others, x in placed if others & ranks]
            x = max([spot.x for spot in spots] + beside)
            for spot in spots:
                spot.x = x
            placed.append((ranks, x))

    def _draw_near(self, layers: Iterable[list[Spot]], *neighbors: dict[str, list[str]]) -> None:
        for layer in layers:
            pulls = [self._pull(spot, [key for near in neighbors for key in near.get(spot.key, ())]) for spot in layer]
            _spread(layer, [x for x, _ in pulls], [weight for _, weight in pulls])

    def _pull(self, spot: Spot, near: list[str]) -> tuple[float, float]:
        """Where a place's neighbors pull it, and how strongly. Chains and lanes stay straight; lanes pull no nodes."""
        total, weight = spot.x * 0.01, 0.01
        for key in near:
            other = self.spots[key]
            strength = {0: 1.0, 1: 0.02, 2: 4.0}[spot.lane + other.lane]
            if not spot.lane and not other.lane and self._is_chained(spot, other):
                strength = 8.0
            total += other.x * strength
            weight += strength
        return total / weight, weight

    def _is_chained(self, one: Spot, other: Spot) -> bool:
        """True if, apart from lanes, the upper one leads only to the lower one, and only it leads there."""
        above, below = (one, other) if one.rank < other.rank else (other, one)
        ways = [*self._below.get(above.key, ()), *self._above.get(below.key, ())]
        return sum(not self.spots[key].lane for key in ways) == 2

    def lanes_back(self) -> dict[str, float]:
        """The x of the lane to each node that an edge leads back to."""
        spans: dict[str, tuple[int, int]] = {}
        for source, target in self.backward:
            # If the nodes are not in a run's order, an edge that leads back may point down.
            top, deepest = spans.get(target, (self.rank[target], self.rank[target]))
            spans[target] = (min(top, self.rank[source]), max(deepest, self.rank[source]))
        taken: list[tuple[int, int, int]] = []
        lanes = {}
        for target, (top, deepest) in sorted(spans.items(), key=lambda item: item[1][1] - item[1][0]):
            near = {slot for first, last, slot in taken if first <= deepest and top <= last}
            slot = next(number for number in range(len(taken) + 1) if number not in near)
            taken.append((top, deepest, slot))
            edge = min(spot.x - spot.half for layer in self.rows[top : deepest + 1] for spot in layer)
            lanes[target] = edge - (slot + 1) * _LANE
        return lanes


def _ranks(nodes: Iterable[str], forward: Iterable[Edge]) -> dict[str, int]:
    """The layer of each node: below all that lead to it. All `forward` edges follow the order of `nodes`."""
    above = _neighbors((target, source) for source, target in forward)
    ranks: dict[str, int] = {}
    for node in nodes:
        ranks[node] = max((ranks[parent] + 1 for parent in above.get(node, ())), default=0)
    return ranks


def _neighbors(pairs: Iterable[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return found


def _spread(layer: list[Spot], wanted: list[float], weights: list[float]) -> None:
    """Move the places of a layer as close as possible to the wanted positions, in order and without overlaps.

    Places that would overlap form a block at the mean of its members' wanted positions (isotonic regression).
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
