"""How long the steps of a workflow usually take, from its latest completed runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.store.record import Event
from app.store.runs import Run

RUNS = 5
"""How many of the latest completed runs of the same version count."""
_LOOK_BACK = 500
"""How many of the latest completed runs of all workflows are searched for them."""


@dataclass(frozen=True)
class WorkflowPace:
    """Durations of the latest completed runs.

    Attributes:
        runs: how many there were; 0: nothing is known.
        milliseconds: median time of each node in the runs that executed it, over all its executions and without the
            time spent waiting for people.
        shares: the share of the runs that executed it.
    """

    runs: int = 0
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


def pace_of(session: Session, workflow: str, version: str) -> WorkflowPace:
    """The pace of a version of a workflow."""
    last = (
        select(Run.id, Run.workflow, Run.workflow_version, Run.created_at)
        .where(Run.state == RunState.COMPLETED.value)
        .order_by(Run.created_at.desc())
        .limit(_LOOK_BACK)
        .subquery()
    )
    runs = list(
        session.scalars(
            select(last.c.id)
            .where(last.c.workflow == workflow, last.c.workflow_version == version)
            .order_by(last.c.created_at.desc())
            .limit(RUNS)
        )
    )
    if not runs:
        return WorkflowPace()
    ended = session.execute(
        select(Event.run_id, Event.payload).where(Event.run_id.in_(runs), Event.kind == EventKind.STEP_ENDED.value)
    )
    spent: dict[str, dict[str, float]] = {}
    for run_id, payload in ended:
        if payload.get("ms") is not None and not payload.get("suspended"):
            of_node = spent.setdefault(payload["node"], {})
            of_node[run_id] = of_node.get(run_id, 0.0) + payload["ms"]
    return WorkflowPace(
        len(runs),
        {node: median(of_run.values()) for node, of_run in spent.items()},
        {node: len(of_run) / len(runs) for node, of_run in spent.items()},
    )
