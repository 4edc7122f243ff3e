"""Executes the steps of a drive, async, wherever the graph runs."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig

from assent import calls
from assent.approval import AsyncApproval
from assent.client import AsyncAssent
from assent.contracts import Outcome
from assent.drafts import RequestDraft
from assent.driver import CallPortal, Clear, Invocation, Invoke, Open, Step, Wait
from assent.errors import ApiError, WaitTimeoutError
from assent.open_requests import OpenRequest
from assent.thread import GetListed, GetSaved, GetState

LOOK_SECONDS = 5.0
"""How many seconds a drive waits before it checks its thread again."""


def earlier_request_id(error: ApiError) -> str:
    """Return the id of the request that an earlier process opened under this key with another previous request."""
    place = str(error.document.get("location") or "")
    return place.rpartition("/")[2] if error.code == "idempotency_key_reused" else ""


class WaitLimit:
    """How long to wait for people, with checks of the thread in between.

    Args:
        seconds: in total, until somebody decides; None: without limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def begin(self) -> None:
        """Start over after a decision: the next wait has the full time."""
        self._until = None

    def next(self) -> float:
        """Return the seconds until the next check. Raises WaitTimeoutError: there was no decision in time."""
        if self._seconds is None:
            return LOOK_SECONDS
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        elif now >= self._until:
            raise WaitTimeoutError(f"There was no decision within {self._seconds:g} s.")
        return min(LOOK_SECONDS, self._until - now)


class AsyncExecutor(ABC):
    """Executes the steps of one drive: API calls here, steps of the graph in a subclass.

    Args:
        timeout: seconds to wait for people each time; None: as long as it takes.
    """

    def __init__(self, client: AsyncAssent, timeout: float | None = None) -> None:
        self._client = client
        self._timeout = timeout
        self._waiting: dict[str, asyncio.Task[Outcome]] = {}
        self._limit = WaitLimit(timeout)

    async def run(self, steps: Any) -> Any:
        """Execute the steps, and return their result."""
        found, error = None, None
        while True:
            try:
                step = steps.send(found) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            found, error = None, None
            try:
                found = await self._take(step)
            except Exception as raised:
                error = raised

    async def stop(self) -> None:
        """Stop waiting for people."""
        for delivery in self._waiting.values():
            delivery.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    @abstractmethod
    async def _read(self, step: GetState | GetSaved | GetListed) -> Any: ...

    @abstractmethod
    async def _clear(self, config: RunnableConfig) -> Any: ...

    @abstractmethod
    async def _invoke(self, step: Invoke) -> Invocation: ...

    async def _take(self, step: Step) -> Any:
        match step:
            case GetState() | GetSaved() | GetListed():
                return await self._read(step)
            case Clear():
                return await self._clear(step.config)
            case Invoke():
                return await self._invoke(step)
            case Open():
                return await self._open(step.draft)
            case Wait():
                return await self._wait(step.requests)
            case CallPortal():
                return await self._client.call(step.send)

    async def _open(self, draft: RequestDraft) -> AsyncApproval:
        try:
            return await self._client.approvals.open(draft)
        except ApiError as error:
            if not (made := earlier_request_id(error)):
                raise
        page = self._client.page(made)
        return AsyncApproval(made, page, None, draft.secrets, draft.digest, _client=self._client)

    async def _wait(self, requests: Sequence[OpenRequest]) -> tuple[str, Outcome | None]:
        """Return the first request that is decided, and its outcome; or nothing, to check the thread again."""
        for request in requests:
            if request.id not in self._waiting:
                self._waiting[request.id] = asyncio.create_task(self._listen(request), name=f"wait for {request.id}")
        done = await self._first()
        for request_id, task in list(self._waiting.items()):
            if task in done:
                del self._waiting[request_id]
                self._limit.begin()
                return request_id, task.result()
        return "", None

    async def _first(self) -> set[asyncio.Task[Outcome]]:
        """Return the waits that have ended; none, to check the thread. Raises WaitTimeoutError."""
        seconds = self._limit.next()
        done, _ = await asyncio.wait(self._waiting.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return done

    async def _listen(self, request: OpenRequest) -> Outcome:
        if (outcome := request.kept_outcome()) is not None:
            return outcome
        return request.receive_outcome(await self._client.run(calls.outcome(request.id, None)))
