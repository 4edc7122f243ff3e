"""The use cases in the shape in which the runtime wants them."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.running import Asked, Journal
from app.services.checkpoints import CheckpointManager
from app.services.clock import Clock
from app.services.progress import RunProgress
from app.store.engine import Sessions


class WorkerStore(RunProgress):
    """`app.domain.running.RunStore` over the database."""

    def __init__(self, sessions: Sessions, clock: Clock, checkpoints: CheckpointManager) -> None:
        super().__init__(sessions, clock)
        self._checkpoints = checkpoints

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """As `CheckpointManager.suspend`."""
        return self._checkpoints.suspend(run_id, attempt, asked, journal)
