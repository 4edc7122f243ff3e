"""Progress of a step of asset discovery: reported with each piece of work, and twice a second while one takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

from assent import report_progress

TICK_SECONDS = 0.5
_LONG_SECONDS = 2.0


class Work:
    """The work of one step.

    All steps of this workflow can be stopped between two pieces: they only write files of the run, and writing the same
    file again replaces it.

    Args:
        total: Pieces of work, such as rows.
        counts: Figures at the beginning, in the order in which people see them.
    """

    def __init__(self, total: int, counts: dict[str, int] | None = None) -> None:
        self.total = total
        self.done = 0
        self.counts: dict[str, int] = dict(counts or {})

    @property
    def figures(self) -> dict[str, int]:
        """The figures by names for the state."""
        return {name.replace(" ", "_"): figure for name, figure in self.counts.items()}

    @contextmanager
    def piece(self, words: str, size: int = 1) -> Iterator[None]:
        """Do one piece of work within the block; people see its words, and how long it has taken if it takes long."""
        self.report(words)
        ended = threading.Event()
        context = copy_context()
        ticker = threading.Thread(target=context.run, args=(self._tick, words, ended), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
        self.done += size

    def count(self, **figures: int) -> None:
        """Add to the figures."""
        for name, figure in figures.items():
            shown = name.replace("_", " ")
            self.counts[shown] = self.counts.get(shown, 0) + figure

    def report(self, words: str = "") -> None:
        """Report how far the step is. It may be stopped here."""
        report_progress(self.done, self.total, words, self.counts, can_stop=True)

    def finish(self) -> None:
        """Report that everything is done."""
        self.done = self.total
        report_progress(self.done, self.total, "", self.counts)

    def _tick(self, words: str, ended: threading.Event) -> None:
        began = time.monotonic()
        while not ended.wait(TICK_SECONDS):
            took = time.monotonic() - began
            since = f" ({took:.0f} s)" if took >= _LONG_SECONDS else ""
            report_progress(self.done, self.total, f"{words}{since}", self.counts)
