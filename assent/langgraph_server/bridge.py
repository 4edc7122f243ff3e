"""Polls a LangGraph server for interrupted threads, and opens requests for them in the portal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import LangGraphError

from assent.client import AsyncAssent
from assent.errors import AssentError, NotAllowedError, SignInError, ThreadOrderError, UnreachableError
from assent.langgraph_server.claims import ASKED, Bridges, Claim
from assent.langgraph_server.thread_driver import REPORTED, ThreadDriver, take_over, withdraw
from assent.langgraph_server.threads import RESUMING, Thread

logger = logging.getLogger("assent.langgraph_server")
LOOK_EVERY_SECONDS = 5.0
MOST_PAUSE_SECONDS = 60.0
"""Longest pause between two attempts at a thread that keeps failing."""
OUTAGE_PAUSE_SECONDS = 10.0
"""Longest pause while the portal or the server cannot be reached, so that work continues soon after an outage."""
_OUTAGES = (UnreachableError, httpx.TransportError)
_PAGE = 100
_NEVER_USED = "assent-langgraph-server"
"""An idempotency key that finds no request."""
_FIELDS: Any = ["thread_id", "status", "updated_at", "metadata"]


@dataclass
class Tended:
    """A thread whose requests are open."""

    task: asyncio.Task[None]
    seen: str
    woken: asyncio.Event
    claim: Claim


class HeldElsewhereError(Exception):
    """Another bridge asks about the thread."""


class Bridge:
    """Opens requests for a server's interrupted threads, and resumes the threads with the decisions.

    It keeps no state of its own: after a restart it finds the same threads and the same requests. Of several bridges,
    one opens the requests of a thread (see `assent.langgraph_server.claims`).

    Args:
        graph: watch only threads of this graph; empty: all graphs.
        workflow: the workflow name of requests; empty: the graph's name.
        every: seconds between two polls.
    """

    def __init__(
        self, server: LangGraphClient, client: AsyncAssent, graph: str = "", workflow: str = "",
        every: float = LOOK_EVERY_SECONDS,
    ) -> None:  # fmt: skip
        self._server = server
        self._client = client
        self._graph = graph
        self._workflow = workflow
        self._every = every
        self._bridges = Bridges(server, client.fingerprint)
        self._tended: dict[str, Tended] = {}
        self._left: dict[str, frozenset[str]] = {}
        self._failed: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Run until canceled. Raises SignInError: the portal does not accept the token."""
        failing = False
        # Another bridge may ask about everything, so that nothing else would show that the token does not work.
        with suppress(UnreachableError, NotAllowedError):
            await self._client.approvals.find(_NEVER_USED)
        try:
            while True:
                try:
                    await self.look()
                    if failing:
                        logger.info("the server is reachable again")
                    failing = False
                except (httpx.HTTPError, LangGraphError) as error:
                    if not failing:
                        logger.warning("the server is unreachable, retrying: %s", _words(error))
                    failing = True
                await asyncio.sleep(self._every)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Leave all threads as they are; their requests stay open."""
        tasks = [tended.task for tended in self._tended.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self) -> None:
        """Poll once, and start tending the waiting threads that are not tended yet. Raises httpx.HTTPError,
        LangGraphError, SignInError."""
        self._collect()
        await self._bridges.beat()
        found = {thread["thread_id"]: thread async for thread in self._waiting()}
        for thread_id, tended in self._tended.items():
            seen = str(found[thread_id]["updated_at"]) if thread_id in found else ""
            # One that another program resumes does not wait now, and nothing shows when that has ended.
            if seen != tended.seen or not seen:
                tended.seen = seen
                tended.woken.set()
        for thread_id, document in found.items():
            left = str(document["updated_at"]) in self._left.get(thread_id, ())
            _, not_before = self._failed.get(thread_id, (0, 0.0))
            begins = thread_id not in self._tended and not left and time.monotonic() >= not_before
            keep_out = self._bridges.keep_out(document["metadata"])
            if begins and not keep_out:
                self._begin(document)
            elif keep_out and thread_id in self._tended:
                self._tended[thread_id].task.cancel()
        self._left = {thread_id: seen for thread_id, seen in self._left.items() if thread_id in found}
        self._failed = {thread_id: failed for thread_id, failed in self._failed.items() if thread_id in found}

    async def _waiting(self) -> AsyncIterator[Mapping[str, Any]]:
        of_graph = {"graph_id": self._graph} if self._graph else {}
        waiting: tuple[Any, ...] = (
            {"status": "interrupted", "metadata": of_graph},
            {"metadata": of_graph | {RESUMING: True}},
            # Another program may have resumed it while no bridge was running.
            {"metadata": of_graph | {ASKED: True}},
        )
        for wanted in waiting:
            offset, more = 0, True
            while more:
                search: Any = self._server.threads.search
                page = await search(**wanted, limit=_PAGE, offset=offset, sort_by="created_at", select=_FIELDS)
                offset, more = offset + _PAGE, len(page) == _PAGE
                for thread in page:
                    yield thread

    def _begin(self, document: Mapping[str, Any]) -> None:
        thread, woken = Thread(self._server, document), asyncio.Event()
        claim = Claim(thread, self._bridges)
        task = asyncio.create_task(self._tend(document, thread, woken, claim), name=f"thread {thread.id}")
        self._tended[thread.id] = Tended(task, str(document["updated_at"]), woken, claim)

    async def _tend(self, document: Mapping[str, Any], thread: Thread, woken: asyncio.Event, claim: Claim) -> None:
        noted = document["metadata"].get(RESUMING) or document["metadata"].get(ASKED)
        if not noted and not (await thread.state()).interrupts:
            return  # it stops at a breakpoint
        if not await claim.take():
            await withdraw(self._client, claim.requests)
            raise HeldElsewhereError
        try:
            if document["metadata"].get(RESUMING):
                await take_over(self._client, thread, document)
            status = await thread.status()
            if status not in ("idle", "interrupted"):
                return  # once its run has ended, it is looked at again; one with an error is left alone
            state = await thread.state()
            await withdraw(self._client, claim.requests, but=state)
            if status == "interrupted" and state.interrupts:
                await ThreadDriver(self._client, thread, woken, claim).resume(self._workflow or thread.graph)
        except REPORTED:
            if await thread.status() in ("idle", ""):
                await claim.release()
            raise
        await claim.release()

    def _collect(self) -> None:
        """Collect the results of the tasks that have ended. Raises SignInError."""
        for thread_id, tended in list(self._tended.items()):
            if not tended.task.done():
                continue
            del self._tended[thread_id]
            if tended.task.cancelled():
                continue
            error = tended.task.exception()
            if isinstance(error, HeldElsewhereError):
                continue
            if isinstance(error, SignInError):
                raise error
            if error is None or isinstance(error, REPORTED):  # left alone until it changes
                self._left[thread_id] = frozenset((tended.seen, tended.claim.written))
                self._failed.pop(thread_id, None)
                if error is not None:
                    level = logging.WARNING if isinstance(error, ThreadOrderError) else logging.INFO
                    logger.log(level, "thread %s: %s", thread_id, _words(error))
            else:
                self._note_failure(thread_id, error)

    def _note_failure(self, thread_id: str, error: BaseException) -> None:
        failures = self._failed.get(thread_id, (0, 0.0))[0] + 1
        most = OUTAGE_PAUSE_SECONDS if isinstance(error, _OUTAGES) else MOST_PAUSE_SECONDS
        pause = min(self._every * 2 ** min(failures - 1, 10), most)
        self._failed[thread_id] = failures, time.monotonic() + pause
        if isinstance(error, AssentError | httpx.HTTPError | LangGraphError):
            logger.warning("thread %s, retrying in %g s: %s", thread_id, pause, _words(error))
        else:
            logger.error("thread %s, retrying in %g s", thread_id, pause, exc_info=error)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
