"""Groups of records that are one asset, without chains through weak links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain

_LARGEST_GROUP = 50


@dataclass
class Identity:
    """All that identifies the records of a group so far, and the records that people keep apart from them."""

    rows: list[int] = field(default_factory=list)
    serials: set[str] = field(default_factory=set)
    uuids: set[str] = field(default_factory=set)
    macs: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)

    def contradiction(self, other: Identity, decided: bool) -> str:
        """Why the groups cannot be one asset, although a record of each seems to be; empty if they can."""
        if not self.apart.isdisjoint(other.rows):
            return "people have decided that further records are of different assets"
        if decided:
            return ""
        if len(self.rows) + len(other.rows) > _LARGEST_GROUP:
            return f"more than {_LARGEST_GROUP} records would become one asset"
        if len(self.rows) + len(other.rows) == 2:
            return ""  # the two were compared with each other
        # A platform's UUID and a manufacturer's number of one asset differ.
        if _contradict(self.serials, other.serials) or _contradict(self.uuids, other.uuids):
            return "serial numbers of further records of the same asset differ"
        if _contradict(self.macs, other.macs) and _contradict(self.names, other.names):
            return "MAC addresses and names of further records of the same asset differ"
        return ""

    def add(self, other: Identity) -> None:
        self.rows += other.rows
        self.serials |= other.serials
        self.uuids |= other.uuids
        self.macs |= other.macs
        self.names |= other.names
        self.apart |= other.apart


def _contradict(one: set[str], other: set[str]) -> bool:
    return bool(one) and bool(other) and one.isdisjoint(other)


@dataclass(frozen=True)
class Refusal:
    """A pair that was not joined, because the groups contradict each other."""

    a: int
    b: int
    why: str


def joined(
    decided: set[tuple[int, int]], sure: Iterable[tuple[int, int]], identity_of: Callable[[int], Identity]
) -> tuple[list[list[int]], list[Refusal]]:
    """The groups of two and more records, each sorted, and the pairs that were refused.

    Args:
        decided: Pairs that people have joined; only people's other decisions speak against them.
        sure: Further pairs that are one asset, the surest first.
    """
    owner: dict[int, int] = {}
    groups: dict[int, Identity] = {}
    refused: list[Refusal] = []
    for a, b in chain(sorted(decided), sure):
        for row in (a, b):
            if row not in owner:
                owner[row] = row
                groups[row] = identity_of(row)
        first, second = owner[a], owner[b]
        if first == second:
            continue
        why = groups[first].contradiction(groups[second], (a, b) in decided)
        if why:
            refused.append(Refusal(a, b, why))
            continue
        if len(groups[first].rows) < len(groups[second].rows):
            first, second = second, first
        taken = groups.pop(second)
        groups[first].add(taken)
        for row in taken.rows:
            owner[row] = first
    return sorted(sorted(group.rows) for group in groups.values() if len(group.rows) > 1), refused
