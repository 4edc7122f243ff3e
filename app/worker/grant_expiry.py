"""Standing grants whose time is over: they let nothing through any more, and the record says so."""

from __future__ import annotations

import asyncio

import structlog

from app.services.grants.lifecycle import Grants

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 60.0


async def keep_lapsing(grants: Grants) -> None:
    """Note which grants have lapsed, at once and then each minute until cancelled."""
    while True:
        try:
            await asyncio.to_thread(grants.lapse)
        except Exception:
            # The next round tries again.
            log.warning("grants.lapse_failed", exc_info=True)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
