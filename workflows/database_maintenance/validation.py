"""Judges new indexes by their effect on the measured queries, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from workflows.database_maintenance.measure import effect_on, factor, improvement, milliseconds, overall, times
from workflows.database_maintenance.model import Applied, Measurement, Query


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

    An index stays if the queries that use it, weighted by how often they run, save at least `min_improvement` of
    their total time. An index that no query uses, or that makes them slower, is dropped.
    """
    return [_judge_one(record, queries, before, after, min_improvement) for record in applied if record.ours]


def _judge_one(
    record: Applied,
    queries: Sequence[Query],
    before: dict[str, Measurement],
    after: dict[str, Measurement],
    min_improvement: float,
) -> IndexVerdict:
    users = [
        query
        for query in queries
        if query.id in before and query.id in after and record.index in after[query.id].indexes
    ]
    if not users:
        return IndexVerdict(id=record.id, index=record.index, keep=False, reason="No measured query uses it.")
    old, new = overall(effect_on(query, before[query.id], after[query.id]) for query in users)
    gain = factor(old, new)
    numbers = (
        f"{milliseconds(old)} → {milliseconds(new)} over {len(users)} queries that use it, weighted ({times(gain)})"
    )
    if len(users) == 1:
        numbers = f"{milliseconds(old)} → {milliseconds(new)} for the query that uses it ({times(gain)})"
    saved = improvement(old, new)
    if saved >= min_improvement:
        reason = f"Faster: {numbers}."
    elif saved < 0:
        reason = f"Slower: {numbers}."
    else:
        reason = f"Not enough: {numbers}; at least {min_improvement:.0%} of the time must be saved."
    return IndexVerdict(
        id=record.id, index=record.index, keep=saved >= min_improvement, reason=reason, factor=round(gain, 2)
    )
