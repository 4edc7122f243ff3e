"""A writer of a run's steps: it stores LangGraph's data and the portal's journal of a step in one commit.

LangGraph passes its saver one object after the other: the writes of each task, then the checkpoint after the step. They
are kept here until the step is complete, and then go to the server together with the events, receipts, and deliveries
of that step. Whatever ends a drive (a question, or the last checkpoint) is stored by the code that stores the state in
which the run stops. See docs/decisions/0030-one-commit-a-step.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import psycopg
import structlog
from langgraph.graph.state import CompiledStateGraph

from app.domain.run_protocol import Journal, LostRunError, Statement
from app.runtime.saver import overtaken

log = structlog.get_logger(__name__)
WRITE_AFTER_SECONDS = 0.1
"""Data that nothing else causes to be written is written after this time, with everything else up to then."""
WRITE_AGAIN_SECONDS = (0.1, 0.3, 1.0, 2.0)
"""Pauses between attempts to write data that would otherwise be lost, while the database is unreachable."""
_SENDS = "__pregel_tasks"
_AT_ONCE = "__error_source_node__"
"""Written by a step whose error handler LangGraph starts only when this is stored."""

_LANGGRAPHS_OWN = frozenset({"__input__", "__start__", "__interrupt__"})
"""Names of LangGraph's own tasks in a checkpoint's list of what has run."""

Writer = Callable[[Journal], Awaitable[None]]


class StepWriter:
    """The writer of one run that is held, and of its thread.

    Attributes:
        journal: Everything that has not been written yet. The code that stores where the run stops writes the rest.
        before: Called before each write, with whether a step of the graph itself is complete. It may add to the
            journal.
        refused: Why the database rejected LangGraph's data. That data is then discarded, and no more is accepted.
    """

    def __init__(self, graph: CompiledStateGraph[Any], journal: Journal, note: Writer) -> None:
        self.journal = journal
        self.before: Callable[[bool], None] = lambda _: None
        self.refused: Exception | None = None
        self._graph = graph
        self._note = note
        self._running: dict[str, set[str]] = {}
        self._writing = asyncio.Lock()
        self._later: asyncio.TimerHandle | None = None
        self._background: asyncio.Task[None] | None = None

    def began(self, namespace: str, task_id: str) -> None:
        """Note that a task has started."""
        self._running.setdefault(namespace, set()).add(task_id)

    def ended(self, namespace: str, task_id: str) -> None:
        """Note that a task has ended."""
        self._running.get(namespace, set()).discard(task_id)

    def runs_one_step(self) -> bool:
        """Return True if no two steps are running at the same time, not even inside of other graphs."""
        return all(len(tasks) <= 1 for tasks in list(self._running.values()))

    async def keep_writes(
        self, namespace: str, task_id: str, channels: Sequence[str], statements: Sequence[Statement]
    ) -> None:
        """Store a task's writes with the checkpoint of its step, or at once if other tasks of the step are running.

        A step may take long, and none of its tasks should be repeated because of another one.
        """
        self._keep(statements)
        if _AT_ONCE in channels or self._running.get(namespace, set()) - {task_id}:
            await self.write()
        else:
            self.write_soon()

    async def keep_checkpoint(
        self, namespace: str, checkpoint: Mapping[str, Any], source: Any, statements: Sequence[Statement]
    ) -> None:
        """Store a checkpoint before this returns, because the next step begins then.

        There are exceptions: LangGraph does not wait for the checkpoint of an input, its own first step has nothing to
        repeat, and the last checkpoint is followed by no step.
        """
        self._keep(statements)
        if source == "input" or _nothing_ran(checkpoint) or (not namespace and self._is_last(checkpoint)):
            self.write_soon()
        else:
            await self.write(step_ended=not namespace)

    def _keep(self, statements: Sequence[Statement]) -> None:
        if self.refused is not None:
            raise self.refused
        self.journal.stored += statements

    def _is_last(self, checkpoint: Mapping[str, Any]) -> bool:
        """Return True if no step follows, by LangGraph's rule for finding the next step.

        If a step has written nothing, the rule considers every channel that has a value.
        """
        values = checkpoint["channel_values"]
        changed = checkpoint.get("updated_channels") or values
        return not values.get(_SENDS) and self._graph.trigger_to_nodes.keys().isdisjoint(changed)

    async def write(self, *, step_ended: bool = False) -> None:
        """Write everything in the journal in one transaction.

        Raises:
            LostRunError: Another worker has taken over the run. Nothing was written.
            OvertakenError: Something else has continued the thread. Nothing was written.
            psycopg.DatabaseError: The database rejected the data. Nothing was written.
        """
        async with self._writing:
            self._cancel()
            self.before(step_ended)
            if self.journal.empty:
                return
            taken = self.journal.take()
            try:
                await written(self._note, taken)
            except BaseException as error:
                self._refuse(error, taken)
                self.journal.put_back(taken)
                if self.refused is not None and self.refused is not error:
                    raise self.refused from error
                raise
            self.journal.reported |= {receipt.request_id for receipt in taken.receipts}

    def _refuse(self, error: BaseException, taken: Journal) -> None:
        """Discard LangGraph's data if it cannot be stored, because it would make every later write fail."""
        if (
            taken.stored
            and isinstance(error, psycopg.DatabaseError)
            and not isinstance(error, psycopg.OperationalError)
        ):
            self.refused = overtaken(error, taken.stored) or error
            taken.stored.clear()

    async def write_stored(self) -> None:
        """Write LangGraph's data, because the thread is about to be read."""
        if self.journal.stored:
            await self.write()

    def write_soon(self) -> None:
        """Write a little later, unless something else causes a write before."""
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(WRITE_AFTER_SECONDS, self._write_now)

    def _write_now(self) -> None:
        self._later = None
        if self._background is None or self._background.done():
            self._background = asyncio.create_task(self._write_in_background(), name="note steps")

    async def _write_in_background(self) -> None:
        try:
            await self.write()
        except LostRunError:
            return
        except Exception:
            # The data stays in the journal, and the next write that is awaited raises the same error.
            log.warning("steps.not_noted", exc_info=True)

    async def settle(self) -> None:
        """Wait for a write in progress. The rest stays in the journal until the run's state is stored."""
        self._cancel()
        if self._background is not None:
            await self._background

    def _cancel(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None


def _nothing_ran(checkpoint: Mapping[str, Any]) -> bool:
    """Return True if the graph has read its input, but none of its nodes has run."""
    return checkpoint["versions_seen"].keys() <= _LANGGRAPHS_OWN


async def written(method: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Call a method that writes data, and retry it for a while, so that a short outage loses nothing."""
    for pause in WRITE_AGAIN_SECONDS:
        try:
            return await method(*arguments)
        except Exception as error:
            # SQLAlchemy wraps the driver's exceptions. Deadlocks are among them, too.
            if not isinstance(getattr(error, "orig", error), psycopg.OperationalError):
                raise
            log.warning("run.not_written", exc_info=True)
        await asyncio.sleep(pause)
    return await method(*arguments)
