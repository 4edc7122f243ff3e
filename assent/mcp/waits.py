"""Waiting for people during a tool call."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from assent.approval import AsyncApproval
from assent.errors import AssentError

PROGRESS_SECONDS = 5.0
WITHDRAW_SECONDS = 10.0
GAVE_UP = "The agent stopped waiting."

_waiting: Counter[str] = Counter()
"""How many tool calls wait for a request, by its id."""
_unsettled: set[asyncio.Event] = set()
"""For each request that is canceled with its tool call: set when the call is over, and the cancellation made."""


class WaitProgress:
    """Regular progress reports to the client, because many clients end calls that are silent."""

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._began = time.monotonic()
        self._message = "Requesting approval"

    async def waits_for(self, approval: AsyncApproval) -> None:
        """Report from now on which request is waiting for a decision."""
        self._message = f"Waiting for people to decide: {approval.url}"
        await self._say()

    async def report(self) -> None:
        """Report until canceled."""
        while True:
            await self._say()
            await asyncio.sleep(PROGRESS_SECONDS)

    async def _say(self) -> None:
        await self._context.report_progress(round(time.monotonic() - self._began, 3), message=self._message)


@asynccontextmanager
async def progress(context: Context[Any, Any]) -> AsyncIterator[WaitProgress]:
    """Report progress to the client until the block ends, even while the portal cannot be reached."""
    shown = WaitProgress(context)
    reporting = asyncio.create_task(shown.report())
    try:
        yield shown
    finally:
        reporting.cancel()


@asynccontextmanager
async def withdrawn_if_cancelled(approval: AsyncApproval) -> AsyncIterator[None]:
    """Cancel the request when the tool call is canceled, unless another call is waiting for it, too."""
    over = asyncio.Event()
    _unsettled.add(over)
    _waiting[approval.id] += 1
    try:
        yield
    except anyio.get_cancelled_exc_class():
        if _waiting[approval.id] == 1:
            with anyio.move_on_after(WITHDRAW_SECONDS, shield=True):
                await _withdraw(approval)
        raise
    finally:
        _waiting[approval.id] -= 1
        if not _waiting[approval.id]:
            del _waiting[approval.id]
        _unsettled.discard(over)
        over.set()


async def settled() -> None:
    """Wait until canceled tool calls have canceled their requests, before the server's process ends."""
    with anyio.move_on_after(WITHDRAW_SECONDS):
        for request in list(_unsettled):
            await request.wait()


async def _withdraw(approval: AsyncApproval) -> None:
    try:
        await approval.cancel(GAVE_UP)
    except AssentError:
        # Just decided, or the portal is unreachable: nothing is run on it either way.
        return
