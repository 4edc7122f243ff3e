"""Progress inside a step: how much of its work is done. The run's page shows it live, and the API returns it.

def clean(state):
    for number, piece in enumerate(pieces):
        report_progress(number, len(pieces), f"Cleaning {piece.name}", {"rows": rows}, can_stop=True)
        ...
    report_progress(len(pieces), len(pieces), "", {"rows": rows})

A step reports as often as it likes: the portal stores the last report of a step about once a second, and never in a
checkpoint. Steps that report nothing cost nothing. Give nodes of a graph the metadata `phase`, such as "Cleansing", and
the page shows a bar for each phase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import isfinite

from assent.masking import mask_text
from assent.reports import storable_text

MAX_WORDS = 200
MAX_COUNTS = 12
"""Most counts of a report; further ones are left out."""
MAX_NUMBER = 2**53
"""Larger numbers than this are shown as this one."""
_LONGEST_NAME = 60

Count = int | float | str


@dataclass(frozen=True)
class Progress:
    """The state of one step's work.

    Attributes:
        done, total: Pieces of work, in any unit; the total is None if it is not known.
        words: What the step is doing.
        counts: Figures by name, such as ``{"rows": 1200, "duplicates": 3}``.
        node: The node of the step, in graphs inside of others with its parents' names (``parent/child``). The
            listener fills it in.
    """

    done: int
    total: int | None = None
    words: str = ""
    counts: Mapping[str, Count] = field(default_factory=dict)
    node: str = ""


Listener = Callable[[Progress, bool], None]
"""Takes a report, and whether the step may be stopped here, which it does by raising `GraphDrained`."""
_listener: ContextVar[Listener | None] = ContextVar("assent_progress", default=None)


@contextmanager
def progress_to(listener: Listener | None) -> Iterator[None]:
    """Pass the reports within the block to `listener`, which several threads may call; None: nobody listens."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report_progress(
    done: int,
    total: int | None = None,
    words: str = "",
    counts: Mapping[str, Count] | None = None,
    *,
    can_stop: bool = False,
) -> None:
    """Report how much of its work the running step has done. Outside of the portal's runs, it does nothing.

    Args:
        done: Pieces of work that are done, in any unit, such as rows.
        total: All pieces of work of the step; None if that is not known.
        words: What it is doing now; at most 200 characters are kept.
        counts: Figures that people want to see, by name in the order in which they are shown; at most 12.
        can_stop: The step may end here if somebody pauses or cancels the run, or the worker shuts down. Nothing that
            it would have returned is stored, and a run that continues runs it again from its start. So allow this only
            where that is harmless, and not within `except Exception`.

    Raises:
        langgraph.errors.GraphDrained: With `can_stop`, if the run is to stop. Let it pass.
    """
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done, total, words, counts or {}), can_stop)


def storable_progress(progress: Progress) -> Progress:
    """Return a report that can be stored and shown, whatever the step has passed: masked, cut, and in bounds."""
    total = None if progress.total is None else _whole(progress.total)
    done = _whole(progress.done)
    return Progress(
        done if total is None else min(done, total),
        total,
        mask_text(storable_text(progress.words, MAX_WORDS)),
        {
            mask_text(storable_text(name, _LONGEST_NAME)): _count(value)
            for name, value in list(dict(progress.counts).items())[:MAX_COUNTS]
        },
        storable_text(progress.node, 500),
    )


def _whole(number: object) -> int:
    try:
        return max(0, min(int(number), MAX_NUMBER))  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0


def _count(value: object) -> Count:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
        return int(value)
    if isinstance(value, float) and isfinite(value) and abs(value) <= MAX_NUMBER:
        return float(value)
    return mask_text(storable_text(value, _LONGEST_NAME))
