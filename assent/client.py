"""Clients of the portal: request approval from any program, and wait for it as long as it takes.

assent = Assent("https://assent.example.com", token)
outcome = assent.approvals.request(proposal, idempotency_key="newsletter-2026-07").wait()
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import JsonValue

from assent import calls
from assent.calls import Answer, Pause, Result, Send, Steps
from assent.contracts import Outcome, ReceiptStatus, Urgency
from assent.drafts import Callback, RequestDraft, proposal_draft, question_draft
from assent.lessons import RecalledLesson, filled, proposed_in, recall_calls, recalled_in
from assent.open_requests import OpenRequest, Status
from assent.situations import Correctable

CONNECT_SECONDS = 10.0


@dataclass
class Approval(OpenRequest):
    """An approval request, for a program that waits. Created by `Approvals`."""

    _client: Assent = field(kw_only=True, repr=False)

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait until people decide, and return the outcome: act on its `payload`, and on nothing else.

        The portal and the network may be down for a while in the meantime. A rejection is an outcome, too: check
        `outcome.approved`.

        Args:
            timeout: seconds after which to give up waiting; the request stays open. None: never.

        Raises:
            WaitTimeoutError: there was no decision before the timeout.
            EndedError: the request ended without an outcome.
            ApiError: the portal refused the API call, for example because the token was revoked.
        """
        return self.kept_outcome() or self.receive_outcome(self._client.run(calls.outcome(self.id, timeout)))

    def report(self, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
        """Report what was actually done; a later receipt replaces an earlier one.

        The summary and details are cut, converted, and masked as needed, so that they cannot make the report fail.

        Raises:
            ValueError: there is no such status.
            ApiError, UnreachableError: the portal did not accept the receipt. The action has been done: repeat the
                report, not the action.
        """
        self.receipt = self._client.call(self.receipt_call(status, summary, detail))

    def cancel(self, reason: str = "") -> None:
        """Cancel the request. Raises ApiError: ConflictError if it has already been decided."""
        self._client.call(self.cancel_call(reason))

    def status(self) -> Status:
        """Return the current status of the request, without waiting. Raises ApiError, UnreachableError."""
        return self._status(self._client.call(self.status_call()))


@dataclass
class AsyncApproval(OpenRequest):
    """An approval request, for an async program that waits. Created by `AsyncApprovals`."""

    _client: AsyncAssent = field(kw_only=True, repr=False)

    async def wait(self, timeout: float | None = None) -> Outcome:  # noqa: ASYNC109 - the same as in the sync client
        """As `Approval.wait`."""
        return self.kept_outcome() or self.receive_outcome(await self._client.run(calls.outcome(self.id, timeout)))

    async def report(self, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
        """As `Approval.report`."""
        self.receipt = await self._client.call(self.receipt_call(status, summary, detail))

    async def cancel(self, reason: str = "") -> None:
        """As `Approval.cancel`."""
        await self._client.call(self.cancel_call(reason))

    async def status(self) -> Status:
        """As `Approval.status`."""
        return self._status(await self._client.call(self.status_call()))


class Approvals:
    """Opens approval requests."""

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
        """Open a request, or find the one that was already opened under this key.

        Secrets are masked before they leave this process, and restored in the outcome's payload.

        Args:
            proposal: one of `Script`, `Optimizations`, `ToolCall`, `ToolCalls`, `Plan`, `Question`, `Custom`, or its
                JSON.
            idempotency_key: identifies the action. A program that was killed and requests approval again under the
                same key, with the same proposal and within a day, gets the same request. Empty: a new request every
                time.
            workflow: the workflow name of the request, for policies.
            previous_id: the request that this one revises: changes were requested, or what it rested on had changed.
            response_schema: JSON Schema of the answer to a question.
            callback: what to call once the request is resolved, for programs that do not wait.

        Raises:
            pydantic.ValidationError: the proposal does not conform to the contract.
            ApiError: the portal refused the request.
            UnreachableError: the portal did not answer.
        """
        draft = proposal_draft(proposal, workflow, previous_id, response_schema, idempotency_key, callback)
        return self.open(draft)

    def ask(
        self,
        value: JsonValue,
        *,
        title: str = "",
        idempotency_key: str = "",
        workflow: str = "",
        response_schema: dict[str, Any] | None = None,
        callback: Callback | None = None,
        urgency: Urgency = Urgency.NORMAL,
    ) -> Approval:
        """Ask people to answer any value, which is shown unchanged; the answer is `outcome.answer`.

        Args:
            title: the title, in one line.
            response_schema: JSON Schema of the answer; None: any JSON or text.
            urgency: how soon the answer is needed.
            idempotency_key, workflow, callback: as for `request`, which also lists the errors.
        """
        return self.open(
            question_draft(value, title, workflow, "", response_schema, idempotency_key, callback, urgency)
        )

    def open(self, draft: RequestDraft) -> Approval:
        """Open a prepared request."""
        found = self._client.call(draft.send())
        approval = Approval(
            found["id"], self._client.page(found["id"]), found["receipt"], draft.secrets, draft.digest,
            _client=self._client,
        )  # fmt: skip
        return approval.keep_outcome(found)

    def with_lessons(self, proposal: Any, places: Iterable[Correctable], *, workflow: str, step: str = "") -> Any:
        """Return a proposal, changed as people have corrected similar ones of the workflow before.

        The proposal states what was changed, and people decide on it. The agent gets lessons only from requests that
        it may see. The other arguments are those of `assent.with_lessons`.

        Args:
            workflow: the name under which the agent requests approval.

        Raises:
            pydantic.ValidationError: the proposal does not conform to the contract.
            ApiError: the portal refused the call.
            UnreachableError: the portal did not answer.
        """
        places = [Correctable.model_validate(place) for place in places]
        found: list[RecalledLesson] = []
        for first, send in recall_calls(proposed_in(proposal, places), workflow, step):
            found += recalled_in(self._client.call(send), first)
        return filled(proposal, places, found)

    def get(self, request_id: str) -> Approval:
        """Return a request that was opened earlier, to continue waiting for it; nothing is sent.

        Secrets in its proposal stay masked in the outcome; to restore them, call `request` again under the same key.
        Raises ValueError: this is not a request id.
        """
        request_id = calls.checked_id(request_id)
        return Approval(request_id, self._client.page(request_id), _client=self._client)


class AsyncApprovals:
    """Opens approval requests, async."""

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
        draft = proposal_draft(proposal, workflow, previous_id, response_schema, idempotency_key, callback)
        return await self.open(draft)

    async def ask(
        self,
        value: JsonValue,
        *,
        title: str = "",
        idempotency_key: str = "",
        workflow: str = "",
        response_schema: dict[str, Any] | None = None,
        callback: Callback | None = None,
        urgency: Urgency = Urgency.NORMAL,
    ) -> AsyncApproval:
        """As `Approvals.ask`."""
        return await self.open(
            question_draft(value, title, workflow, "", response_schema, idempotency_key, callback, urgency)
        )

    async def open(self, draft: RequestDraft) -> AsyncApproval:
        """As `Approvals.open`."""
        found = await self._client.call(draft.send())
        approval = AsyncApproval(
            found["id"], self._client.page(found["id"]), found["receipt"], draft.secrets, draft.digest,
            _client=self._client,
        )  # fmt: skip
        return approval.keep_outcome(found)

    async def with_lessons(self, proposal: Any, places: Iterable[Correctable], *, workflow: str, step: str = "") -> Any:
        """As `Approvals.with_lessons`."""
        places = [Correctable.model_validate(place) for place in places]
        found: list[RecalledLesson] = []
        for first, send in recall_calls(proposed_in(proposal, places), workflow, step):
            found += recalled_in(await self._client.call(send), first)
        return filled(proposal, places, found)

    def get(self, request_id: str) -> AsyncApproval:
        """As `Approvals.get`."""
        request_id = calls.checked_id(request_id)
        return AsyncApproval(request_id, self._client.page(request_id), _client=self._client)


class _Base:
    def __init__(self, url: str, token: str, patience: float) -> None:
        self._url = url.rstrip("/")
        self._limit = patience
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def page(self, request_id: str) -> str:
        """Return the address of the page where people decide on a request."""
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
    """A client of the portal, for one token. Safe to share between threads; close it, or use it in a `with` block.

    Args:
        url: the portal's address, such as `https://assent.example.com`.
        token: an agent's token, with the scope `approvals:request`.
        patience: how many seconds to retry API calls when the portal does not answer; waiting has no such limit.
    """

    def __init__(self, url: str, token: str, patience: float = calls.PATIENCE_SECONDS) -> None:
        super().__init__(url, token, patience)
        # Each waiting thread holds a connection, and there may be any number of them.
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
        """Make an API call. Raises ApiError, UnreachableError."""
        return dict(self.run(calls.call(send, self._limit)))

    def run(self, steps: Steps[Result]) -> Result:
        """Execute the steps of an API call."""
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
    """An async client of the portal, for one token. Close it, or use it in an `async with` block.

    Args:
        url: the portal's address, such as `https://assent.example.com`.
        token: an agent's token, with the scope `approvals:request`.
        patience: how many seconds to retry API calls when the portal does not answer; waiting has no such limit.
    """

    def __init__(self, url: str, token: str, patience: float = calls.PATIENCE_SECONDS) -> None:
        super().__init__(url, token, patience)
        # Each wait holds a connection, and there may be any number of them.
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
        """Make an API call. Raises ApiError, UnreachableError."""
        return dict(await self.run(calls.call(send, self._limit)))

    async def run(self, steps: Steps[Result]) -> Result:
        """Execute the steps of an API call."""
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
        # The portal sends seconds. A proxy may send a date, which is ignored, because clocks may differ.
        retry_after = None
    return Answer(response.status_code, document, retry_after)
