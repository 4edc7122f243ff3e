"""Judges new indexes by their effect on the measured queries, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from workflows.database_maintenance.measure import effect_on, factor, milliseconds, overall, times
from workflows.database_maintenance.model import Applied, Measurement, Query
from workflows.database_maintenance.noise import Change, change, reads_less

Pair = tuple[Query, Measurement, Measurement]
"""A query, and its measurements before and after."""


class IndexVerdict(BaseModel):
    """Whether a new index stays, and the reason in words."""

    id: str
    index: str
    keep: bool
    reason: str
    factor: float | None = None


def judge(
    applied: Sequence[Applied],
    queries: Sequence[Query],
    before: dict[str, Measurement],
    after: dict[str, Measurement],
    min_improvement: float,
) -> list[IndexVerdict]:
    """Return a verdict for each index that this run created.

    Each query that uses an index is judged by itself. It has become faster if it saves at least `min_improvement` of
    its time beyond noise, or reads so many pages less without becoming slower. An index stays if it makes a query
    faster, and no others slower by more than that, weighted by how often they run. Queries that do not use it do not
    count.
    """
    both = [(query, before[query.id], after[query.id]) for query in queries if query.id in before and query.id in after]
    return [
        _judge_one(record, [pair for pair in both if record.index in pair[2].indexes], min_improvement)
        for record in applied
        if record.ours
    ]


def _judge_one(record: Applied, users: list[Pair], least: float) -> IndexVerdict:
    if not users:
        return IndexVerdict(id=record.id, index=record.index, keep=False, reason="No measured query uses it.")
    helped, slower = sorted_out(users, least)
    keep = outweighs(helped, slower)
    old_ms, new_ms = overall(effect_on(*pair) for pair in users)
    if keep:
        reason = f"Faster: {_numbers(users, old_ms, new_ms)}.{_others(helped, slower, users)}"
    elif slower:
        reason = f"Slower: {_numbers(users, old_ms, new_ms)}.{_others(helped, slower, users)}"
    else:
        reason = f"Not enough: {_numbers(users, old_ms, new_ms)}; at least {least:.0%} must be saved, beyond noise."
    return IndexVerdict(
        id=record.id, index=record.index, keep=keep, reason=reason, factor=round(factor(old_ms, new_ms), 2)
    )


def sorted_out(pairs: Sequence[Pair], least: float) -> tuple[list[Pair], list[Pair]]:
    """Return the queries that are helped, and those that became slower, each by at least the share `least`."""
    changes = [(pair, change(pair[1], pair[2], least)) for pair in pairs]
    helped = [
        pair
        for pair, kind in changes
        if kind is Change.FASTER or (kind is Change.SAME and reads_less(pair[1], pair[2], least))
    ]
    return helped, [pair for pair, kind in changes if kind is Change.SLOWER]


def outweighs(helped: list[Pair], slower: list[Pair]) -> bool:
    """Return whether some queries are helped, and gain more than others lose, weighted by how often they run."""
    return bool(helped) and (not slower or _saved_ms(helped) > -_saved_ms(slower))


def _saved_ms(pairs: list[Pair]) -> float:
    before, after = overall(effect_on(*pair) for pair in pairs)
    return before - after


def _numbers(users: list[Pair], old_ms: float, new_ms: float) -> str:
    gain = times(factor(old_ms, new_ms))
    if len(users) == 1:
        return f"{milliseconds(old_ms)} → {milliseconds(new_ms)} for the query that uses it ({gain})"
    return f"{milliseconds(old_ms)} → {milliseconds(new_ms)} over {len(users)} queries that use it, weighted ({gain})"


def _others(helped: list[Pair], slower: list[Pair], users: list[Pair]) -> str:
    """Name the queries that became slower, and those that only read less, of several or in spite of their time."""
    parts = [
        f" “{query.name}” becomes slower: {milliseconds(old.ms)} → {milliseconds(new.ms)}."
        for query, old, new in slower
        if len(users) > 1
    ]
    parts += [
        f" “{query.name}” reads {old.buffers:,} → {new.buffers:,} pages."
        for query, old, new in helped
        if old.buffers is not None and new.buffers is not None and old.ms <= new.ms
    ]
    return "".join(parts)
