"""Reading a thread: what LangGraph has stored of a run, without what has been overtaken.

LangGraph keeps the error of a step's earlier try beside the question of its later one, and a question that was answered
beside the error that came after the answer. Which of the two holds follows from the number of answers the step has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import PregelTask, Send, StateSnapshot, _interrupt_id

_RESUME = "__resume__"
_MOST_QUESTIONS = 50
_BRANCH = "branch:to:"
_SENDS = "__pregel_tasks"


async def read_thread(graph: CompiledStateGraph[Any], config: RunnableConfig) -> StateSnapshot:
    """The thread's state, in which each step has either questions or an error."""
    state = await graph.aget_state(config)
    if not any(task.error and task.interrupts for task in state.tasks):
        return state
    deep = await graph.aget_state(config, subgraphs=True)
    waiting = {task.id for task in deep.tasks if task.interrupts and await _waits(graph, deep.config, task, "")}
    tasks = tuple(
        task._replace(error=None) if task.id in waiting else task._replace(interrupts=()) if task.error else task
        for task in state.tasks
    )
    return state._replace(tasks=tasks)


async def missing_nodes(graph: CompiledStateGraph[Any], config: RunnableConfig) -> list[str]:
    """Names of nodes that the stored thread is to run next and the graph does not have."""
    saver: Any = graph.checkpointer
    saved = await saver.aget_tuple(config)
    if saved is None:
        return []
    values = saved.checkpoint["channel_values"]
    due = {name.removeprefix(_BRANCH) for name in values if name.startswith(_BRANCH)}
    due |= {send.node for send in values.get(_SENDS) or () if isinstance(send, Send)}
    return sorted(due - set(graph.nodes))


def asks_itself(task: PregelTask, interrupt_id: str) -> bool:
    """True if the step itself asked, and not something inside it."""
    return any(interrupt_id == _interrupt_id(f"{task.name}:{task.id}", at) for at in range(_MOST_QUESTIONS))


async def unheard(graph: CompiledStateGraph[Any], before: StateSnapshot, tasks: Iterable[str]) -> list[str]:
    """Those of the steps that have taken no answer since `before`, by what is stored."""
    saver: Any = graph.checkpointer
    saved = await saver.aget_tuple(before.config)
    took = {task_id for task_id, channel, _ in (saved.pending_writes or () if saved else ()) if channel == _RESUME}
    return [each for each in tasks if each not in took]


async def _waits(graph: CompiledStateGraph[Any], config: RunnableConfig, task: PregelTask, parents: str) -> bool:
    """True if one of the step's questions, or of those inside it, is still to be answered."""
    if isinstance(task.state, StateSnapshot):
        inner = task.state
        within = f"{inner.config['configurable']['checkpoint_ns']}|"
        return any([await _waits(graph, inner.config, each, within) for each in inner.tasks])
    saver: Any = graph.checkpointer
    saved = await saver.aget_tuple(config)
    answers = [
        value for task_id, channel, value in saved.pending_writes or () if (task_id, channel) == (task.id, _RESUME)
    ]
    count = sum(len(value) if isinstance(value, list) else 1 for value in answers)
    # LangGraph makes a question's id of the step and the number of answers that the step had when it asked.
    due = _interrupt_id(f"{parents}{task.name}:{task.id}", count)
    return any(interrupt.id == due for interrupt in task.interrupts)
