"""Arithmetic and words for measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from statistics import median

from workflows.database_maintenance.model import Effect, Measurement, Query

_LONG_RUN_MS = 3_000.0


def repeat(run_once: Callable[[], Measurement], runs: int) -> Measurement:
    """Run a query warm and take the median.

    The first run warms the caches and does not count, unless it takes so long that repeating it is not worth the
    cost. A run that times out ends the measurement: the timeout is then a lower bound.
    """
    first = run_once()
    if first.timed_out or first.ms > _LONG_RUN_MS:
        return first
    measured = []
    for _ in range(runs):
        last = run_once()
        measured.append(last)
        if last.timed_out:
            return last
    spent = [round(measurement.ms, 4) for measurement in measured]
    return measured[-1].model_copy(update={"ms": round(median(spent), 4), "runs": runs, "times": spent})


def improvement(before_ms: float, after_ms: float) -> float:
    """Return the share of the time that is saved: 0.5 is half, negative is slower."""
    return 1 - after_ms / before_ms if before_ms > 0 else 0.0


def effect_on(query: Query, before: Measurement, after: Measurement, scale: float = 1.0) -> Effect:
    """Return the difference between two measurements of a query, on copies whose rows stand for `scale` rows each."""
    return Effect(
        query=query.name,
        weight=query.weight,
        before_ms=before.ms,
        after_ms=after.ms,
        before_buffers=before.buffers,
        after_buffers=after.buffers,
        now_ms=query.measured.ms if query.measured else None,
        scale=scale,
    )


def gain(effect: Effect) -> tuple[float, float]:
    """Return by what factor a query becomes faster, at least and at most, according to a trial.

    On a whole copy both are the same. On a sample, the time with the index is measured, and it is not known how much
    of it grows with the table: all of it at the least gain, nothing of it at the most.
    """
    now = effect.before_ms if effect.now_ms is None else effect.now_ms
    if effect.scale <= 1:
        # A query on a copy cannot use several processes, so that it may take longer there than on the real table.
        measured = factor(min(now, effect.before_ms), effect.after_ms)
        return measured, measured
    return factor(now, effect.after_ms * effect.scale), factor(now, effect.after_ms)


def gain_in_words(effect: Effect) -> str:
    """Return the factor in words: 14.2×, or 1.4× to 28.0× (estimated)."""
    least, most = gain(effect)
    return times(least) if effect.scale <= 1 else f"{times(least)} to {times(most)} (estimated)"


def overall(effects: Iterable[Effect]) -> tuple[float, float]:
    """Return the weighted time before and after, in milliseconds."""
    listed = list(effects)
    before = sum(effect.weight * effect.before_ms for effect in listed)
    return before, sum(effect.weight * effect.after_ms for effect in listed)


def factor(before_ms: float, after_ms: float) -> float:
    """Return the time before ÷ the time after."""
    return before_ms / max(after_ms, 0.001)


def times(value: float) -> str:
    """Return a factor in words: 14.2×, 230×."""
    return f"{value:,.0f}×" if value >= 100 else f"{value:.1f}×"


def milliseconds(value: float) -> str:
    """Return a duration in words, with a sensible number of digits."""
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def moment(value: str) -> str:
    """Return a time in words: 2026-03-01 14:05 UTC."""
    return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(value: int) -> str:
    """Return a size in words, in units of 1024."""
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            return f"{amount:,.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")
