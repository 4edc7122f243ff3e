"""Keeps the index of the audit log, and the documents of decided requests, up to date in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from app.services.record.search_index import AuditIndex
from app.services.requests.search_documents import AT_A_TIME, SearchDocuments

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 10.0
DOCUMENTS_EVERY_SECONDS = 3.0
REST = 4.0
"""Pause after a round that left something to do, as a multiple of the round's duration. Runs have priority."""


async def keep_indexing(index: AuditIndex) -> None:
    """Index new blocks whenever there are enough entries, until canceled. Until then, searches scan those entries."""
    await _repeat(lambda: index.extend().made > 0, LOOK_EVERY_SECONDS, "audit_index.failed")


async def keep_documenting(documents: SearchDocuments) -> None:
    """Make the documents of requests that were decided, every few seconds until canceled.

    Until then, searches scan the newest of those requests.
    """
    await _repeat(lambda: documents.extend() == AT_A_TIME, DOCUMENTS_EVERY_SECONDS, "search_documents.failed")


async def _repeat(extend: Callable[[], bool], every: float, failure: str) -> None:
    """Extend something in a thread, at once and then again after each pause. After a failure, the next round retries.

    Args:
        extend: returns True if there may be more, such as after an upgrade: the next pause is then shorter.
        every: the usual pause, in seconds.
        failure: the event in the log for a round that fails.
    """
    while True:
        pause = every
        began = time.monotonic()
        try:
            if await asyncio.to_thread(extend):
                pause = min((time.monotonic() - began) * REST, every)
        except Exception:
            log.warning(failure, exc_info=True)
        await asyncio.sleep(pause)
