"""One thread of a LangGraph server: its requests, its resumption through the guard, and its receipts.

It is driven like any other graph (`assent.driver`), but its steps run on the server. Before answers are sent, they
are noted in the thread's metadata, so that the next process after a crash knows what happened to them.
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

from assent.approval import AsyncApproval
from assent.client import AsyncAssent
from assent.contracts import Outcome, ReceiptStatus
from assent.dialects.registry import understand
from assent.driver import (
    GONE,
    REFUSED,
    CallPortal,
    Clear,
    Drive,
    Invocation,
    Invoke,
    Step,
    Wait,
    asked_name,
    default_receipt,
)
from assent.errors import (
    ConflictError,
    EndedError,
    MovedOnError,
    NotAllowedError,
    NotFoundError,
    PassedOverError,
    Rejected,
    ThreadOrderError,
)
from assent.executor import AsyncExecutor
from assent.gate import ProposalChangedError
from assent.guard import PASSED_OVER
from assent.langgraph_server.claims import Claim
from assent.langgraph_server.threads import SENT, NotOursError, RunFailedError, Thread, failed, heard
from assent.thread import GetListed, GetSaved, GetState

logger = logging.getLogger("assent.langgraph_server")
REPORTED = (
    NotOursError, MovedOnError, RunFailedError, PassedOverError, Rejected, EndedError, ThreadOrderError
)  # fmt: skip
"""Errors that end a drive after everything has been reported."""


@dataclass(frozen=True)
class SentAnswers:
    """Answers that are being sent to a thread.

    Attributes:
        mark: identifies them.
        checkpoint: the thread's checkpoint when they were sent.
        requests: ids of requests, by interrupt.
        watched: names of the nodes that must accept an answer, by step.
    """

    mark: str
    checkpoint: str
    requests: dict[str, str]
    watched: dict[str, str] = field(default_factory=dict)


class RemoteGraph:
    """Stands for the graph, whose nodes and output only the server knows."""

    nodes: Mapping[str, Any] = {}
    output_channels: tuple[str, ...] = ()


class ThreadDriver(AsyncExecutor):
    """Opens requests for a thread's interrupts, and resumes it, until it waits for nothing more.

    Args:
        woken: set when another program may have changed the thread.
        claim: this bridge's claim on the thread, in which open requests are noted.
    """

    def __init__(self, client: AsyncAssent, thread: Thread, woken: asyncio.Event, claim: Claim) -> None:
        super().__init__(client)
        self._claim = claim
        self._drive: Drive | None = None
        self._thread = thread
        self._woken = woken
        self._marked = False
        self._begins_again = False
        self._failed = False

    async def resume(self, workflow: str) -> None:
        """Drive the thread until it waits for nothing more.

        Raises:
            NotOursError: somebody else has gone on with it.
            RunFailedError, PassedOverError, Rejected, EndedError: as `assent.drive`; all is reported by then.
        """
        self._drive = Drive(RemoteGraph(), self._thread.config, workflow, self._opened, stored=False)
        try:
            await self.run(self._drive.steps(None))
        except REPORTED as error:
            if isinstance(error, NotOursError):
                for request in self._drive.unsent:
                    await self._client.call(request.receipt_call(ReceiptStatus.NOT_APPLIED, GONE, None))
            await self._unmark()
            raise
        finally:
            await self.stop()
        await self._unmark()
        logger.info("thread %s waits for nothing more", self._thread.id)

    def _opened(self, request: AsyncApproval) -> None:
        logger.info("thread %s waits for people at %s", self._thread.id, request.url)

    async def _take(self, step: Step) -> Any:
        if not isinstance(step, CallPortal | GetState | GetSaved | GetListed | Clear):
            # The results of the answers have been reported by now; before a `Clear`, perhaps not.
            await self._unmark()
        if isinstance(step, Wait) and self._drive is not None:
            await self._claim.note(self._drive.asked)
        return await super()._take(step)

    async def _read(self, step: GetState | GetSaved | GetListed) -> Any:
        if isinstance(step, GetListed):
            return await self._thread.of_step(step.step) if step.step is not None else []
        # The API does not give access to the checkpointer; `_invoke` checks itself whether answers were accepted.
        return await self._thread.state(self._failed) if isinstance(step, GetState) else None

    async def _clear(self, config: RunnableConfig) -> None:
        await self._thread.forget_answers()
        self._begins_again, self._failed = True, False

    async def _first(self) -> set[asyncio.Task[Outcome]]:
        woken = asyncio.create_task(self._woken.wait())
        try:
            done, _ = await asyncio.wait([*self._waiting.values(), woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        self._woken.clear()
        return {tended for tended in self._waiting.values() if tended in done}

    async def _invoke(self, step: Invoke) -> Invocation:
        resume = step.send.resume if isinstance(step.send, Command) else None
        if resume is None and not self._begins_again:
            # It does not wait for a request from here: it is running, or somebody else is holding it.
            raise NotOursError("The thread does not wait for a request from this program.")
        self._begins_again = False
        names = {task.id: task.name for task in step.before.tasks if task.id in step.watched}
        where = str(step.before.config["configurable"]["checkpoint_id"])
        sent = SentAnswers(uuid.uuid4().hex, where, dict(step.answers), names)
        if resume is not None:
            # From here on, what happened to the answers is in that mark.
            answered = set(step.answers.values())
            left = {name: asked for name, asked in self._claim.requests.items() if asked not in answered}
            await self._claim.note(left)
            await self._thread.mark(asdict(sent))
            self._marked = True
        return await self._follow(sent, resume)

    async def _follow(self, sent: SentAnswers, resume: Mapping[str, Any] | None) -> Invocation:
        invocation = Invocation()
        try:
            await self._run(invocation, resume, sent)
            if not sent.watched:
                return invocation
            invocation.unaccepted = await unaccepted(self._thread, sent)
            invocation.drained = bool(invocation.unaccepted)
            idle = await self._thread.wait_until_idle()
            if not invocation.unaccepted and stopped_between(idle, await self._thread.state()):
                await self._run(invocation, None, replace(sent, watched={}))
        except (RunFailedError, ProposalChangedError) as error:
            invocation.error = error
            self._failed = True
        return invocation

    async def _run(self, invocation: Invocation, resume: Mapping[str, Any] | None, sent: SentAnswers) -> None:
        async with aclosing(self._thread.run(resume, sent.mark, set(sent.watched.values()))) as written:
            async for part in written:
                invocation.take({"type": "custom", "data": part, "ns": ()}, ())

    async def _unmark(self) -> None:
        if self._marked:
            await self._thread.mark(None)
            self._marked = False


async def unaccepted(thread: Thread, sent: SentAnswers) -> list[str]:
    """Return the requests whose watched steps continued without accepting their answer."""
    then = await thread.steps_at(sent.checkpoint)
    return [request_id for request_id in sent.watched if not heard(then, request_id, sent.requests)]


def stopped_between(document: Mapping[str, Any], state: StateSnapshot) -> bool:
    """Return True if the thread is stopped between two steps, as it is after the step of a watched node."""
    return document["status"] == "interrupted" and bool(state.next) and not state.interrupts


async def withdraw(client: AsyncAssent, noted: Mapping[str, str], but: StateSnapshot | None = None) -> None:
    """Withdraw the requests that an earlier process opened, except for what the thread asks in the given state."""
    asked = but.interrupts if but is not None else ()
    asks = {asked_name(understand(found.id, found.value, found.response_schema, "", "")) for found in asked}
    for name, request_id in noted.items():
        if name not in asks:
            request = client.approvals.get(request_id)
            try:
                await request.cancel(GONE)
            except ConflictError:  # it has been decided
                if (await request.status()).outcome is not None and not reported(request.receipt):
                    await request.report(ReceiptStatus.NOT_APPLIED, GONE)
            except (NotFoundError, NotAllowedError):
                pass  # it belongs to another bridge, which is gone


def reported(receipt: Mapping[str, Any] | None) -> bool:
    """True if a receipt says what was done."""
    return (receipt or {}).get("status", ReceiptStatus.DELIVERED) != ReceiptStatus.DELIVERED


async def take_over(client: AsyncAssent, thread: Thread, document: Mapping[str, Any]) -> None:
    """Report the results of answers that a crashed process sent, and continue from there.

    Answers that were not sent are left alone: the thread still waits, and opening the same request again returns its
    outcome.
    """
    sent = SentAnswers(**document["metadata"][SENT])
    now = await thread.wait_until_idle()
    was_sent = await thread.was_run(sent.mark)
    error = failed(now)
    waiting = {question.id for question in (await thread.state(error is not None)).interrupts}
    lost = await unaccepted(thread, sent) if was_sent and error is None and sent.watched else []
    if was_sent and not lost and sent.watched and stopped_between(now, await thread.state()):
        try:
            async for _ in thread.run(None, sent.mark):
                pass  # receipts of nodes are lost here; the one below says that the thread continued
        except (RunFailedError, ProposalChangedError) as raised:
            error = raised
    # Until the thread has completed, a step that acts on an outcome may still follow.
    goes_on = bool((await thread.state(error is not None)).next)
    for interrupt, request_id in sent.requests.items():
        if interrupt not in waiting:
            approval = client.approvals.get(request_id)
            try:
                status = await approval.status()
            except NotFoundError:
                continue  # it belongs to another bridge, which is gone
            if status.outcome is None or reported(status.receipt):
                continue
            if not was_sent:
                await approval.report(ReceiptStatus.NOT_APPLIED, GONE)
            elif lost:
                await approval.report(ReceiptStatus.FAILED, PASSED_OVER)
            elif error is not None or not goes_on or status.outcome.verdict in REFUSED:
                await approval.report(*default_receipt(status.outcome, error))
    await thread.mark(None)
