"""Determines whether a thread is stopped at a breakpoint, which LangGraph does not store.

The stored state is the same whether a graph stopped before its next step or its process died there, and in either case
it continues when it is restarted. So this module decides from the graph's own settings and the stored state: steps that
have started have passed their breakpoint, and others wait for a person.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langgraph.constants import START
from langgraph.types import PregelTask, Send, StateSnapshot

from assent.dialects.breakpoint import NextStep, Stop, stop_at, stop_on_request
from assent.digests import digest_of
from assent.nodes import node_facts
from assent.thread import GetSaved, GetState, Reading

BEFORE, AFTER = "interrupt_before", "interrupt_after"
_SENDS = "__pregel_tasks"
_PUSHED = "__pregel_push"
_ALL = "*"
_INSIDE = "breakpoint-inside:"


@dataclass(frozen=True)
class Stopped:
    """An observed stop of a graph at a breakpoint.

    Attributes:
        step_id: the step of the outermost graph that contains it; empty: it is in that graph itself.
        token: distinguishes it from other stops.
    """

    step_id: str
    token: str = field(default_factory=lambda: uuid4().hex)


class Breakpoints:
    """The breakpoints of a graph, and of its nested graphs as far as LangGraph knows them."""

    def __init__(self, graph: Any) -> None:
        inner = graph.get_subgraphs(recurse=True) if hasattr(graph, "get_subgraphs") else ()
        self._levels: dict[str, Any] = {"": graph, **dict(inner)}
        self._inside = any(_settings(found) for path, found in self._levels.items() if path)
        self.any = self._inside or bool(_settings(graph))

    def stops(self, state: StateSnapshot) -> Reading[list[Stop]]:
        """Return the breakpoints where the thread waits for a decision. `state` is its newest state."""
        if not self.any or not state.tasks:
            return []
        if self._inside:
            state = yield GetState(_newest(state), deep=True)
        found: list[Stop] = []
        yield from self._at("", state, None, "", found)
        return found

    def _at(
        self, path: str, state: StateSnapshot, around: NextStep | None, within: str, found: list[Stop]
    ) -> Reading[None]:
        """Check one graph, and those inside its steps; `around` is the step that runs it."""
        graph = self._levels.get(path)
        if graph is None or state.created_at is None:
            return
        begun = any(_has_begun(task) for task in state.tasks)
        setting = "" if begun else (yield from self._setting(graph, state))
        if setting and (steps := (yield from _steps(graph, state)) or ([around] if around else [])):
            where = state.config["configurable"]
            place = [str(where.get("checkpoint_ns") or ""), str(where["checkpoint_id"])]
            found.append(stop_at(place, setting, steps, within))
            return
        for task in state.tasks:
            if isinstance(task.state, StateSnapshot) and not _has_ended(task):
                deeper, step = f"{path}|{task.name}" if path else task.name, _step(graph, task.name, None)
                yield from self._at(deeper, task.state, step, within or task.id, found)

    def _setting(self, graph: Any, state: StateSnapshot) -> Reading[str]:
        """Return the setting that makes the graph stop where it is now, or nothing."""
        due = {task.name for task in state.tasks}
        if _names(graph.interrupt_before_nodes, due):
            return BEFORE
        source = (state.metadata or {}).get("source")
        if graph.interrupt_after_nodes and source in ("loop", "update") and state.parent_config:
            before = yield GetState(state.parent_config)
            # An update completes only the steps that it replaces, such as a skipped one.
            ended = {task.name for task in before.tasks} - (due if source == "update" else set())
            if _names(graph.interrupt_after_nodes, ended):
                return AFTER
        return ""

    def before_next_step(self, state: StateSnapshot, asked_by: str) -> Reading[Stop | None]:
        """Return a stop of the outermost graph at this place; None if a step is under way, or none follows.

        Args:
            state: the thread's newest state.
            asked_by: who wants the run to ask before its next step.
        """
        if not state.tasks or any(task.name == START for task in state.tasks):
            return None
        if any(task.state is not None for task in state.tasks):
            state = yield GetState(_newest(state), deep=True)
        if any(_has_begun(task) for task in state.tasks):
            return None
        where = state.config["configurable"]
        place = [str(where.get("checkpoint_ns") or ""), str(where["checkpoint_id"])]
        return stop_on_request(place, (yield from _steps(self._levels[""], state)), asked_by)

    def hidden(self, state: StateSnapshot, stopped: Collection[Stopped], known: Collection[Stop]) -> list[Stop]:
        """Return the observed stops of graphs that LangGraph does not know before they run.

        Args:
            known: the result of `stops`.
        """
        found = []
        for seen in stopped:
            if any(not seen.step_id or stop.within == seen.step_id for stop in known):
                continue
            tasks = [task for task in state.tasks if not _has_ended(task) and seen.step_id in ("", task.id)]
            if tasks:
                found.append(self._inside_of(tasks, f"{_INSIDE}{tasks[0].id}:{seen.token}"))
        return found

    def known_inside(self, state: StateSnapshot, asked: Collection[str]) -> list[Stop]:
        """Return the hidden stops, by their ids, that have a request and that the thread has yet to pass."""
        return [
            self._inside_of([task], name)
            for name in asked
            for task in state.tasks
            if name.startswith(f"{_INSIDE}{task.id}:") and not _has_ended(task)
        ]

    def _inside_of(self, tasks: Sequence[PregelTask], name: str) -> Stop:
        steps = tuple(_step(self._levels[""], task.name, None) for task in tasks)
        return Stop(name, digest_of([name]), f"{BEFORE}` or `{AFTER}", steps, tasks[0].id)


def is_hidden(name: str) -> bool:
    """Return True if this is the id of a stop that the stored state does not show."""
    return name.startswith(_INSIDE)


def _settings(graph: Any) -> bool:
    return bool(getattr(graph, "interrupt_before_nodes", None) or getattr(graph, "interrupt_after_nodes", None))


def _names(setting: Any, names: Collection[str]) -> bool:
    visible = set(names) - {START}
    return bool(visible) if setting == _ALL else bool(visible & set(setting or ()))


def _has_ended(task: PregelTask) -> bool:
    return task.result is not None


def _has_begun(task: PregelTask) -> bool:
    # A graph that keeps its state between calls already has one, but no steps to run.
    inside = isinstance(task.state, StateSnapshot) and bool(task.state.tasks)
    return _has_ended(task) or bool(task.error or task.interrupts) or inside


def _steps(graph: Any, state: StateSnapshot) -> Reading[list[NextStep]]:
    sends: Any = ()
    if any(task.path[:1] == (_PUSHED,) for task in state.tasks):
        saved = yield GetSaved(state.config)
        sends = saved.checkpoint["channel_values"].get(_SENDS) or () if saved else ()
    return [_step(graph, task.name, _given(graph, task, state.values, sends)) for task in state.tasks]


def _given(graph: Any, task: PregelTask, values: Any, sends: Any) -> Any:
    """Return the value that the step would receive."""
    if task.path[:1] == (_PUSHED,):
        place = task.path[1] if len(task.path) > 1 else None
        sent = sends[place] if isinstance(place, int) and place < len(sends) else None
        return sent.arg if isinstance(sent, Send) else None
    node = graph.nodes.get(task.name)
    reads = getattr(node, "channels", None)
    if isinstance(values, Mapping) and isinstance(reads, list):
        return {name: value for name, value in values.items() if name in reads}
    return values


def _step(graph: Any, name: str, value: Any) -> NextStep:
    node = graph.nodes.get(name)
    facts = node_facts(name, getattr(node, "metadata", None))
    return NextStep(name, facts["title"], facts["tool"], facts["agent"], value)


def _newest(state: StateSnapshot) -> Any:
    where = state.config["configurable"]
    return {"configurable": {"thread_id": where["thread_id"], "checkpoint_ns": where.get("checkpoint_ns", "")}}
