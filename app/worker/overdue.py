"""Deadlines that no job keeps: one that got lost must not leave a run waiting for ever."""

from __future__ import annotations

import asyncio

import structlog

from app.services.checkpoints import CheckpointManager

log = structlog.get_logger(__name__)
LOOK_EVERY_SECONDS = 0.5


async def keep_deadlines(checkpoints: CheckpointManager) -> None:
    """Expire what is overdue, at once and then again and again until cancelled."""
    while True:
        try:
            await asyncio.to_thread(expire_overdue, checkpoints)
        except Exception:
            # The next round tries again.
            log.warning("overdue.failed", exc_info=True)
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def expire_overdue(checkpoints: CheckpointManager) -> int:
    """Expire every request whose deadline has passed; one that fails does not keep the others. Returns how many."""
    expired = 0
    for request_id in checkpoints.overdue():
        try:
            expired += checkpoints.expire(request_id)
        except Exception:
            log.warning("overdue.request_failed", request=request_id, exc_info=True)
    return expired
