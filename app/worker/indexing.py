"""Keeps the index of the audit log up to date in the background."""

from __future__ import annotations

import asyncio
import time

import structlog

from app.services.record.search_index import AuditIndex

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 10.0
REST = 4.0
"""Pause after each statement, as a multiple of the statement's duration."""


async def keep_indexing(index: AuditIndex) -> None:
    """Index new blocks whenever there are enough entries, until canceled."""
    while True:
        pause = LOOK_EVERY_SECONDS
        began = time.monotonic()
        try:
            progress = await asyncio.to_thread(index.extend)
        except Exception:
            # The next round retries. Until then, searches scan those entries.
            log.warning("audit_index.failed", exc_info=True)
        else:
            if progress.made:
                pause = min((time.monotonic() - began) * REST, LOOK_EVERY_SECONDS)
        await asyncio.sleep(pause)
