"""The meter of a run's steps, which run in threads, on the worker's event loop."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from app.domain.run_protocol import RunStore
from app.runtime.threads import LoopWork
from assent.models.budgets import Budget
from assent.models.metering import Account, Kept, ModelUse

T = TypeVar("T")


class RunMeter:
    """`assent.models.metering.Meter` over the database.

    Args:
        budget: of the run.
        facts: title, agent, and tool of each node.
    """

    def __init__(
        self, store: RunStore, run_id: str, attempt: int, budget: Budget, facts: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.budget = budget
        self._store = store
        self._run_id = run_id
        self._attempt = attempt
        self._facts = facts
        self._work = LoopWork()

    def account(self, key: str) -> Account:
        """Return what the run has used, and a cached answer."""
        return self._wait(self._store.model_account(self._run_id, key))

    def begin(self, use: ModelUse) -> None:
        """Store that a call begins. Raises LostRunError."""
        agent = str(self._facts.get(use.node, {}).get("agent") or "")
        self._wait(self._store.begin_model(self._run_id, self._attempt, agent, use))

    def end(self, use: ModelUse, kept: Kept | None = None) -> None:
        """Store what a call has cost."""
        self._wait(self._store.end_model(use, kept))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._work.wait(work, "ask")
