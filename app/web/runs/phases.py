"""The phases of a run: what its steps have reported of their progress, gathered by the phases of the workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.reading.pages import RunView
from app.services.reading.step_progress import ProgressView
from app.web.runs.story import STATE_WORDS, NodeStatus, more_telling

_ROUGHLY = 25
"""Percent between two announcements of a phase to screen readers."""


@dataclass(frozen=True)
class PhaseStatus:
    """A phase, or a single step that reports progress.

    Attributes:
        state: As of a node (`NodeStatus.state`).
        done, total: Pieces of work of the step that runs, or that ran last; the total is 0 if it is not known.
        words: What that step is doing.
        counts: Figures of all steps of the phase, by name.
    """

    name: str
    state: str
    done: int
    total: int
    words: str
    counts: dict[str, str]

    @property
    def state_words(self) -> str:
        """The state in words."""
        return STATE_WORDS[self.state]

    @property
    def aloud(self) -> str:
        """The state for screen readers, which changes only now and then while the phase runs."""
        if self.state != "running" or not self.total:
            return f"{self.name}: {self.state_words}"
        return f"{self.name}: {self.done * 100 // self.total // _ROUGHLY * _ROUGHLY} % done"


def phases_of(view: RunView, statuses: Sequence[NodeStatus]) -> list[PhaseStatus]:
    """The phases of a run, in the order of the graph. Without any, there is one for each step that reports progress."""
    reports: dict[str, list[ProgressView]] = {}
    for report in view.progress:
        reports.setdefault(report.outer_node, []).append(report)
    gathered: dict[str, list[NodeStatus]] = {}
    for status in statuses:
        if name := status.node.phase or (status.node.title if status.node.id in reports else ""):
            gathered.setdefault(name, []).append(status)
    return [
        _phase(name, own, [report for status in own for report in reports.get(status.node.id, ())], view)
        for name, own in gathered.items()
    ]


def _phase(name: str, own: Sequence[NodeStatus], reports: Sequence[ProgressView], view: RunView) -> PhaseStatus:
    state = _state([status.state for status in own], view)
    # Of reports that were written at once, the one of the later node counts.
    last = max(reversed(reports), key=lambda report: report.updated_at, default=None)
    counts = {name: _figure(value) for report in reports for name, value in report.counts.items()}
    if last is None or state in ("pending", "skipped"):
        return PhaseStatus(name, state, 0, 0, "", counts)
    total = last.total or 0
    return PhaseStatus(name, state, last.done, total, last.words if state != "done" else "", counts)


def _state(states: Sequence[str], view: RunView) -> str:
    open_state = "pending"
    for state in states:
        open_state = more_telling(open_state, state)
    if open_state != "pending":
        return open_state
    ran = "done" in states
    if not ran:
        return "skipped" if all(state == "skipped" for state in states) else "pending"
    if "pending" not in states:
        return "done"
    # Between two of its steps.
    return "stopped" if view.state.finished else "running"


def _figure(value: int | float | str) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value
