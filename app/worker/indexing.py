"""Keeps the index of the audit log up to date while nothing better is to be done."""

from __future__ import annotations

import asyncio
import time

import structlog

from app.services.record.search_index import AuditIndex

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 10.0
REST = 4.0
"""After each statement it rests for so many times as long as that took."""


async def keep_indexing(index: AuditIndex) -> None:
    """Make blocks whenever there are enough entries, until cancelled."""
    while True:
        pause = LOOK_EVERY_SECONDS
        began = time.monotonic()
        try:
            progress = await asyncio.to_thread(index.extend)
        except Exception:
            # The next round tries again; until then those entries are looked through.
            log.warning("audit_index.failed", exc_info=True)
        else:
            if progress.made:
                pause = min((time.monotonic() - began) * REST, LOOK_EVERY_SECONDS)
        await asyncio.sleep(pause)
