"""Waiting for people inside a call of a tool."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from assent.client import AsyncApproval
from assent.errors import AssentError

PROGRESS_SECONDS = 5.0
WITHDRAW_SECONDS = 10.0
GAVE_UP = "The agent has stopped waiting for it."

_waiting: Counter[str] = Counter()
"""How many calls wait for a request, by its id."""
_unsettled: set[asyncio.Event] = set()
"""Of each request that is withdrawn if its call is cancelled: set when the call is over, and the withdrawal made."""


class Progress:
    """What the client is told again and again while a call is alive: many end one that they hear nothing of."""

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._began = time.monotonic()
        self._message = "Asking for approval"

    async def waits_for(self, approval: AsyncApproval) -> None:
        """Say, now and from now on, which request people have to decide."""
        self._message = f"Waiting for people to decide: {approval.url}"
        await self._say()

    async def tell(self) -> None:
        """Tell it until cancelled."""
        while True:
            await self._say()
            await asyncio.sleep(PROGRESS_SECONDS)

    async def _say(self) -> None:
        await self._context.report_progress(round(time.monotonic() - self._began, 3), message=self._message)


@asynccontextmanager
async def progress(context: Context[Any, Any]) -> AsyncIterator[Progress]:
    """Tell the client that the call is alive until the block ends, also while the portal cannot be reached."""
    shown = Progress(context)
    telling = asyncio.create_task(shown.tell())
    try:
        yield shown
    finally:
        telling.cancel()


@asynccontextmanager
async def withdrawn_if_cancelled(approval: AsyncApproval) -> AsyncIterator[None]:
    """Withdraw the request when the call is cancelled, unless another call waits for it, too."""
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
    """Wait until cancelled calls have withdrawn their requests, for a server whose process is about to end."""
    with anyio.move_on_after(WITHDRAW_SECONDS):
        for request in list(_unsettled):
            await request.wait()


async def _withdraw(approval: AsyncApproval) -> None:
    try:
        await approval.cancel(GAVE_UP)
    except AssentError:
        # Decided at this moment, or not to be reached: nothing is run on it either way.
        return
