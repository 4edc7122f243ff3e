"""Watching the steps of a graph while it is driven, for what LangGraph neither reports nor stores.

A gate stops a graph with an exception. Code around the gate that catches everything (`except Exception`,
`contextlib.suppress`, a `return` in `finally`, a framework's catch-all) also catches that exception, and the step then
ends as if people had approved. So each interrupt is noted when it is raised, and a step that ends with an unanswered
interrupt fails instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot, _interrupt_id, interrupt

from assent.breakpoints import AFTER, BEFORE, Stopped
from assent.cache import DriveCache, cache_of
from assent.errors import SwallowedGateError
from assent.gate import WATCH_KEY

_SCRATCHPAD = "__pregel_scratchpad"
_CACHE = "__pregel_cache"
_NAMESPACE = "checkpoint_ns"
_NODE_TAG = "graph:step:"
"""LangGraph's tag for the run of a node, which nothing inside it has."""
_FRAMES = 8
_last_asked: ContextVar[tuple[str, Any]] = ContextVar("last_asked")


class _Swallowed(GraphBubbleUp):
    """Fails a step past its retry policy and error handler, which would run it again, or continue, without approval."""


class Watch(GraphCallbackHandler):
    """Watches one drive of one graph, which must use its `config`.

    Args:
        before: the thread's state before the drive; None: nothing was stored.
        stopped: called with each breakpoint where the graph, or one nested in its steps, stops.
        sent: the answered interrupts, by the requests whose outcomes they receive.
    """

    # Run inside the step itself, so that an exception raised here fails the step.
    run_inline = True
    raise_error = True
    ignore_llm = ignore_chat_model = ignore_retriever = ignore_agent = ignore_retry = ignore_custom_event = True

    def __init__(
        self, graph: Pregel[Any], before: StateSnapshot | None, stopped: Callable[[Stopped], object],
        sent: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._graph = graph
        self._stopped = stopped
        self._sent = {interrupt_id: request_id for request_id, interrupt_id in sent.items()}
        self._resumed = {task.id for task in before.tasks} if before is not None else set()
        self._under_way = {task.id for task in before.tasks if task.result is None} if before is not None else set()
        self._nodes: dict[UUID, str] = {}
        self._inside: dict[UUID, str] = {}
        self._asked: set[str] = set()
        self._passed: set[str] = set()

    def config(self, config: RunnableConfig) -> RunnableConfig:
        """Return the configuration of a watched drive."""
        cache = DriveCache(lambda: cache_of(self._graph), lambda: bool(self._under_way))
        mine = {_SCRATCHPAD: _Root(self), _CACHE: cache, WATCH_KEY: self}
        configurable = {**config.get("configurable", {}), **mine}
        return {**config, "configurable": configurable, "callbacks": [*_handlers(config), self]}

    def asks(self) -> None:
        """Note that the running step raises an interrupt, or refuses its answer."""
        namespace = str(get_config()["configurable"].get(_NAMESPACE) or "")
        value = _value_asked()
        before = _last_asked.get(None)
        if before is not None and before[0] == namespace and not _same(before[1], value):
            # The exception of the previous interrupt did not leave the step.
            self._passed.add(namespace)
        _last_asked.set((namespace, value))
        self._asked.add(namespace)

    def accepts(self, answer: Any, request_id: str) -> bool:
        """Return True if an outcome belongs to the interrupt that the running step has raised.

        It does if it was sent to that interrupt, or if an earlier drive stored it with the step.
        """
        configurable = get_config()["configurable"]
        namespace = str(configurable.get(_NAMESPACE) or "")
        given = configurable[_SCRATCHPAD].resume
        place = next((place for place, value in enumerate(given) if value is answer), None)
        if place is None:
            return False
        asked = _interrupt_id(namespace, place)
        if asked in self._sent or request_id in self._sent.values():
            return self._sent.get(asked) == request_id
        return namespace.split("|")[0].rpartition(":")[2] in self._resumed

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Remember the step of a run."""
        step = str((metadata or {}).get("langgraph_checkpoint_ns") or "")
        if any(tag.startswith(_NODE_TAG) for tag in tags or ()):
            self._nodes[run_id] = step
        elif step:
            self._inside[run_id] = step

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Fail a step that ends although it, or something inside it, has asked."""
        self._inside.pop(run_id, "")
        step = self._nodes.pop(run_id, "")
        self._check(step, self._asked)
        self._under_way.discard(step.rpartition(":")[2])

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Fail a step that waits for people now, but passed an earlier interrupt."""
        inside, step = self._inside.pop(run_id, ""), self._nodes.pop(run_id, "")
        if isinstance(error, GraphInterrupt):
            if inside and not error.args[0]:
                # A graph stopped at a breakpoint: its exception must leave the enclosing step, too.
                self._asked.add(inside)
            self._check(step, self._passed)
            if step and "|" not in step and not error.args[0]:
                # No interrupt: a graph inside the step has stopped.
                self._stopped(Stopped(step.rpartition(":")[2]))

    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        """Report a breakpoint; interrupts raised by steps are in the graph's stream."""
        if event.status in (BEFORE, AFTER):
            self._stopped(Stopped(""))

    def _check(self, step: str, asked: set[str]) -> None:
        if step and any(namespace == step or namespace.startswith(f"{step}|") for namespace in list(asked)):
            raise _Swallowed(step)


class _Root:
    """Acts as the scratchpad of a step around the whole graph.

    LangGraph looks there for an answer last, immediately before it raises an interrupt.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def get_null_resume(self, consume: bool = False) -> None:
        """There is no answer."""
        if consume:
            self._watch.asks()


def seen(error: Exception) -> Exception:
    """Return an exception of a graph in the form in which to report it."""
    return SwallowedGateError(_path(str(error.args[0]))) if isinstance(error, _Swallowed) else error


def _path(namespace: str) -> str:
    """Return the names of the nodes, without the ids of their steps."""
    return "/".join(part.split(":")[0] for part in namespace.split("|") if not part.isdigit())


def _handlers(config: RunnableConfig) -> list[Any]:
    given = config.get("callbacks")
    if given is None:
        return []
    return list(given) if isinstance(given, list) else list(given.handlers)


def _value_asked() -> Any:
    """Return the value passed to `interrupt`, which is not available elsewhere before it raises."""
    frame = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame.f_code is interrupt.__code__:
            return frame.f_locals.get("value")
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:
        return False
