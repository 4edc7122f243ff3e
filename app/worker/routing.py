"""Routing on a worker: texts are routed as soon as they are announced, in a thread of their own."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from app.services.routing.answers import RouterDesk
from assent.routing.classifier import release

log = structlog.get_logger(__name__)
LOOK_SECONDS = 2.0
"""How late a text is found if its announcement was missed, or if the worker that took it has died."""
IDLE_SECONDS = 600.0
"""After this time without use, the classifier and the embeddings are released from memory."""
SWEEP_SECONDS = 3600.0


async def keep_routing(desk: RouterDesk, announced: asyncio.Event) -> None:
    """Route the texts that wait, whenever some are announced, until canceled.

    Args:
        announced: Set when there may be a text.
    """
    loop = asyncio.get_running_loop()
    swept = -SWEEP_SECONDS
    # Apart from the threads of steps, which may all be busy for long.
    with ThreadPoolExecutor(1, thread_name_prefix="router") as threads:
        while True:
            announced.clear()
            try:
                await loop.run_in_executor(threads, desk.answer_all)
                await loop.run_in_executor(threads, release, IDLE_SECONDS)
                if time.monotonic() - swept > SWEEP_SECONDS:
                    swept = time.monotonic()
                    await loop.run_in_executor(threads, desk.sweep)
            except Exception:
                # The next round retries.
                log.warning("routing.failed", exc_info=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(announced.wait(), LOOK_SECONDS)
