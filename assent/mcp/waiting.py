"""Waiting for people inside a call of a tool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from assent.client import AsyncApproval
from assent.errors import AssentError

PROGRESS_SECONDS = 5.0
WITHDRAW_SECONDS = 10.0

_unsettled: set[asyncio.Event] = set()
"""Of each request that is withdrawn if its call is cancelled: set when the call is over, and the withdrawal made."""


@asynccontextmanager
async def progress(context: Context[Any, Any], approval: AsyncApproval) -> AsyncIterator[None]:
    """Tell the client again and again that the call is alive: many end one that they hear nothing of."""
    telling = asyncio.create_task(_tell(context, f"Waiting for people to decide: {approval.url}"))
    try:
        yield
    finally:
        telling.cancel()


async def _tell(context: Context[Any, Any], message: str) -> None:
    began = time.monotonic()
    while True:
        await context.report_progress(round(time.monotonic() - began, 1), message=message)
        await asyncio.sleep(PROGRESS_SECONDS)


@asynccontextmanager
async def withdrawn_if_cancelled(approval: AsyncApproval) -> AsyncIterator[None]:
    """Take the request back when the call is cancelled, as nobody would hear of its outcome."""
    over = asyncio.Event()
    _unsettled.add(over)
    try:
        yield
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(WITHDRAW_SECONDS, shield=True):
            await _withdraw(approval)
        raise
    finally:
        _unsettled.discard(over)
        over.set()


async def settled() -> None:
    """Wait until cancelled calls have withdrawn their requests, for a server whose process is about to end."""
    with anyio.move_on_after(WITHDRAW_SECONDS):
        for each in list(_unsettled):
            await each.wait()


async def _withdraw(approval: AsyncApproval) -> None:
    try:
        await approval.cancel("The agent has stopped waiting for it.")
    except AssentError:
        # Decided at this moment, or not to be reached: nothing is run on it either way.
        return
