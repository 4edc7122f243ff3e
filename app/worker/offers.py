"""This worker's entries in the catalog: written at the start and after changes, with a heartbeat in between."""

from __future__ import annotations

import asyncio

import structlog

from app.runtime.library import Library
from app.services.runs.catalog import SIGN_SECONDS, give_sign, publish_catalog, publish_offers
from app.store.engine import Sessions

log = structlog.get_logger(__name__)


class Offering:
    """The workflows that one worker offers.

    Args:
        worker: The key of the lock that shows that the worker is alive.
    """

    def __init__(self, sessions: Sessions, library: Library, worker: int) -> None:
        self._sessions = sessions
        self._library = library
        self._worker = worker
        self._published: tuple[list[str], dict[str, str]] | None = None

    def publish(self) -> None:
        """Write the offers if they have changed, or else a heartbeat."""
        entries, broken = self._library.describe(), dict(self._library.broken)
        now = [entry["name"] for entry in entries], broken
        if now == self._published:
            give_sign(self._sessions, self._worker)
            return
        refused = publish_catalog(self._sessions, entries)
        for name, error in refused.items():
            log.error("workflow.broken", workflow=name, error=error)
        offered = [name for name in now[0] if name not in refused]
        publish_offers(self._sessions, self._worker, offered, broken | refused)
        self._published = now

    async def keep(self) -> None:
        """Publish the offers regularly until canceled."""
        while True:
            await asyncio.sleep(SIGN_SECONDS)
            try:
                await asyncio.to_thread(self.publish)
            except Exception:
                # The next round retries.
                log.warning("offers.not_published", exc_info=True)
