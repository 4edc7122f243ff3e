"""The runs at which agents are working right now, each with its current step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, lateral, select, true

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.store.engine import Sessions
from app.store.record import Event
from app.store.runs import Run

SHOWN = 3
"""How many runs are named."""
COUNTED = 100
"""Counting stops here."""


@dataclass(frozen=True)
class WorkingRun:
    """A run that a worker is advancing.

    Attributes:
        agent: that of the current step; empty if the step names none.
        step: the title of the current step; empty before the first one.
        since: when the step began, or the run.
    """

    run_id: str
    title: str
    agent: str
    step: str
    since: datetime


@dataclass(frozen=True)
class AtWork:
    """The running runs: the latest ones by name, and how many there are (at most `COUNTED`)."""

    runs: Sequence[WorkingRun]
    total: int
    most: int = COUNTED


NOBODY_AT_WORK = AtWork((), 0)


class WorkingRuns:
    """Reads which runs are at work."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def now(self) -> AtWork:
        """The runs that are at work, the latest first. The cost does not grow with the number of runs or events."""
        running = Run.state == RunState.RUNNING.value
        some = select(Run.id).where(running).limit(COUNTED).subquery()
        latest = (
            select(Run.id, Run.title, Run.workflow, Run.started_at, Run.created_at)
            .where(running)
            .order_by(Run.created_at.desc(), Run.id.desc())
            .limit(SHOWN)
            .subquery()
        )
        # The index finds the newest event of a run; a step is running if it is the last one that began.
        began = lateral(
            select(Event.payload, Event.at)
            .where(Event.run_id == latest.c.id, Event.kind == EventKind.STEP_STARTED.value)
            .order_by(Event.id.desc())
            .limit(1)
        )
        query = select(latest, began.c.payload, began.c.at).select_from(latest.outerjoin(began, true()))
        with self._sessions.reads() as session:
            rows = session.execute(query.order_by(latest.c.created_at.desc(), latest.c.id.desc())).all()
            total = len(rows)
            if total == SHOWN:
                total = session.scalar(select(func.count()).select_from(some)) or total
        return AtWork([_run(row) for row in rows], total)


def _run(row: Any) -> WorkingRun:
    step = row.payload or {}
    title = step.get("title") or str(step.get("node", "")).replace("_", " ")
    since = row.at or row.started_at or row.created_at
    return WorkingRun(row.id, row.title or row.workflow, step.get("agent", ""), title, since)
