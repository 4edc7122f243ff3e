"""Which records of an inventory are one asset."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import polars as pl

from workflows.asset_discovery.inventory.candidates import Crowd, candidates
from workflows.asset_discovery.inventory.groups import Identity, Refusal, joined
from workflows.asset_discovery.inventory.identities import identities, without_shared
from workflows.asset_discovery.inventory.judgment import Verdict, judged
from workflows.asset_discovery.inventory.look_alikes import by_shared_value
from workflows.asset_discovery.inventory.reasons import differences_of, reason_for

Pair = tuple[int, int]
"""Positions of two records in the frame, the smaller first."""
_MOST_NAMED = 10_000
_MOST_DOUBTFUL = 50_000
_AT_ONCE = 200_000
"""Pairs that are compared at once, so that memory does not grow with their number."""


@dataclass(frozen=True)
class DuplicateGroup:
    """Records that are one asset, as positions in the frame, and why."""

    rows: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class DoubtfulPair:
    """Two records that may be one asset; people decide.

    Attributes:
        a, b: Positions in the frame.
        reason: What agrees and what differs.
        likelihood: How much speaks for one asset, from 0 to 1.
    """

    a: int
    b: int
    reason: str
    likelihood: float


@dataclass(frozen=True)
class LookAlikes:
    """Records that share something and are not one asset, as positions in the frame, and why not."""

    rows: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Duplicates:
    """What was found; the groups exclude each other.

    Attributes:
        groups: Records that are one asset.
        doubtful: Pairs that people decide, those that are most likely one asset first, at most 10,000.
        distinct: Look-alikes, at most 10,000.
    """

    groups: tuple[DuplicateGroup, ...]
    doubtful: tuple[DoubtfulPair, ...]
    distinct: tuple[LookAlikes, ...]


def duplicates(frame: pl.DataFrame, same: Collection[Pair] = (), different: Collection[Pair] = ()) -> Duplicates:
    """Find the records that are one asset.

    Args:
        frame: Cleansed records (see `cleansing.Cleansed`), of one table or of several below each other. Records that
            are not valid (`_valid`) take no part.
        same: Pairs of which people have decided that they are one asset.
        different: Pairs of which people have decided that they are not.
    """
    positions = frame["_valid"].arg_true().to_list()
    # From here on, records are counted without those that take no part.
    places = {position: place for place, position in enumerate(positions)}
    base = identities(frame.filter("_valid"))
    pairs, crowds = candidates(base)
    decisions = [_placed(decided, places) for decided in (same, different)]
    return _Sorting(base, _worth_it(base, pairs), crowds, *decisions).result(positions)


def _placed(pairs: Collection[Pair], places: dict[int, int]) -> set[Pair]:
    known = (pair for pair in pairs if pair[0] in places and pair[1] in places)
    return {(min(places[a], places[b]), max(places[a], places[b])) for a, b in known}


def _worth_it(base: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The judged pairs that have something to say, the surest first."""
    prepared = without_shared(base)
    kept: list[pl.DataFrame] = []
    apart = 0
    for part in pairs.iter_slices(_AT_ONCE):
        found = judged(prepared, part)
        kept.append(found.filter(pl.col("verdict").is_in([Verdict.SAME.value, Verdict.DOUBTFUL.value])))
        distinct = found.filter(pl.col("verdict") == Verdict.DISTINCT.value).head(_MOST_NAMED - apart)
        apart += distinct.height
        kept.append(distinct)
    if not kept:
        return judged(prepared, pairs)
    found = pl.concat(kept).sort("score", descending=True, maintain_order=True)
    doubtful = pl.col("verdict") == Verdict.DOUBTFUL.value
    # Nobody decides more than the first of them, and what is decided leaves room for others.
    return found.filter(~doubtful | (doubtful.cum_sum() <= _MOST_DOUBTFUL))


