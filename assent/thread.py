"""Reads a thread: what LangGraph has stored about a run, without what is out of date.

LangGraph keeps the error of a step's earlier attempt together with the interrupt of a later one, and an answered
interrupt together with the error that came after the answer. Which of the two is current follows from the number of
answers that the step has.

Readings are generators without I/O (`Reading`), so that the same rules serve sync and async graphs and checkpointers.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import PregelTask, Send, StateSnapshot, _interrupt_id

_RESUME = "__resume__"
_MOST_QUESTIONS = 50
_BRANCH = "branch:to:"
_SENDS = "__pregel_tasks"


@dataclass(frozen=True)
class GetState:
    """Read the state of a thread; `deep`: including the graphs inside its steps."""

    config: RunnableConfig
    deep: bool = False


@dataclass(frozen=True)
class GetSaved:
    """Read what the checkpointer stores for a thread."""

    config: RunnableConfig


@dataclass(frozen=True)
class GetListed:
    """List checkpoints of a thread, or of one namespace; nothing if the checkpointer cannot list them.

    Attributes:
        step: only those of this step.
    """

    config: RunnableConfig
    step: int | None = None
    limit: int | None = None

    @property
    def terms(self) -> dict[str, Any]:
        """The arguments for checkpointers."""
        return {"filter": None if self.step is None else {"step": self.step}, "limit": self.limit}


Result = TypeVar("Result")
Reading: TypeAlias = Generator[GetState | GetSaved | GetListed, Any, Result]


def read(graph: CompiledStateGraph[Any], steps: Reading[Result]) -> Result:
    """Execute a reading."""
    found: Any = None
    while True:
        try:
            step = steps.send(found)
        except StopIteration as end:
            result: Result = end.value
            return result
        if isinstance(step, GetState):
            found = graph.get_state(step.config, subgraphs=step.deep)
            continue
        saver: Any = graph.checkpointer
        if isinstance(step, GetSaved):
            found = saver.get_tuple(step.config)
            continue
        try:
            found = list(saver.list(step.config, **step.terms))
        except NotImplementedError:
            found = []


async def aread(graph: CompiledStateGraph[Any], steps: Reading[Result]) -> Result:
    """Execute a reading, async."""
    found: Any = None
    while True:
        try:
            step = steps.send(found)
        except StopIteration as end:
            result: Result = end.value
            return result
        if isinstance(step, GetState):
            found = await graph.aget_state(step.config, subgraphs=step.deep)
            continue
        saver: Any = graph.checkpointer
        if isinstance(step, GetSaved):
            found = await saver.aget_tuple(step.config)
            continue
        try:
            found = [checkpoint async for checkpoint in saver.alist(step.config, **step.terms)]
        except NotImplementedError:
            found = []


def read_thread(config: RunnableConfig) -> Reading[StateSnapshot]:
    """Return the thread's state, in which each step has either interrupts or an error."""
    return (yield from current((yield GetState(config)), config))


def current(state: StateSnapshot, config: RunnableConfig) -> Reading[StateSnapshot]:
    """As `read_thread`, for a state that was just read."""
    if not any(task.error and task.interrupts for task in state.tasks):
        return state
    deep = yield GetState(config, deep=True)
    waiting = set()
    for task in deep.tasks:
        if task.interrupts and (yield from _waits(deep.config, task, "")):
            waiting.add(task.id)
    tasks = tuple(
        task._replace(error=None) if task.id in waiting else task._replace(interrupts=()) if task.error else task
        for task in state.tasks
    )
    return state._replace(tasks=tasks)


def missing_nodes(nodes: Collection[str], config: RunnableConfig) -> Reading[list[str]]:
    """Return the next nodes of the stored thread that the graph does not have."""
    saved = yield GetSaved(config)
    if saved is None:
        return []
    values = saved.checkpoint["channel_values"]
    due = {name.removeprefix(_BRANCH) for name in values if name.startswith(_BRANCH)}
    due |= {send.node for send in values.get(_SENDS) or () if isinstance(send, Send)}
    return sorted(due - set(nodes))


def asks_directly(task: PregelTask, interrupt_id: str) -> bool:
    """Return True if the step itself asked, and not something inside it."""
    return any(interrupt_id == _interrupt_id(f"{task.name}:{task.id}", at) for at in range(_MOST_QUESTIONS))


def unaccepted(before: StateSnapshot, tasks: Iterable[str]) -> Reading[list[str]]:
    """Return the steps that have stored no answer since `before`."""
    saved = yield GetSaved(before.config)
    took = {task_id for task_id, channel, _ in (saved.pending_writes or () if saved else ()) if channel == _RESUME}
    return [task for task in tasks if task not in took]


def _waits(config: RunnableConfig, task: PregelTask, parents: str) -> Reading[bool]:
    """Return True if an interrupt of the step, or of a graph inside it, is still unanswered."""
    if isinstance(task.state, StateSnapshot):
        inner = task.state
        within = f"{inner.config['configurable']['checkpoint_ns']}|"
        waits = False
        for inside in inner.tasks:
            waits = (yield from _waits(inner.config, inside, within)) or waits
        return waits
    answers = yield from answers_of(config, task.id)
    # LangGraph derives an interrupt's id from the step and the number of answers that the step had when it asked.
    due = _interrupt_id(f"{parents}{task.name}:{task.id}", len(answers))
    return any(interrupt.id == due for interrupt in task.interrupts)


def answers_of(config: RunnableConfig, task_id: str) -> Reading[list[Any]]:
    """Return the stored answers of a step, in the order of its interrupts."""
    saved = yield GetSaved(config)
    writes = saved.pending_writes or () if saved else ()
    given = [value for of_task, channel, value in writes if (of_task, channel) == (task_id, _RESUME)]
    return [one for value in given for one in (value if isinstance(value, list) else [value])]
