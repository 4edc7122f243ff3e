"""Threads of a LangGraph server, read over its API, and runs that continue them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt, PregelTask, StateSnapshot
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError
from langgraph_sdk.schema import RunStatus

from assent.errors import AssentError
from assent.gate import ProposalChangedError

MARK = "assent"
"""Key in a run's metadata: identifies the answers that the run was created to deliver."""
RESUMING = "assent_resuming"
"""Key in a thread's metadata: true from before answers are sent until their results are reported."""
SENT = "assent_sent"
"""Key in a thread's metadata: the answers, as the fields of a `thread_driver.SentAnswers`."""
_KEPT_OF_CONFIG = ("tags", "recursion_limit")
_MOST_OF_A_STEP = 100
_FAILED = frozenset({"error", "timeout"})


class RunFailedError(AssentError):
    """A run on the LangGraph server ended with the error in the message."""


class NotOursError(AssentError):
    """The thread no longer waits for a request of the portal."""


class Thread:
    """One thread on the server.

    Args:
        document: the thread as the server lists it; has at least ``thread_id`` and ``metadata``.
    """

    def __init__(self, server: LangGraphClient, document: Mapping[str, Any]) -> None:
        self._server = server
        self.id = str(document["thread_id"])
        self.graph = str(document["metadata"].get("graph_id") or "")
        self._assistant = str(document["metadata"].get("assistant_id") or self.graph)

    @property
    def config(self) -> RunnableConfig:
        """The configuration that identifies the thread."""
        return {"configurable": {"thread_id": self.id}}

    async def document(self) -> Mapping[str, Any]:
        """Return the thread as the server lists it now."""
        return await self._server.threads.get(self.id)

    async def status(self) -> str:
        """Return the thread's status now; empty: it was deleted."""
        try:
            return str((await self.document())["status"])
        except NotFoundError:
            return ""

    async def state(self, failed: bool = False) -> StateSnapshot:
        """Return the thread's current state, an empty one if it was deleted; `failed`: its last run raised."""
        try:
            found: Mapping[str, Any] = await self._server.threads.get_state(self.id)
        except NotFoundError:
            found = {}
        if not found.get("checkpoint"):  # a server that was killed may have kept the thread and lost its checkpoints
            return StateSnapshot({}, (), self.config, None, None, None, (), ())
        return snapshot(found, failed)

    async def of_step(self, step: int) -> list[StateSnapshot]:
        """Return its states at a step: several if somebody went back to an earlier checkpoint, or clocks differ."""
        found = await self._server.threads.get_history(self.id, limit=_MOST_OF_A_STEP, metadata={"step": step})
        return [snapshot(thread) for thread in found]

    async def steps_at(self, checkpoint_id: str) -> tuple[PregelTask, ...]:
        """Return the steps that were due at a checkpoint, with their results."""
        checkpoint: Any = {"thread_id": self.id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
        return snapshot(await self._server.threads.get_state(self.id, checkpoint=checkpoint)).tasks

    async def forget_answers(self) -> None:
        """Discard stored answers, so that the due steps run and ask again."""
        await self._server.threads.update_state(self.id, None)

    async def note(self, metadata: Mapping[str, Any]) -> str:
        """Set keys of the thread's metadata; others are kept. Returns when the server says that it was changed."""
        return str((await self._server.threads.update(self.id, metadata=metadata))["updated_at"])

    async def mark(self, sent: Mapping[str, Any] | None) -> None:
        """Note in the thread's metadata which answers are being sent; None: their results are known."""
        await self.note({RESUMING: sent is not None, SENT: sent})

    async def run(
        self, resume: Mapping[str, Any] | None, mark: str, stop_after: Collection[str] = ()
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """Continue the thread with the settings of its last run; yields what its nodes write to the custom stream.

        Args:
            resume: answers by interrupt; None: only continue.
            stop_after: names of nodes after whose step the run stops.

        Raises:
            RunFailedError: a node raised.
            ProposalChangedError: a gate made a different proposal when it ran again.
        """
        last = await self._last_run()
        kept = last.get("kwargs") or {}
        config = {name: kept["config"][name] for name in _KEPT_OF_CONFIG if (kept.get("config") or {}).get(name)}
        # Where supported, `strict_resume` also refuses interrupts that were answered since the thread was read.
        runs: Any = self._server.runs
        parts = runs.stream(
            self.id, str(last.get("assistant_id") or self._assistant),
            input=None, command={"resume": dict(resume)} if resume is not None else None,
            stream_mode=["custom"], stream_subgraphs=True, config=config or None,
            context=kept.get("context") or None, metadata={MARK: mark}, interrupt_after=list(stop_after) or None,
            multitask_strategy="reject", on_disconnect="continue", durability="sync", strict_resume=True,
        )  # fmt: skip
        error: Exception | None = None
        async with aclosing(parts):
            async for part in parts:
                if part.event == "error":
                    error = failure(part.data)
                    break
                if part.event.partition("|")[0] == "custom" and isinstance(part.data, dict):
                    yield part.data
        # The server announces an error or the end before the run is over, and until then it refuses every change.
        await self.wait_until_idle()
        if error is not None:
            raise error

    async def was_run(self, mark: str) -> bool:
        """Return True if a run was created with these answers."""
        # A process that crashed after creating the run has created none since, so it is among the newest.
        runs = await self._server.runs.list(self.id, limit=20)
        return any((run.get("metadata") or {}).get(MARK) == mark for run in runs)

    async def wait_until_idle(self) -> Mapping[str, Any]:
        """Wait until no run is active, and return the thread as the server lists it then."""
        # In the order in which a run has them, so that none that starts meanwhile is missed.
        under_way: tuple[RunStatus, ...] = ("pending", "running")
        for status in under_way:
            for run in await self._server.runs.list(self.id, status=status, limit=20):
                await self._server.runs.join(self.id, run["run_id"])
        return await self.document()

    async def _last_run(self) -> Mapping[str, Any]:
        runs = await self._server.runs.list(self.id, limit=1)
        return runs[0] if runs else {}


def failure(error: Any) -> Exception:
    """Return the error that a node raised, as reported by the server."""
    document = error if isinstance(error, dict) else {"message": str(error)}
    kind, message = str(document.get("error") or ""), str(document.get("message") or "")
    if kind == ProposalChangedError.__name__:
        return ProposalChangedError(message)
    return RunFailedError(f"{kind}: {message}" if kind else message)


def failed(thread: Mapping[str, Any]) -> Exception | None:
    """Return the error with which the thread's last run ended, if any."""
    return failure(thread.get("error") or "The run failed.") if thread["status"] in _FAILED else None


def snapshot(state: Mapping[str, Any], failed: bool = False) -> StateSnapshot:
    """Return a thread's state in LangGraph's own type.

    The server keeps a step's interrupt together with its error, and the API does not say which of the two came later.
    But a run that raises sets the whole thread to the status error: then the error counts, and otherwise the interrupt.
    """
    tasks = tuple(_task(task, failed) for task in state["tasks"])
    return StateSnapshot(
        values=state["values"], next=tuple(state["next"] or ()), config=_config(state["checkpoint"]),
        metadata=state["metadata"], created_at=state["created_at"], tasks=tasks,
        parent_config=_config(state["parent_checkpoint"]) if state.get("parent_checkpoint") else None,
        interrupts=tuple(interrupt for task in tasks for interrupt in task.interrupts),
    )  # fmt: skip


def heard(tasks: Iterable[PregelTask], task_id: str, answered: Collection[str]) -> bool:
    """Return True if LangChain's middleware accepted an answer: it then has a result, or a new interrupt."""
    task = next((task for task in tasks if task.id == task_id), None)
    if task is None:
        return False
    return bool(task.result) or any(interrupt.id not in answered for interrupt in task.interrupts)


def _task(task: Mapping[str, Any], failed: bool) -> PregelTask:
    asks = task["interrupts"] or ()
    if task.get("result") is not None or (failed and task["error"]):
        asks = ()
    interrupts = tuple(
        Interrupt(value=question["value"], id=question["id"], response_schema=question.get("response_schema"))
        for question in asks
    )
    return PregelTask(
        id=task["id"], name=task["name"], path=tuple(task.get("path") or ()),
        error=Exception(task["error"]) if task["error"] and not interrupts else None,
        interrupts=interrupts, result=task.get("result"),
    )  # fmt: skip


def _config(checkpoint: Mapping[str, Any]) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": checkpoint["thread_id"],
            "checkpoint_ns": checkpoint.get("checkpoint_ns") or "",
            "checkpoint_id": checkpoint["checkpoint_id"],
        }
    }
