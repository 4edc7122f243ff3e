"""Clients of the portal: ask for approval from anywhere, and wait for it however long it takes.

assent = Assent("https://assent.example.com", token)
outcome = assent.approvals.request(proposal, idempotency_key="newsletter-2026-07").wait()
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import JsonValue

from assent import calls
from assent.asking import Asking, Callback, asking_about, asking_for
from assent.calls import Answer, Pause, Result, Send, Steps
from assent.contracts import Outcome, ReceiptStatus
from assent.opened import Opened, Status

CONNECT_SECONDS = 10.0


@dataclass
class Approval(Opened):
    """A request that was opened, for a program that waits. Made by `Approvals`."""

    _client: Assent = field(kw_only=True, repr=False)

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait until people have decided, and return what they made of it: act on its `payload`, and nothing else.

        The portal and the network may go away and come back meanwhile. A rejection is an outcome, too: look at
        `outcome.approved`.

        Args:
            timeout: seconds after which to give up waiting; the request stays open. None: never.

        Raises:
            WaitTimeoutError: nobody has decided in time.
            EndedError: the request has ended without an outcome.
            ApiError: the portal refuses the call, such as for a token that was revoked.
        """
        return self.taken(self._client.run(calls.outcome(self.id, timeout)))

    def report(self, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
        """Report what was really done; a later receipt replaces an earlier one.

        The summary and the details are cut, converted, and masked as needed, so that neither makes the report fail.

        Raises:
            ValueError: there is no such status.
            ApiError, UnreachableError: the portal does not take it. What was done is done: report again, do not do it
                again.
        """
        self.receipt = self._client.call(self.reporting(status, summary, detail))

    def cancel(self, reason: str = "") -> None:
        """Take back what was asked. Raises ApiError: ConflictError when it was decided already."""
        self._client.call(self.cancelling(reason))

    def status(self) -> Status:
        """How the request stands now, without waiting. Raises ApiError, UnreachableError."""
        return self._status(self._client.call(self.looking()))


@dataclass
class AsyncApproval(Opened):
    """A request that was opened, for an async program that waits. Made by `AsyncApprovals`."""

    _client: AsyncAssent = field(kw_only=True, repr=False)

    async def wait(self, timeout: float | None = None) -> Outcome:  # noqa: ASYNC109 - the same as of the sync client
        """As `Approval.wait`."""
        return self.taken(await self._client.run(calls.outcome(self.id, timeout)))

    async def report(self, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
        """As `Approval.report`."""
        self.receipt = await self._client.call(self.reporting(status, summary, detail))

    async def cancel(self, reason: str = "") -> None:
        """As `Approval.cancel`."""
        await self._client.call(self.cancelling(reason))

    async def status(self) -> Status:
        """As `Approval.status`."""
        return self._status(await self._client.call(self.looking()))


class Approvals:
    """Requests for approval."""

    def __init__(self, client: Assent) -> None:
        self._client = client

    def request(
        self,
        proposal: Any,
        *,
        idempotency_key: str = "",
        workflow: str = "",
        previous_id: str = "",
        response_schema: dict[str, Any] | None = None,
        callback: Callback | None = None,
    ) -> Approval:
        """Open a request, or find the one that was opened under this key before.

        Secrets are masked before they leave this process, and put back into the outcome's payload.

        Args:
            proposal: one of `Script`, `Optimizations`, `ToolCall`, `ToolCalls`, `Question`, `Custom`, or its JSON.
            idempotency_key: names this very action. A program that was killed and asks again under the same key, with
                the same proposal and within a day, gets the same request. Empty: a new request every time.
            workflow: what it is filed under; policies know it by that name.
            previous_id: the request that this one revises, after changes were asked for.
            response_schema: JSON Schema of the answer to a question.
            callback: where to call once it is settled, for programs that do not wait.

        Raises:
            pydantic.ValidationError: the proposal is not what the contract says.
            ApiError: the portal refuses it.
            UnreachableError: the portal does not answer.
        """
        asking = asking_for(proposal, workflow, previous_id, response_schema, idempotency_key, callback)
        return self.open(asking)

    def ask(
        self,
        value: JsonValue,
        *,
        title: str = "",
        idempotency_key: str = "",
        workflow: str = "",
        response_schema: dict[str, Any] | None = None,
        callback: Callback | None = None,
    ) -> Approval:
        """Have people answer any value, which is shown as it is; the answer is `outcome.answer`.

        Args:
            title: in one line.
            response_schema: JSON Schema of the answer; None: any JSON or text.
            idempotency_key, workflow, callback: and what is raised, as of `request`.
        """
        return self.open(asking_about(value, title, workflow, "", response_schema, idempotency_key, callback))

    def open(self, asking: Asking) -> Approval:
        """Open a request that has been put together."""
        found = self._client.call(asking.send())
        return Approval(
            found["id"], self._client.page(found["id"]), found["receipt"], asking.secrets, asking.digest,
            _client=self._client,
        )  # fmt: skip

    def get(self, request_id: str) -> Approval:
        """A request that was opened before, to wait for it again; nothing is sent.

        Secrets that were masked in its proposal stay masked in the outcome: only who calls `request` again, under the
        same key, has them. Raises ValueError: that is no id.
        """
        request_id = calls.checked_id(request_id)
        return Approval(request_id, self._client.page(request_id), _client=self._client)


class AsyncApprovals:
    """Requests for approval, async."""

    def __init__(self, client: AsyncAssent) -> None:
        self._client = client

    async def request(
        self,
        proposal: Any,
        *,
        idempotency_key: str = "",
        workflow: str = "",
        previous_id: str = "",
        response_schema: dict[str, Any] | None = None,
        callback: Callback | None = None,
    ) -> AsyncApproval:
        """As `Approvals.request`."""
        asking = asking_for(proposal, workflow, previous_id, response_schema, idempotency_key, callback)
        return await self.open(asking)

    async def ask(
        self,
        value: JsonValue,
        *,
        title: str = "",
        idempotency_key: str = "",
        workflow: str = "",
        response_schema: dict[str, Any] | None = None,
        callback: Callback | None = None,
    ) -> AsyncApproval:
        """As `Approvals.ask`."""
        return await self.open(asking_about(value, title, workflow, "", response_schema, idempotency_key, callback))

    async def open(self, asking: Asking) -> AsyncApproval:
        """As `Approvals.open`."""
        found = await self._client.call(asking.send())
        return AsyncApproval(
            found["id"], self._client.page(found["id"]), found["receipt"], asking.secrets, asking.digest,
            _client=self._client,
        )  # fmt: skip

    def get(self, request_id: str) -> AsyncApproval:
        """As `Approvals.get`."""
        request_id = calls.checked_id(request_id)
        return AsyncApproval(request_id, self._client.page(request_id), _client=self._client)


class _Base:
    def __init__(self, url: str, token: str, patience: float) -> None:
        self._url = url.rstrip("/")
        self._patience = patience
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def page(self, request_id: str) -> str:
        """Where people decide on a request."""
        return f"{self._url}/requests/{request_id}"

    def _arguments(self, send: Send) -> dict[str, Any]:
        headers = self._headers | ({"Idempotency-Key": send.key} if send.key else {})
        arguments: dict[str, Any] = {
            "method": send.method,
            "url": self._url + send.path,
            "headers": headers,
            "timeout": httpx.Timeout(send.seconds, connect=CONNECT_SECONDS),
        }
        return arguments | ({"json": send.body} if send.body is not None else {})


class Assent(_Base):
    """The portal, for one token. It may be used from several threads, and closed or used in a `with` block.

    Args:
        url: of the portal, such as `https://assent.example.com`.
        token: an agent's token, with the scope `approvals:request`.
        patience: for how many seconds calls are tried when the portal does not answer; waiting has no such end.
    """

    def __init__(self, url: str, token: str, patience: float = calls.PATIENCE_SECONDS) -> None:
        super().__init__(url, token, patience)
        # Each thread that waits holds a connection, and nobody knows how many there will be.
        self._http = httpx.Client(limits=httpx.Limits(max_connections=None))
        self.approvals = Approvals(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, send: Send) -> dict[str, Any]:
        """Make a call. Raises ApiError, UnreachableError."""
        return dict(self.run(calls.call(send, self._patience)))

    def run(self, steps: Steps[Result]) -> Result:
        """Take the steps of a call."""
        answer: Answer | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            answer = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                continue
            try:
                answer = _answer(self._http.request(**self._arguments(step)))
            except httpx.UnsupportedProtocol:
                raise
            except httpx.TransportError:
                answer = None


class AsyncAssent(_Base):
    """The portal, for one token, async. It may be closed, or used in an `async with` block.

    Args:
        url: of the portal, such as `https://assent.example.com`.
        token: an agent's token, with the scope `approvals:request`.
        patience: for how many seconds calls are tried when the portal does not answer; waiting has no such end.
    """

    def __init__(self, url: str, token: str, patience: float = calls.PATIENCE_SECONDS) -> None:
        super().__init__(url, token, patience)
        # Each request that is waited for holds a connection, and nobody knows how many there will be.
        self._http = httpx.AsyncClient(limits=httpx.Limits(max_connections=None))
        self.approvals = AsyncApprovals(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, send: Send) -> dict[str, Any]:
        """Make a call. Raises ApiError, UnreachableError."""
        return dict(await self.run(calls.call(send, self._patience)))

    async def run(self, steps: Steps[Result]) -> Result:
        """Take the steps of a call."""
        answer: Answer | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            answer = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                continue
            try:
                answer = _answer(await self._http.request(**self._arguments(step)))
            except httpx.UnsupportedProtocol:
                raise
            except httpx.TransportError:
                answer = None


def _answer(response: httpx.Response) -> Answer:
    try:
        document = response.json()
    except ValueError:
        document = None
    try:
        retry_after = max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        # Seconds are what the portal sends; a date of some proxy's is not worth a clock.
        retry_after = None
    return Answer(response.status_code, document, retry_after)
