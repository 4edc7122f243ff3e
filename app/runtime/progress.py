"""The progress that the steps of a run report: the last report of each is kept, and written about once a second."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl

from app.runtime.step_writer import StepWriter
from assent.progress import Progress, progress_to, storable_progress
from assent.toolbox.context import current_place

WRITE_EVERY_SECONDS = 0.9
"""Reports are written at most this often, unless something else of the run is written anyway."""
STOPPING = frozenset({"pause", "cancel", "shutdown"})
"""Reasons for a drain with which a step that allows it ends at its next report."""


class ProgressDesk:
    """Takes the reports of the steps of one drive, which come from threads.

    Args:
        alone: Returns whether only one step is running. Steps in threads cannot be stopped from outside, and a run must
            not be given up while one of them continues.
    """

    def __init__(self, control: RunControl, writer: StepWriter, alone: Callable[[], bool]) -> None:
        self._control = control
        self._writer = writer
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._latest: dict[str, Progress] = {}
        self._announced = False
        self._written_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hear the reports of steps that run within the block."""
        try:
            with progress_to(self.hear):
                yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def hear(self, progress: Progress, can_stop: bool) -> None:
        """Take a report, from any thread. Raises GraphDrained if the step may be stopped, and the run is to stop."""
        node = current_place()
        with self._lock:
            self._latest[node] = replace(progress, node=node)
            announced, self._announced = self._announced, True
        if not announced:
            self._loop.call_soon_threadsafe(self._write_later)
        reason = self._control.drain_reason
        if can_stop and reason in STOPPING and self._alone():
            raise GraphDrained(reason)

    def _write_later(self) -> None:
        wait = max(0.0, self._written_at + WRITE_EVERY_SECONDS - self._loop.time())
        self._timer = self._loop.call_later(wait, self._writer.write_soon)

    def take(self) -> list[Progress]:
        """Return what was reported since the last call, because it is about to be written."""
        with self._lock:
            if not self._latest:
                return []
            latest, self._latest, self._announced = self._latest, {}, False
        self._written_at = self._loop.time()
        return [storable_progress(progress) for progress in latest.values()]
