"""The list of runs: its conditions, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, select

from app.domain.errors import InvalidInputError
from app.domain.lifecycle import RunState
from app.domain.people import Action, Actor
from app.services.clock import Clock
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.sight import seen_runs
from app.store.engine import Sessions
from app.store.runs import Run


def listed_runs(state: str, viewer: Actor | None) -> list[ColumnElement[bool]]:
    """The conditions of runs of one state, or all, that `viewer` sees. Raises InvalidInputError."""
    if state and state not in set(RunState):
        raise InvalidInputError(f"There is no run state {state!r}.", {"state": "unknown"})
    seen = seen_runs(viewer) if viewer is not None else None
    return [*([] if seen is None else [seen]), *([Run.state == state] if state else [])]


class RunExports:
    """Exports the list of runs."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def export(self, viewer: Actor, state: str, form: ExportFormat) -> Iterator[str]:
        """The runs that `viewer` sees, of one state or all, as pieces of a file, newest first.

        Raises:
            ForbiddenError, InvalidInputError: before the first piece.
        """
        viewer.require(Action.SEE)
        query = select(
            Run.id, Run.title, Run.workflow, Run.workflow_version, Run.state, Run.started_by_name,
            Run.started_by_agent, Run.created_at, Run.started_at, Run.finished_at,
        )  # fmt: skip
        listed = ListExport("runs", query.where(*listed_runs(state, viewer)), (Run.created_at, Run.id))
        return exported(self._sessions, self._clock, viewer, listed, form, {"state": state})
