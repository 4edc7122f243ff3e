"""What this worker has, said in the catalogue: at the start, then a sign of life, and again when it has changed."""

from __future__ import annotations

import asyncio

import structlog

from app.runtime.library import Library
from app.services.runs.catalog import SIGN_SECONDS, give_sign, publish_catalog, publish_offers
from app.store.engine import Sessions

log = structlog.get_logger(__name__)


class Offering:
    """The offers of one worker.

    Args:
        worker: the key of the lock by which it is known to live.
    """

    def __init__(self, sessions: Sessions, library: Library, worker: int) -> None:
        self._sessions = sessions
        self._library = library
        self._worker = worker
        self._said: tuple[list[str], dict[str, str]] | None = None

    def say(self) -> None:
        """Write what has changed since it was written last, or give a sign."""
        entries, broken = self._library.describe(), dict(self._library.broken)
        now = [entry["name"] for entry in entries], broken
        if now == self._said:
            give_sign(self._sessions, self._worker)
            return
        refused = publish_catalog(self._sessions, entries)
        for name, error in refused.items():
            log.error("workflow.broken", workflow=name, error=error)
        offered = [name for name in now[0] if name not in refused]
        publish_offers(self._sessions, self._worker, offered, broken | refused)
        self._said = now

    async def keep(self) -> None:
        """Say it again and again until cancelled."""
        while True:
            await asyncio.sleep(SIGN_SECONDS)
            try:
                await asyncio.to_thread(self.say)
            except Exception:
                # The next round tries again.
                log.warning("offers.not_said", exc_info=True)
