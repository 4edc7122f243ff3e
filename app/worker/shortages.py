"""Requests that too few people can decide: looked at again whenever people, roles, or teams have changed."""

from __future__ import annotations

import asyncio

import structlog

from app.services.notifications.shortage_notices import Shortages

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 10.0


async def keep_matching(shortages: Shortages) -> None:
    """Look at once, and then every few seconds until canceled; a look without changes is one small query."""
    while True:
        try:
            await asyncio.to_thread(shortages.look_again)
        except Exception:
            # The next round retries.
            log.warning("shortages.look_failed", exc_info=True)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
