"""One thread of a LangGraph server: asked about, resumed through the guard, and what came of it reported.

It is a drive as of somebody's own graph (`assent.driving`), whose steps are taken on the server. Before answers are
sent they are noted on the thread itself, so that whoever takes over after a crash can tell what has become of them.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from assent.client import AsyncApproval, AsyncAssent
from assent.contracts import Outcome, ReceiptStatus
from assent.driving import GONE, REFUSED, Driving, Go, Rest, Step, Tell, concluded
from assent.errors import EndedError, MovedOnError, PassedOverError, Rejected, ThreadOrderError
from assent.gate import ProposalChangedError
from assent.guard import PASSED_OVER
from assent.langgraph_server.threads import SENT, NotOursError, RunFailedError, Thread, failed, heard
from assent.stepping import AsyncRunner
from assent.thread import GetListed, GetSaved, GetState

logger = logging.getLogger("assent.langgraph_server")
REPORTED = (
    NotOursError, MovedOnError, RunFailedError, PassedOverError, Rejected, EndedError, ThreadOrderError
)  # fmt: skip
"""What a drive ends with after it has reported all there was to report."""


@dataclass(frozen=True)
class Sent:
    """Answers on their way to a thread.

    Attributes:
        mark: names them.
        checkpoint: where the thread stood.
        requests: ids of requests by interrupt.
        watched: names of the nodes that must take an answer, by step.
    """

    mark: str
    checkpoint: str
    requests: dict[str, str]
    watched: dict[str, str] = field(default_factory=dict)


class NoGraph:
    """All that a drive has to know of a graph that is elsewhere: the server keeps its nodes and its output."""

    nodes: Mapping[str, Any] = {}
    output_channels: tuple[str, ...] = ()


class Resuming(AsyncRunner):
    """Asks what a thread waits for, and resumes it, until it waits for nothing more.

    Args:
        woken: set when the thread may have changed without us.
    """

    def __init__(self, client: AsyncAssent, thread: Thread, woken: asyncio.Event) -> None:
        super().__init__(client)
        self._thread = thread
        self._woken = woken
        self._marked = False
        self._begins_anew = False
        self._failed = False

    async def resume(self, workflow: str) -> None:
        """Go on until the thread waits for nothing more.

        Raises:
            NotOursError: somebody else has gone on with it.
            RunFailedError, PassedOverError, Rejected, EndedError: as `assent.drive`; all is reported by then.
        """
        driving = Driving(NoGraph(), self._thread.config, workflow, self._opened, stored=False)
        try:
            await self.run(driving.steps(None))
        except REPORTED:
            await self._unmark()
            raise
        finally:
            await self.stop()
        await self._unmark()
        logger.info("thread %s waits for nothing more", self._thread.id)

    def _opened(self, request: AsyncApproval) -> None:
        logger.info("thread %s waits for people at %s", self._thread.id, request.url)

    async def _take(self, step: Step) -> Any:
        if not isinstance(step, Tell | GetState | GetSaved | GetListed):
            # What came of the answers is reported by now.
            await self._unmark()
        return await super()._take(step)

    async def _read(self, step: GetState | GetSaved | GetListed) -> Any:
        if isinstance(step, GetListed):
            return await self._thread.of_step(step.step) if step.step is not None else []
        # What the saver keeps is not to be had over the API; `_go` looks itself whether answers were taken.
        return await self._thread.state(self._failed) if isinstance(step, GetState) else None

    async def _clear(self, config: RunnableConfig) -> None:
        await self._thread.forget_answers()
        self._begins_anew, self._failed = True, False

    async def _first(self) -> set[asyncio.Task[Outcome]]:
        woken = asyncio.create_task(self._woken.wait())
        try:
            done, _ = await asyncio.wait([*self._waiting.values(), woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        self._woken.clear()
        return {tended for tended in self._waiting.values() if tended in done}

    async def _go(self, step: Go) -> Rest:
        resume = step.send.resume if isinstance(step.send, Command) else None
        if resume is None and not self._begins_anew:
            # Nothing that was asked here holds it: it runs, or somebody else keeps it where it is.
            raise NotOursError("The thread waits for nothing that was asked here.")
        self._begins_anew = False
        names = {task.id: task.name for task in step.before.tasks if task.id in step.watched}
        where = str(step.before.config["configurable"]["checkpoint_id"])
        sent = Sent(uuid.uuid4().hex, where, dict(step.answers), names)
        if resume is not None:
            await self._thread.mark(asdict(sent))
            self._marked = True
        return await self._follow(sent, resume)

    async def _follow(self, sent: Sent, resume: Mapping[str, Any] | None) -> Rest:
        rest = Rest()
        try:
            await self._run(rest, resume, sent)
            if not sent.watched:
                return rest
            rest.unheard = await unheard(self._thread, sent)
            rest.drained = bool(rest.unheard)
            if not rest.unheard and stopped_between(await self._thread.rest(), await self._thread.state()):
                await self._run(rest, None, replace(sent, watched={}))
        except (RunFailedError, ProposalChangedError) as error:
            rest.error = error
            self._failed = True
        return rest

    async def _run(self, rest: Rest, resume: Mapping[str, Any] | None, sent: Sent) -> None:
        async with aclosing(self._thread.run(resume, sent.mark, set(sent.watched.values()))) as written:
            async for part in written:
                rest.take({"type": "custom", "data": part, "ns": ()}, ())

    async def _unmark(self) -> None:
        if self._marked:
            await self._thread.mark(None)
            self._marked = False


async def unheard(thread: Thread, sent: Sent) -> list[str]:
    """Those of the watched steps that went on without taking their answer."""
    then = await thread.steps_at(sent.checkpoint)
    return [request_id for request_id in sent.watched if not heard(then, request_id, sent.requests)]


def stopped_between(document: Mapping[str, Any], state: StateSnapshot) -> bool:
    """True if the thread rests between two steps, as it does after the step of a watched node."""
    return document["status"] == "interrupted" and bool(state.next) and not state.interrupts


async def take_over(client: AsyncAssent, thread: Thread, document: Mapping[str, Any]) -> None:
    """Report what has become of answers that were sent by somebody who did not live to say so, and go on from there.

    What was not sent is left as it is: the thread still asks it, and who asks at the portal again gets the outcome.
    """
    sent = Sent(**document["metadata"][SENT])
    now = await thread.rest()
    was_sent = await thread.was_run(sent.mark)
    error = failed(now)
    waiting = {question.id for question in (await thread.state(error is not None)).interrupts}
    lost = await unheard(thread, sent) if was_sent and error is None and sent.watched else []
    if was_sent and not lost and sent.watched and stopped_between(now, await thread.state()):
        try:
            async for _ in thread.run(None, sent.mark):
                pass  # whose outcome a node reports on is not known any more; the receipt says that it went on
        except (RunFailedError, ProposalChangedError) as raised:
            error = raised
    # A step that acts on an outcome may be still to come, as long as the thread is not at its end.
    goes_on = bool((await thread.state(error is not None)).next)
    for interrupt, request_id in sent.requests.items():
        if interrupt not in waiting:
            approval = client.approvals.get(request_id)
            status = await approval.status()
            reported = (status.receipt or {}).get("status", ReceiptStatus.DELIVERED) != ReceiptStatus.DELIVERED
            if status.outcome is None or reported:
                continue
            if not was_sent:
                await approval.report(ReceiptStatus.NOT_APPLIED, GONE)
            elif lost:
                await approval.report(ReceiptStatus.FAILED, PASSED_OVER)
            elif error is not None or not goes_on or status.outcome.verdict in REFUSED:
                await approval.report(*concluded(status.outcome, error))
    await thread.mark(None)
