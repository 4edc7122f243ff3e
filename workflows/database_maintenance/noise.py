"""Tells a real difference between two measurements from noise."""

from __future__ import annotations

import random
from enum import StrEnum
from statistics import median

from workflows.database_maintenance.measure import improvement
from workflows.database_maintenance.model import Measurement

_SAMPLES = 400
_SURE = 0.95
_FEW, _CLEAR = 3, 1.5
"""With fewer runs than this nothing can be told about noise; then a query must be faster or slower by this factor."""


class Change(StrEnum):
    """What became of a query."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "the same"


def change(before: Measurement, after: Measurement, least: float) -> Change:
    """Return whether a query became faster or slower by at least the share `least` of its time, beyond noise.

    The shortest runs are compared: whatever else happens on a server makes runs longer, and never shorter.
    """
    old, new = min(_runs(before)), min(_runs(after))
    sure = certainty(before, after)
    if improvement(old, new) >= least and sure >= _SURE:
        return Change.FASTER
    # As much must be lost as would have to be gained: from half the time to the time, as from the time to half of it.
    return Change.SLOWER if improvement(new, old) >= least and sure <= 1 - _SURE else Change.SAME


def _runs(measurement: Measurement) -> list[float]:
    return measurement.times or [measurement.ms]


def reads_less(before: Measurement, after: Measurement, least: float) -> bool:
    """Return whether a query reads fewer pages by at least the share `least`; noise does not change their number."""
    if before.buffers is None or after.buffers is None or before.timed_out or after.timed_out:
        return False
    return improvement(before.buffers, after.buffers) >= least


def certainty(before: Measurement, after: Measurement) -> float:
    """Return how sure it is that a query became faster: 1 for sure, 0.5 undecided, 0 it surely became slower.

    The runs are drawn again many times (bootstrap), always in the same way; the result is the share of the draws in
    which the shortest run after is below the shortest one before.
    """
    old, new = _runs(before), _runs(after)
    if min(len(old), len(new)) < _FEW:
        factor = before.ms / max(after.ms, 0.001)
        return 1.0 if factor >= _CLEAR else 0.0 if factor <= 1 / _CLEAR else 0.5
    draw = random.Random(0)  # noqa: S311 - a fixed sequence, so that the same runs are judged in the same way
    faster = 0.0
    for _ in range(_SAMPLES):
        difference = min(draw.choices(old, k=len(old))) - min(draw.choices(new, k=len(new)))
        faster += 1.0 if difference > 0 else 0.5 if difference == 0 else 0.0
    return faster / _SAMPLES


def together(one: Measurement, other: Measurement) -> Measurement:
    """Return two measurements of the same query as one, of all their runs."""
    times = [*_runs(one), *_runs(other)]
    return other.model_copy(update={"times": times, "ms": round(median(times), 4), "runs": len(times)})
