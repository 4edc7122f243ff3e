"""Writes what the steps of a run leave behind: what LangGraph stores of them and the portal's journal, in one commit.

LangGraph hands its saver one thing after the other: what each task wrote, then the checkpoint after the step. They are
kept here until the step is complete, and then go to the server together with the events, receipts, and deliveries of
that step. What ends a drive, a question or the last checkpoint, waits for whoever lets the run rest. See
docs/decisions/0030-one-commit-a-step.md.
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
"""What waits for nothing in particular is written this long after it happened, with what else has happened by then."""
WRITE_AGAIN_SECONDS = (0.1, 0.3, 1.0, 2.0)
"""Pauses after which the writing of what cannot be found out again is tried once more without the database."""
_SENDS = "__pregel_tasks"
_AT_ONCE = "__error_source_node__"
"""Written by a step whose error handler LangGraph starts only once that is stored."""

_LANGGRAPHS_OWN = frozenset({"__input__", "__start__", "__interrupt__"})
"""What LangGraph itself runs, by the names under which a checkpoint says what has run."""

Writer = Callable[[Journal], Awaitable[None]]


class StepWriter:
    """Of one run that is held, and its thread.

    Attributes:
        journal: everything that has not been written yet. Whoever lets the run rest writes what is left in it.
        before: called before each writing, with whether a step of the graph itself is complete; it may add to the
            journal.
        refused: why the database does not take what LangGraph stores. That is given up then, and nothing after it is
            taken.
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
        """A task runs."""
        self._running.setdefault(namespace, set()).add(task_id)

    def ended(self, namespace: str, task_id: str) -> None:
        """A task has come to its end."""
        self._running.get(namespace, set()).discard(task_id)

    async def keep_writes(
        self, namespace: str, task_id: str, channels: Sequence[str], statements: Sequence[Statement]
    ) -> None:
        """What a task wrote: with the checkpoint of its step, or at once if other tasks of that step still run.

        A step may take long, and none of its tasks is to be run again because of another one.
        """
        self._keep(statements)
        if _AT_ONCE in channels or self._running.get(namespace, set()) - {task_id}:
            await self.write()
        else:
            self.write_soon()

    async def keep_checkpoint(
        self, namespace: str, checkpoint: Mapping[str, Any], source: Any, statements: Sequence[Statement]
    ) -> None:
        """A checkpoint: stored when this returns, because the next step begins then.

        LangGraph does not wait for the checkpoint of an input, its own first step has nothing to repeat, and after the
        last one there is no next step.
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
        """True if no step follows, by the rule by which LangGraph looks for the next one.

        Where a step has written nothing, that looks at every channel that has a value.
        """
        values = checkpoint["channel_values"]
        changed = checkpoint.get("updated_channels") or values
        return not values.get(_SENDS) and self._graph.trigger_to_nodes.keys().isdisjoint(changed)

    async def write(self, *, step_ended: bool = False) -> None:
        """Write everything that is there, in one transaction.

        Raises:
            LostRunError: another worker has taken the run up; nothing was written.
            OvertakenError: somebody else has gone on with the thread; nothing was written.
            psycopg.DatabaseError: the database does not take what is to be stored; nothing was written.
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
        """Give up what is stored if it cannot be: it would fail again in whatever is written next."""
        if (
            taken.stored
            and isinstance(error, psycopg.DatabaseError)
            and not isinstance(error, psycopg.OperationalError)
        ):
            self.refused = overtaken(error, taken.stored) or error
            taken.stored.clear()

    async def write_stored(self) -> None:
        """Write what is to be read back from the thread."""
        if self.journal.stored:
            await self.write()

    def write_soon(self) -> None:
        """Write a little later, unless something else brings that about."""
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
            # It stays in the journal, and whoever writes next, and is waited for, meets the same.
            log.warning("steps.not_noted", exc_info=True)

    async def settle(self) -> None:
        """Leave no writing in flight; what is not written yet stays in the journal for whoever lets the run rest."""
        self._cancel()
        if self._background is not None:
            await self._background

    def _cancel(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None


def _nothing_ran(checkpoint: Mapping[str, Any]) -> bool:
    """True as long as the graph has taken in its input, and none of its nodes has run."""
    return checkpoint["versions_seen"].keys() <= _LANGGRAPHS_OWN


async def written(method: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Write what cannot be found out again: a moment without the database must not lose it."""
    for pause in WRITE_AGAIN_SECONDS:
        try:
            return await method(*arguments)
        except Exception as error:
            # SQLAlchemy wraps what the driver raised; deadlocks are among these, too.
            if not isinstance(getattr(error, "orig", error), psycopg.OperationalError):
                raise
            log.warning("run.not_written", exc_info=True)
        await asyncio.sleep(pause)
    return await method(*arguments)
