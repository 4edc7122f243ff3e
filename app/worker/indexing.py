"""Keeps the index of the audit log, and the documents of decided requests, up to date in the background."""

from __future__ import annotations

import asyncio
import time

import structlog

from app.services.record.search_index import AuditIndex
from app.services.requests.search_documents import AT_A_TIME, SearchDocuments

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 10.0
DOCUMENTS_EVERY_SECONDS = 3.0
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


async def keep_documenting(documents: SearchDocuments) -> None:
    """Make the documents of requests that were decided, every few seconds until canceled."""
    while True:
        pause = DOCUMENTS_EVERY_SECONDS
        began = time.monotonic()
        try:
            made = await asyncio.to_thread(documents.extend)
        except Exception:
            # The next round retries. Until then, searches scan the newest of those requests.
            log.warning("search_documents.failed", exc_info=True)
        else:
            if made == AT_A_TIME:
                # There are more, such as after an upgrade. Runs have priority.
                pause = min((time.monotonic() - began) * REST, DOCUMENTS_EVERY_SECONDS)
        await asyncio.sleep(pause)
