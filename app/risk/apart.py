"""Assessing proposals in a process of its own: the readers' parsers stay out of the process that serves everybody, and
code that is made to be slow to read is stopped.
"""

from __future__ import annotations

from typing import Any

from app.bounded_work import Pool
from app.domain.errors import TookTooLongError
from app.domain.reading_tools import NO_TOOLS, ReadingTools
from app.domain.risk import Assessment
from app.risk.assess import assess_proposal, assess_unread, has_code
from app.risk.rules import declare
from assent.contracts import RiskLevel

TOO_SLOW = declare(
    "code.too_slow", RiskLevel.HIGH, "Reading the code took too long or too much memory, and was stopped.", unread=True
)
SECONDS = 3.0
"""Processor time that an assessment may take."""
IDLE_SECONDS = 900.0
"""Time after which an idle process ends. Starting one takes about half a second."""
MAX_WAITING = 500
_pool = Pool(idle_seconds=IDLE_SECONDS, max_waiting=MAX_WAITING)


def assess_apart(document: Any, tools: ReadingTools = NO_TOOLS, seconds: float = SECONDS) -> Assessment:
    """Assess a proposal as `assess_proposal` does, in another process. Never raises."""
    if not has_code(document):
        return assess_proposal(document, tools)
    try:
        return _pool.run(assess_proposal, (document, tools), seconds)
    except TookTooLongError:
        words = "Reading this took too long or too much memory and was stopped, so its effects are unknown."
        return assess_unread(document, TOO_SLOW.finding(words))
