"""Running somebody's own graph, with their own checkpointer, so that what it asks is decided at the portal.

from assent import drive
result = drive(graph, {"messages": [...]}, {"configurable": {"thread_id": "42"}})

LangGraph has to be installed. It is loaded with this module, and not with the rest of the package.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl

from assent import calls
from assent.asking import Asking
from assent.client import Approval, Assent, AsyncApproval, AsyncAssent, Opened
from assent.contracts import Outcome
from assent.driving import Clear, Driving, Go, Open, Rest, Step, Tell, Wait
from assent.errors import AlreadyDrivenError, ApiError, WaitTimeoutError
from assent.ordering import seconds_ahead
from assent.stepping import AsyncRunner, Patience, made_before
from assent.thread import GetListed, GetSaved, GetState, aread, read, unheard
from assent.watch import Watch, seen

_LOOK_AGAIN_SECONDS = 25.0
"""How long a thread waits before it looks whether anybody still wants to know."""
_MODES: Any = ["tasks", "custom", "values"]
_driven: set[tuple[int, str, str]] = set()
_lock = threading.Lock()


def drive(
    graph: CompiledStateGraph[Any],
    input: Any,
    config: RunnableConfig,
    *,
    client: Assent | None = None,
    workflow: str = "",
    context: Any = None,
    timeout: float | None = None,
    on_request: Callable[[Approval], object] | None = None,
    ask_again: bool = False,
) -> Any:
    """Run a graph to its end; whatever it asks on the way is decided at the portal.

    For each interrupt a request is opened. When people have decided, the thread is read again: only if it still waits
    for the very value that they saw, and if their answer fits, it is resumed, by the interrupt's id. If it asks
    something else by then, the request is withdrawn, nothing is resumed, and what it asks now is a new request. What
    came of it is reported as the request's receipt.

    A program that was killed makes the same call again: a thread that has not come to its end goes on where it was,
    whatever `input` says, and finds the requests that were opened before. Drive a thread from one place at a time.

    Args:
        graph: compiled with a checkpointer that keeps threads for as long as people may take.
        input: for a thread that has not begun, or has come to its end; None: only go on.
        config: names the thread: ``{"configurable": {"thread_id": …}}``.
        client: of the portal; None: one for ASSENT_URL and ASSENT_TOKEN.
        workflow: what its requests are filed under; policies know it by that name.
        context: the graph's run-time context.
        timeout: seconds to wait for people each time; None: for as long as it takes.
        on_request: told of each request that is opened, or found again.
        ask_again: ask anew what was rejected, withdrawn, or has expired before this call; the new request revises the
            earlier one.

    Returns:
        The graph's values, as `invoke` gives them.

    Raises:
        ValueError: the config names no thread, or the graph has no checkpointer.
        Rejected: people refused what can only be answered, not refused; the thread stays where it was. To go on, make
            the call again with `ask_again`; to end the thread, ``graph.update_state(config, None, as_node=END)``.
        MovedOnError: another program has gone on with the thread; what was waited for here is withdrawn.
        PassedOverError: the agent went on without taking what people decided.
        SwallowedGateError: a step asked and went on without an answer.
        ThreadOrderError: the clocks of machines that write to the thread differ too much to tell where it stands.
        WaitTimeoutError: nobody has decided in time; the requests stay open.
        AlreadyDrivenError: the thread is being driven in this process.
        EndedError, ApiError, UnreachableError: as `Approvals.request` and `Approval.wait`.
        Exception: what a node raised; make the call again to go on from there.
    """
    where = _checked(graph, config)
    own = client or Assent(*_portal())
    try:
        with _alone(where):
            runner = _Runner(graph, own, context, timeout)
            try:
                return runner.run(Driving(graph, config, workflow, on_request, ask_again=ask_again).steps(input))
            finally:
                runner.stop()
    finally:
        if client is None:
            own.close()


async def adrive(
    graph: CompiledStateGraph[Any],
    input: Any,
    config: RunnableConfig,
    *,
    client: AsyncAssent | None = None,
    workflow: str = "",
    context: Any = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the same as of `drive`
    on_request: Callable[[AsyncApproval], object] | None = None,
    ask_again: bool = False,
) -> Any:
    """As `drive`, for graphs and checkpointers that are async."""
    where = _checked(graph, config)
    own = client or AsyncAssent(*_portal())
    try:
        with _alone(where):
            runner = _AsyncRunner(graph, own, context, timeout)
            try:
                return await runner.run(Driving(graph, config, workflow, on_request, ask_again=ask_again).steps(input))
            finally:
                await runner.stop()
    finally:
        if client is None:
            await own.close()


def _portal() -> tuple[str, str]:
    try:
        return os.environ["ASSENT_URL"], os.environ["ASSENT_TOKEN"]
    except KeyError as error:
        raise ValueError(f"Give a client, or set {error.args[0]}.") from None


def _checked(graph: CompiledStateGraph[Any], config: RunnableConfig) -> tuple[int, str, str]:
    where = config.get("configurable", {})
    if not where.get("thread_id"):
        raise ValueError('The config has to name a thread: {"configurable": {"thread_id": …}}.')
    if where.get("checkpoint_id"):
        raise ValueError("A thread is driven on from its newest checkpoint; leave checkpoint_id out.")
    if not hasattr(graph.checkpointer, "get_tuple"):
        raise ValueError("The graph needs a checkpointer of its own: compile(checkpointer=…).")
    return id(graph.checkpointer), str(where["thread_id"]), str(where.get("checkpoint_ns", ""))


@contextmanager
def _alone(where: tuple[int, str, str]) -> Iterator[None]:
    with _lock:
        if where in _driven:
            raise AlreadyDrivenError(f"Thread {where[1]} is being driven in this process already.")
        _driven.add(where)
    try:
        yield
    finally:
        with _lock:
            _driven.discard(where)


class _Runner:
    """Takes the steps of a drive."""

    def __init__(self, graph: CompiledStateGraph[Any], client: Assent, context: Any, timeout: float | None) -> None:
        self._graph = graph
        self._client = client
        self._context = context
        self._patience = Patience(timeout)
        self._waiting: set[str] = set()
        self._stopped = threading.Event()
        self._heard: queue.SimpleQueue[tuple[str, Outcome | Exception]] = queue.SimpleQueue()

    def run(self, steps: Any) -> Any:
        """Take them all."""
        found, error = None, None
        while True:
            try:
                step = steps.send(found) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            found, error = None, None
            try:
                found = self._take(step)
            except Exception as raised:
                error = raised

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stopped.set()

    def _take(self, step: Step) -> Any:
        match step:
            case GetState() | GetSaved() | GetListed():
                return read(self._graph, _once(step))
            case Clear():
                return self._graph.update_state(step.config, None)
            case Go():
                return self._go(step)
            case Open():
                return self._open(step.asking)
            case Wait():
                return self._wait(step.requests)
            case Tell():
                return self._client.call(step.send)

    def _open(self, asking: Asking) -> Approval:
        try:
            return self._client.approvals.open(asking)
        except ApiError as error:
            if not (made := made_before(error)):
                raise
        page = self._client.page(made)
        return Approval(made, page, None, asking.secrets, asking.digest, _client=self._client)

    def _wait(self, requests: Sequence[Opened]) -> tuple[str, Outcome | None]:
        """The request that was decided first, and its outcome; or nothing: the thread has to be looked at again."""
        for request in requests:
            if request.id not in self._waiting:
                self._waiting.add(request.id)
                name = f"wait for {request.id}"
                threading.Thread(target=self._listen, args=(request,), daemon=True, name=name).start()
        try:
            request_id, heard = self._heard.get(timeout=self._patience.next())
        except queue.Empty:
            return "", None
        self._patience.begin()
        if isinstance(heard, Exception):
            raise heard
        return request_id, heard

    def _listen(self, request: Opened) -> None:
        while not self._stopped.is_set():
            try:
                found = self._client.run(calls.outcome(request.id, _LOOK_AGAIN_SECONDS))
                self._heard.put((request.id, request.taken(found)))
            except WaitTimeoutError:
                continue
            except Exception as error:
                self._heard.put((request.id, error))
            return

    def _go(self, step: Go) -> Rest:
        time.sleep(read(self._graph, seconds_ahead(step.config)))
        rest, control = Rest(), RunControl()
        watch = Watch(self._graph, step.before, rest.stopped.append, _by_request(step))
        try:
            for part in self._graph.stream(
                step.send, watch.config(step.config), context=self._context, stream_mode=_MODES, durability="sync",
                subgraphs=True, control=control, version="v2",
            ):  # fmt: skip
                ended = rest.take(part, step.watched)
                lost = read(self._graph, unheard(step.before, [ended])) if ended else []
                if lost:
                    rest.unheard.append(ended)
                    control.request_drain("unheard")
        except GraphDrained:
            rest.drained = True
        except Exception as error:
            rest.error = seen(error)
        return rest


class _AsyncRunner(AsyncRunner):
    """Takes the steps of a drive, async."""

    def __init__(
        self, graph: CompiledStateGraph[Any], client: AsyncAssent, context: Any, timeout: float | None
    ) -> None:
        super().__init__(client, timeout)
        self._graph = graph
        self._context = context

    async def _read(self, step: GetState | GetSaved | GetListed) -> Any:
        return await aread(self._graph, _once(step))

    async def _clear(self, config: RunnableConfig) -> Any:
        return await self._graph.aupdate_state(config, None)

    async def _go(self, step: Go) -> Rest:
        await asyncio.sleep(await aread(self._graph, seconds_ahead(step.config)))
        rest, control = Rest(), RunControl()
        watch = Watch(self._graph, step.before, rest.stopped.append, _by_request(step))
        try:
            async for part in self._graph.astream(
                step.send, watch.config(step.config), context=self._context, stream_mode=_MODES, durability="sync",
                subgraphs=True, control=control, version="v2",
            ):  # fmt: skip
                ended = rest.take(part, step.watched)
                lost = await aread(self._graph, unheard(step.before, [ended])) if ended else []
                if lost:
                    rest.unheard.append(ended)
                    control.request_drain("unheard")
        except GraphDrained:
            rest.drained = True
        except Exception as error:
            rest.error = seen(error)
        return rest


def _by_request(step: Go) -> dict[str, str]:
    """The interrupts that are answered, by request."""
    return {request_id: interrupt_id for interrupt_id, request_id in step.answers.items()}


def _once(step: GetState | GetSaved | GetListed) -> Any:
    """The one step of a reading."""
    return (yield step)
