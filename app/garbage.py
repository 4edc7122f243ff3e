"""Python's garbage collector in processes that run for long."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 10_000
"""New objects after which the collector looks through them. Python's own 700 are reached in every step of a run."""


def spare_loaded() -> None:
    """Exempt everything that is loaded from garbage collection, and collect less often.

    Call this when a process has started. It then has hundreds of thousands of objects that stay as long as it does:
    looking through them all, from time to time, stops an event loop for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
