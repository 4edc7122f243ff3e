"""The time that a part of the analysis may take."""

from __future__ import annotations

import time

from workflows.package_deployment.analysis import Depth


class Budget:
    """The processor time that unpacking may take."""

    def __init__(self, depth: Depth) -> None:
        seconds = {Depth.QUICK: 2.0, Depth.STANDARD: 4.0, Depth.DEEP: 7.0}[depth]
        self._end = time.process_time() + seconds

    @classmethod
    def of_seconds(cls, seconds: float) -> Budget:
        """Return a budget of so many seconds."""
        found = cls(Depth.QUICK)
        found._end = time.process_time() + seconds
        return found

    @property
    def is_spent(self) -> bool:
        """Whether there is no time left."""
        return time.process_time() > self._end
