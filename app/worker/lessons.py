"""Lessons on a worker: learned from decided requests, and recalled for the steps of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from app.services.lessons.learning import Learning
from app.services.lessons.recalling import Recalling
from assent.lessons import Proposed, RecalledLesson, Recaller

log = structlog.get_logger(__name__)
LEARN_EVERY_SECONDS = 3.0


async def keep_learning(learning: Learning) -> None:
    """Learn from requests that people have decided, at once and then every few seconds until canceled."""
    while True:
        try:
            if count := await asyncio.to_thread(learning.learn):
                log.info("lessons.learned", count=count)
        except Exception:
            # The next round retries.
            log.warning("lessons.learning_failed", exc_info=True)
        await asyncio.sleep(LEARN_EVERY_SECONDS)


def recaller_of(recalling: Recalling, run_id: str) -> Recaller:
    """What finds lessons for the steps of this run."""

    def recall(proposed: Sequence[Proposed], step: str) -> Sequence[RecalledLesson]:
        return recalling.for_run(run_id, proposed, step)

    return recall
