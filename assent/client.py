"""Clients of the portal: request approval from any program, and wait for it as long as it takes.

assent = Assent("https://assent.example.com", token)
outcome = assent.approvals.request(proposal, idempotency_key="newsletter-2026-07").wait()
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import JsonValue

from assent import calls
from assent.approval import Approval, AsyncApproval
from assent.calls import Answer, Pause, Result, Send, Steps
from assent.contracts import Urgency
from assent.drafts import Callback, RequestDraft, proposal_draft, question_draft
from assent.errors import NotFoundError
from assent.header_values import checked_address, checked_key, checked_token_text
from assent.lessons import RecalledLesson, filled, proposed_in, recall_calls, recalled_in
from assent.situations import Correctable

CONNECT_SECONDS = 10.0


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
            idempotency_key: identifies the action, in at most 255 printable ASCII characters. A program that was killed
                and requests approval again under the same key, with the same proposal and within a day, gets the same
                request. Empty: a new request every time.
            workflow: the workflow name of the request, for policies.
            previous_id: the request that this one revises: changes were requested, or what it rested on had changed.
            response_schema: JSON Schema of the answer to a question.
            callback: what to call once the request is resolved, for programs that do not wait.

        Raises:
            pydantic.ValidationError: the proposal does not conform to the contract.
            ValueError: no header can carry the key, for example because it contains a line break.
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

    def find(self, idempotency_key: str) -> Approval | None:
        """Return the request that was opened under this key with the same token name within a day; None: there is none.

        Secrets in its proposal stay masked in the outcome, as with `get`.

        Raises:
            ValueError: no header can carry the key.
            ApiError: the portal refused the call.
            UnreachableError: the portal did not answer.
        """
        try:
            found = self._client.call(calls.look_up(checked_key(idempotency_key)))
        except NotFoundError:
            return None
        return self.get(found["request_id"]).keep_outcome(found)


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

    async def find(self, idempotency_key: str) -> AsyncApproval | None:
        """As `Approvals.find`."""
        try:
            found = await self._client.call(calls.look_up(checked_key(idempotency_key)))
        except NotFoundError:
            return None
        return self.get(found["request_id"]).keep_outcome(found)


class _Base:
    def __init__(self, url: str, token: str, patience: float) -> None:
        self._url = checked_address(url).rstrip("/")
        self._limit = patience
        self.fingerprint = hashlib.sha256(token.encode()).hexdigest()[:12]
        """Identifies the token without revealing it."""
        self._headers = {"Authorization": f"Bearer {checked_token_text(token)}", "Accept": "application/json"}

    def page(self, request_id: str) -> str:
        """Return the address of the page where people decide on a request."""
        return f"{self._url}/requests/{request_id}"

    def arguments(self, send: Send) -> dict[str, Any]:
        """Return the arguments with which httpx makes an API call."""
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

    Raises ValueError: the address or the token cannot be sent, for example because it contains a line break.
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
                answer = _answer(self._http.request(**self.arguments(step)))
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

    Raises ValueError: the address or the token cannot be sent, for example because it contains a line break.
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
                answer = _answer(await self._http.request(**self.arguments(step)))
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
