"""Approval requests as the programs that opened them see them: wait, report, and withdraw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from assent import calls
from assent.contracts import CallReceipt, Outcome, ReceiptStatus
from assent.open_requests import OpenRequest, Status
from assent.withdrawal import WITHDRAW_SECONDS, forget, not_withdrawn, remember, withdraw_call

if TYPE_CHECKING:
    from assent.client import Assent, AsyncAssent


@dataclass
class Approval(OpenRequest):
    """An approval request, for a program that waits. Created by `Approvals`.

    In a `with` block, it is withdrawn if the block ends before its outcome was received, or the program ends normally.
    """

    _client: Assent = field(kw_only=True, repr=False)

    def __enter__(self) -> Self:
        remember(self, self._client)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.withdraw()
        finally:
            forget(self)

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

    def report_calls(self, receipts: Iterable[CallReceipt], summary: str = "") -> None:
        """Report what was done with each call of an approved `ToolCalls`; a later report replaces an earlier one.

        The receipt of the request follows from them: `applied` if all calls were made, `partly_applied` if some were.

        Raises:
            ValueError: there are none, or one has the status `delivered`.
            ApiError, UnreachableError: as `report`; InvalidError also if there is no such call, or one that was not
                approved is reported as made.
        """
        self.receipt = self._client.call(self.call_receipts_call(receipts, summary))

    def cancel(self, reason: str = "") -> None:
        """Cancel the request. Raises ApiError: ConflictError if it has already been decided."""
        self._client.call(self.cancel_call(reason))

    def withdraw(self) -> None:
        """Cancel the request if its outcome was not received, because nobody waits for it any more. Never raises."""
        if self.undecided:
            with not_withdrawn(self.id):
                self._client.run(calls.call(withdraw_call(self), WITHDRAW_SECONDS))

    def status(self) -> Status:
        """Return the current status of the request, without waiting. Raises ApiError, UnreachableError."""
        return self._status(self._client.call(self.status_call()))


@dataclass
class AsyncApproval(OpenRequest):
    """An approval request, for an async program that waits. Created by `AsyncApprovals`.

    In an `async with` block, it is withdrawn if the block ends before its outcome was received, for example because it
    was canceled, or if the program ends normally.
    """

    _client: AsyncAssent = field(kw_only=True, repr=False)

    async def __aenter__(self) -> Self:
        remember(self, self._client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.withdraw()
        forget(self)

    async def wait(self, timeout: float | None = None) -> Outcome:  # noqa: ASYNC109 - the same as in the sync client
        """As `Approval.wait`."""
        return self.kept_outcome() or self.receive_outcome(await self._client.run(calls.outcome(self.id, timeout)))

    async def report(self, status: ReceiptStatus | str, summary: str = "", detail: Any = None) -> None:
        """As `Approval.report`."""
        self.receipt = await self._client.call(self.receipt_call(status, summary, detail))

    async def report_calls(self, receipts: Iterable[CallReceipt], summary: str = "") -> None:
        """As `Approval.report_calls`."""
        self.receipt = await self._client.call(self.call_receipts_call(receipts, summary))

    async def cancel(self, reason: str = "") -> None:
        """As `Approval.cancel`."""
        await self._client.call(self.cancel_call(reason))

    async def withdraw(self) -> None:
        """As `Approval.withdraw`; it is not interrupted when the task is canceled."""
        if self.undecided:
            import anyio  # comes with httpx, and takes a while to import

            with not_withdrawn(self.id), anyio.move_on_after(WITHDRAW_SECONDS, shield=True):
                await self._client.run(calls.call(withdraw_call(self), WITHDRAW_SECONDS))

    async def status(self) -> Status:
        """As `Approval.status`."""
        return self._status(await self._client.call(self.status_call()))


async def opened_or_withdrawn(opening: Awaitable[AsyncApproval]) -> AsyncApproval:
    """Return the request that is being opened. If this is canceled meanwhile, withdraw it as soon as it is open."""
    task = asyncio.ensure_future(opening)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        import anyio

        with not_withdrawn("that was being opened"), anyio.move_on_after(WITHDRAW_SECONDS, shield=True):
            await (await task).withdraw()
        raise
