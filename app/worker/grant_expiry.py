"""Expiry of standing grants: expired grants approve nothing, and the audit log says so."""

from __future__ import annotations

import asyncio

import structlog

from app.services.grants.lifecycle import Grants

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 60.0


async def keep_lapsing(grants: Grants) -> None:
    """Record expired grants, at once and then every minute until canceled."""
    while True:
        try:
            await asyncio.to_thread(grants.lapse)
        except Exception:
            # The next round retries.
            log.warning("grants.lapse_failed", exc_info=True)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