class _Sorting:
    """Groups, doubtful pairs, and look-alikes, from judged pairs and from what people have decided."""

    def __init__(
        self, base: pl.DataFrame, found: pl.DataFrame, crowds: list[Crowd], same: set[Pair], different: set[Pair]
    ) -> None:
        self._base = base
        self._crowds = crowds
        self._same, self._different = same, different
        self._reasons: dict[Pair, str] = {}
        self._differences: dict[Pair, str] = {}
        self._of: dict[Verdict, list[tuple[Pair, int]]] = {verdict: [] for verdict in Verdict}
        for pair in found.iter_rows(named=True):
            key = (pair["a"], pair["b"])
            self._reasons[key] = reason_for(pair)
            self._differences[key] = differences_of(pair)
            self._of[Verdict(pair["verdict"])].append((key, pair["score"]))

    def result(self, positions: list[int]) -> Duplicates:
        """What was found, in positions of the frame."""
        sure = [pair for pair, _ in self._of[Verdict.SAME] if pair not in self._different]
        groups, refused = joined(self._same, sure, self._identities([*self._same, *sure]).__getitem__)
        group_of = {row: number for number, rows in enumerate(groups) for row in rows}
        doubtful = _once(self._doubtful(refused, group_of), group_of)
        return Duplicates(
            tuple(DuplicateGroup(_at(positions, rows), self._reason(rows)) for rows in groups),
            tuple(replace(pair, a=positions[pair.a], b=positions[pair.b]) for pair in doubtful[:_MOST_NAMED]),
            tuple(LookAlikes(_at(positions, item.rows), item.reason) for item in self._look_alikes(group_of)),
        )

    def _doubtful(self, refused: list[Refusal], group_of: dict[int, int]) -> list[DoubtfulPair]:
        found = [DoubtfulPair(*pair, self._reasons[pair], score / 100) for pair, score in self._of[Verdict.DOUBTFUL]]
        for item in refused:
            reason = self._reasons.get((item.a, item.b), "decided by people")
            found.append(DoubtfulPair(item.a, item.b, f"{reason}; {item.why}", 0.5))
        opened = (pair for pair in found if self._open((pair.a, pair.b), group_of))
        return sorted(opened, key=lambda pair: (-pair.likelihood, pair.a, pair.b))

    def _open(self, pair: Pair, group_of: dict[int, int]) -> bool:
        """Whether a doubtful pair still needs a decision."""
        together = pair[0] in group_of and group_of.get(pair[0]) == group_of.get(pair[1])
        return not together and pair not in self._different

    def _identities(self, pairs: list[Pair]) -> dict[int, Identity]:
        rows = {row for pair in pairs for row in pair}
        chosen = self._base.filter(pl.col("index").is_in(list(rows)))
        apart: dict[int, set[int]] = {}
        for a, b in self._different:
            apart.setdefault(a, set()).add(b)
            apart.setdefault(b, set()).add(a)
        columns = chosen.select("index", "serial_plain", "uuid", "host_serial", "macs", "squeezed").iter_rows()
        found: dict[int, Identity] = {}
        for index, serial, uuid, of_host, macs, name in columns:
            serials = {serial} if serial and not of_host else set()
            found[index] = Identity(
                [index],
                set() if uuid else serials,
                serials if uuid else set(),
                set(macs or ()),
                {name} if name else set(),
                apart.get(index, set()),
            )
        return found

    def _reason(self, rows: list[int]) -> str:
        reasons = (self._reasons.get((a, b), "") for place, a in enumerate(rows) for b in rows[place + 1 :])
        different = dict.fromkeys(reason for reason in reasons if reason)
        return " | ".join(list(different)[:3]) or "decided by people"

    def _look_alikes(self, group_of: dict[int, int]) -> list[LookAlikes]:
        apart = [
            (pair, self._differences[pair])
            for pair, _ in self._of[Verdict.DISTINCT][:_MOST_NAMED]
            if pair[0] not in group_of or group_of[pair[0]] != group_of.get(pair[1])
        ]
        found = [LookAlikes(tuple(sorted(item.rows)), item.reason) for item in by_shared_value(self._base, apart)]
        for crowd in self._crowds:
            found.append(LookAlikes(crowd.rows, f"same {crowd.what} ({crowd.value}), which many share"))
        return found[:_MOST_NAMED]


def _at(positions: list[int], rows: Iterable[int]) -> tuple[int, ...]:
    return tuple(positions[row] for row in rows)


def _once(pairs: list[DoubtfulPair], group_of: dict[int, int]) -> list[DoubtfulPair]:
    """One question for two assets, however many of their records are alike."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for pair in pairs:
        assets = [-1 - group_of[row] if row in group_of else row for row in (pair.a, pair.b)]
        key = (min(assets), max(assets))
        if key not in seen:
            seen.add(key)
            kept.append(pair)
    return kept
