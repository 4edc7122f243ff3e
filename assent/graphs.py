"""Drives the caller's own graph, with its own checkpointer; people decide its interrupts in the portal.

from assent import drive
result = drive(graph, {"messages": [...]}, {"configurable": {"thread_id": "42"}})

LangGraph must be installed. It is loaded with this module, not with the rest of the package.
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
from assent.approval import Approval, AsyncApproval
from assent.checkpoint_order import seconds_ahead
from assent.client import Assent, AsyncAssent
from assent.contracts import Outcome
from assent.drafts import RequestDraft
from assent.driver import CallPortal, Clear, Drive, Invocation, Invoke, Open, Step, Wait
from assent.errors import AlreadyDrivenError, ApiError, WaitTimeoutError
from assent.executor import AsyncExecutor, WaitLimit, earlier_request_id
from assent.open_requests import OpenRequest
from assent.thread import GetListed, GetSaved, GetState, aread, read, unaccepted
from assent.watch import Watch, seen

_LOOK_AGAIN_SECONDS = 25.0
"""How many seconds a thread waits before it checks whether the outcome is still wanted."""
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
    """Run a graph to its end; people decide its interrupts in the portal.

    Each interrupt opens a request. When people have decided, the thread is read again: it is resumed, by the
    interrupt's id, only if it is still waiting with exactly the value that they saw, and their answer fits. If the
    thread has moved to another interrupt by then, the request is canceled, nothing is resumed, and the new interrupt
    opens a new request. The result is reported as the request's receipt.

    A program that was killed makes the same call again: a thread that has not completed continues where it was,
    whatever `input` says, and finds the requests that were opened before. Drive a thread from one
    program at a time.

    Args:
        graph: compiled with a checkpointer that stores threads for as long as people may take.
        input: for a thread that has not started, or has completed; None: only continue.
        config: identifies the thread: ``{"configurable": {"thread_id": …}}``.
        client: a client of the portal; None: one for ASSENT_URL and ASSENT_TOKEN.
        workflow: the workflow name of its requests, for policies.
        context: the graph's runtime context.
        timeout: seconds to wait for people each time; None: as long as it takes.
        on_request: called with each request that is opened, or found again.
        ask_again: open new requests for those that were rejected, canceled, or expired before this call; each revises
            the earlier one.

    Returns:
        The graph's values, as `invoke` returns them.

    Raises:
        ValueError: the config does not identify a thread, or the graph has no checkpointer.
        Rejected: people rejected a request that the graph can only have answered; the thread stays where it was. To
            continue, make the call again with `ask_again`; to end the thread,
            ``graph.update_state(config, None, as_node=END)``.
        MovedOnError: another program continued the thread; the requests that this call waited for were canceled.
        PassedOverError: the agent continued without accepting the decision.
        SwallowedGateError: a step requested approval and continued without an answer.
        ThreadOrderError: the clocks of machines that write to the thread differ too much to tell which checkpoint is
            the newest.
        WaitTimeoutError: there was no decision before the timeout; the requests stay open.
        AlreadyDrivenError: this process is already driving the thread.
        EndedError, ApiError, UnreachableError: as `Approvals.request` and `Approval.wait`.
        Exception: an exception that a node raised; make the call again to continue from there.
    """
    where = _checked(graph, config)
    own = client or Assent(*_portal())
    try:
        with _alone(where):
            runner = _Runner(graph, own, context, timeout)
            try:
                return runner.run(Drive(graph, config, workflow, on_request, ask_again=ask_again).steps(input))
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
    timeout: float | None = None,  # noqa: ASYNC109 - the same as for `drive`
    on_request: Callable[[AsyncApproval], object] | None = None,
    ask_again: bool = False,
) -> Any:
    """As `drive`, for async graphs and checkpointers."""
    where = _checked(graph, config)
    own = client or AsyncAssent(*_portal())
    try:
        with _alone(where):
            runner = _AsyncRunner(graph, own, context, timeout)
            try:
                return await runner.run(Drive(graph, config, workflow, on_request, ask_again=ask_again).steps(input))
            finally:
                await runner.stop()
    finally:
        if client is None:
            await own.close()


def _portal() -> tuple[str, str]:
    try:
        return os.environ["ASSENT_URL"], os.environ["ASSENT_TOKEN"]
    except KeyError as error:
        raise ValueError(f"Pass a client, or set {error.args[0]}.") from None


def _checked(graph: CompiledStateGraph[Any], config: RunnableConfig) -> tuple[int, str, str]:
    where = config.get("configurable", {})
    if not where.get("thread_id"):
        raise ValueError('The config must identify a thread: {"configurable": {"thread_id": …}}.')
    if where.get("checkpoint_id"):
        raise ValueError("A thread always continues from its newest checkpoint; leave out checkpoint_id.")
    if not hasattr(graph.checkpointer, "get_tuple"):
        raise ValueError("The graph needs a checkpointer of its own: compile(checkpointer=…).")
    return id(graph.checkpointer), str(where["thread_id"]), str(where.get("checkpoint_ns", ""))


@contextmanager
def _alone(where: tuple[int, str, str]) -> Iterator[None]:
    with _lock:
        if where in _driven:
            raise AlreadyDrivenError(f"This process is already driving thread {where[1]}.")
        _driven.add(where)
    try:
        yield
    finally:
        with _lock:
            _driven.discard(where)


class _Runner:
    """Executes the steps of a drive."""

    def __init__(self, graph: CompiledStateGraph[Any], client: Assent, context: Any, timeout: float | None) -> None:
        self._graph = graph
        self._client = client
        self._context = context
        self._limit = WaitLimit(timeout)
        self._waiting: set[str] = set()
        self._stopped = threading.Event()
        self._heard: queue.SimpleQueue[tuple[str, Outcome | Exception]] = queue.SimpleQueue()

    def run(self, steps: Any) -> Any:
        """Execute the steps, and return their result."""
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
        """Stop all waiting threads."""
        self._stopped.set()

    def _take(self, step: Step) -> Any:
        match step:
            case GetState() | GetSaved() | GetListed():
                return read(self._graph, _once(step))
            case Clear():
                return self._graph.update_state(step.config, None)
            case Invoke():
                return self._invoke(step)
            case Open():
                return self._open(step.draft)
            case Wait():
                return self._wait(step.requests)
            case CallPortal():
                return self._client.call(step.send)

    def _open(self, draft: RequestDraft) -> Approval:
        try:
            return self._client.approvals.open(draft)
        except ApiError as error:
            if not (made := earlier_request_id(error)):
                raise
        page = self._client.page(made)
        return Approval(made, page, None, draft.secrets, draft.digest, _client=self._client)

    def _wait(self, requests: Sequence[OpenRequest]) -> tuple[str, Outcome | None]:
        """Return the first request that is decided, and its outcome; or nothing, to check the thread again."""
        for request in requests:
            if request.id not in self._waiting and (outcome := request.kept_outcome()) is not None:
                self._waiting.add(request.id)
                self._heard.put((request.id, outcome))
            elif request.id not in self._waiting:
                self._waiting.add(request.id)
                name = f"wait for {request.id}"
                threading.Thread(target=self._listen, args=(request,), daemon=True, name=name).start()
        try:
            request_id, heard = self._heard.get(timeout=self._limit.next())
        except queue.Empty:
            return "", None
        self._limit.begin()
        if isinstance(heard, Exception):
            raise heard
        return request_id, heard

    def _listen(self, request: OpenRequest) -> None:
        while not self._stopped.is_set():
            try:
                found = self._client.run(calls.outcome(request.id, _LOOK_AGAIN_SECONDS))
                self._heard.put((request.id, request.receive_outcome(found)))
            except WaitTimeoutError:
                continue
            except Exception as error:
                self._heard.put((request.id, error))
            return

    def _invoke(self, step: Invoke) -> Invocation:
        time.sleep(read(self._graph, seconds_ahead(step.config)))
        invocation, control = Invocation(), RunControl()
        watch = Watch(self._graph, step.before, invocation.stopped.append, _by_request(step))
        try:
            for part in self._graph.stream(
                step.send, watch.config(step.config), context=self._context, stream_mode=_MODES, durability="sync",
                subgraphs=True, control=control, version="v2",
            ):  # fmt: skip
                ended = invocation.take(part, step.watched)
                lost = read(self._graph, unaccepted(step.before, [ended])) if ended else []
                if lost:
                    invocation.unaccepted.append(ended)
                    control.request_drain("unheard")
        except GraphDrained:
            invocation.drained = True
        except Exception as error:
            invocation.error = seen(error)
        return invocation


class _AsyncRunner(AsyncExecutor):
    """Executes the steps of a drive, async."""

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

    async def _invoke(self, step: Invoke) -> Invocation:
        await asyncio.sleep(await aread(self._graph, seconds_ahead(step.config)))
        invocation, control = Invocation(), RunControl()
        watch = Watch(self._graph, step.before, invocation.stopped.append, _by_request(step))
        try:
            async for part in self._graph.astream(
                step.send, watch.config(step.config), context=self._context, stream_mode=_MODES, durability="sync",
                subgraphs=True, control=control, version="v2",
            ):  # fmt: skip
                ended = invocation.take(part, step.watched)
                lost = await aread(self._graph, unaccepted(step.before, [ended])) if ended else []
                if lost:
                    invocation.unaccepted.append(ended)
                    control.request_drain("unheard")
        except GraphDrained:
            invocation.drained = True
        except Exception as error:
            invocation.error = seen(error)
        return invocation


def _by_request(step: Invoke) -> dict[str, str]:
    """Return the answered interrupts, by request."""
    return {request_id: interrupt_id for interrupt_id, request_id in step.answers.items()}


def _once(step: GetState | GetSaved | GetListed) -> Any:
    """Yield a single reading step."""
    return (yield step)
