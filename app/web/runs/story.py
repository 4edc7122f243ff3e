"""The progress of a run: the status of each node, step, and agent, the edges it took, and how much is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.lifecycle import RunState
from app.domain.text import plural
from app.services.reading.pages import NodeView, RunView, StepView
from app.services.runs.pace import WorkflowPace
from app.store.requests import ApprovalRequest
from app.web.filters import duration
from app.web.runs.graph import Drawing, EdgePath, drawing_of
from app.web.runs.layers import Edge

_OPEN = ("running", "waiting", "failed", "interrupted")
STATE_WORDS = {
    "done": "done", "running": "running", "waiting": "waits for a decision", "failed": "failed",
    "interrupted": "interrupted", "stopped": "stopped", "skipped": "skipped", "pending": "to come",
}  # fmt: skip
_SAME_MOMENT = timedelta(milliseconds=2)
"""Durations are rounded, so a step may seem to end slightly after the next one began."""


@dataclass(frozen=True)
class NodeStatus:
    """The status of a node.

    Attributes:
        state: done, running, waiting, failed, interrupted, stopped (the run ended before it did), skipped (the run does
            not reach it any more, or a person skipped it), or pending.
        words: the state with its duration and the number of executions.
        current: the run is at this node.
    """

    node: NodeView
    state: str
    words: str
    current: bool

    @property
    def title(self) -> str:
        """All of it in one line."""
        parts = [f"{self.node.title}: {self.words}"]
        parts += [f"agent {self.node.agent}"] if self.node.agent else []
        parts += [f"tool {self.node.tool}"] if self.node.tool else []
        return ", ".join(parts)


@dataclass(frozen=True)
class StepLine:
    """One execution of a node, with its requests, its usual duration, and what is done when its call fails."""

    step: StepView
    state: str
    asked: list[ApprovalRequest]
    usual_ms: float | None
    recovery: str = ""


@dataclass
class AgentStatus:
    """An agent's status: how many of its nodes are done, of those that the run can reach, and the time they took."""

    name: str
    state: str = "pending"
    done: int = 0
    total: int = 0
    ms: float = 0.0

    @property
    def words(self) -> str:
        """The state in words."""
        return {"pending": "not yet", "waiting": "waits"}.get(self.state, STATE_WORDS[self.state])


@dataclass(frozen=True)
class StepProgress:
    """How many steps are done. `about` estimates the remaining work; empty if that is not possible."""

    done: int
    total: int
    words: str
    about: str


@dataclass(frozen=True)
class Story:
    """Everything that a run's page shows of its progress."""

    statuses: list[NodeStatus]
    steps: list[StepLine]
    agents: list[AgentStatus]
    progress: StepProgress
    drawing: Drawing | None
    walked: frozenset[Edge] = field(default_factory=frozenset)

    @property
    def ways(self) -> list[tuple[EdgePath, bool]]:
        """The drawing's lines, each with whether the run took it; taken ones come last, to be drawn on top."""
        lines = self.drawing.lines if self.drawing else ()
        return sorted(((line, bool(line.edges & self.walked)) for line in lines), key=lambda way: way[1])

    @property
    def by_id(self) -> dict[str, NodeStatus]:
        """The status of each node, by its id."""
        return {status.node.id: status for status in self.statuses}


def story_of(view: RunView, pace: WorkflowPace, now: datetime) -> Story:
    """The progress of a run at `now`."""
    statuses = statuses_of(view)
    asked = _asked(view)
    recovery = {node.id: node.recovery for node in view.nodes}
    return Story(
        statuses=statuses,
        steps=[
            StepLine(
                step,
                _ended(step.state, view.state),
                asked.get(step.task_id, []),
                pace.milliseconds.get(step.node),
                recovery.get(step.node, ""),
            )
            for step in view.steps
        ],
        agents=_agents(view, statuses),
        progress=_progress(view, statuses, pace, now),
        drawing=drawing_of(((node.id, node.title) for node in view.nodes), view.edges),
        walked=_walked(view),
    )


def _ended(state: str, run: RunState) -> str:
    """The state of a step; in a run that has ended, nothing waits or runs any more."""
    return "stopped" if run.finished and state in ("waiting", "running", "interrupted") else state


def _end(step: StepView) -> datetime | None:
    return None if step.duration_ms is None else step.started_at + timedelta(milliseconds=step.duration_ms)


def statuses_of(view: RunView) -> list[NodeStatus]:
    """The status of each node of the graph, in its order."""
    runs: dict[str, list[StepView]] = {}
    for step in view.steps:
        runs.setdefault(step.node, []).append(step)
    passed_over, ahead = _passed_over(view), _ahead(view)
    lead_to = {edge[1] for edge in view.edges}
    made = []
    for node in view.nodes:
        own = runs.get(node.id, [])
        if not own:
            left_out = view.state is RunState.COMPLETED or (
                not view.state.finished and bool(view.steps) and node.id in lead_to and node.id not in ahead
            )
            state = "skipped" if left_out else "pending"
        else:
            state = "skipped" if node.id in passed_over else _ended(own[-1].state, view.state)
        current = state in ("running", "waiting") or (state in _OPEN and not view.state.finished)
        made.append(NodeStatus(node, state, _status_words(state, own, view), current))
    return made


def _status_words(state: str, own: list[StepView], view: RunView) -> str:
    if state == "pending" and view.state.finished:
        return "not reached"
    parts = ["waits for its change window" if state == "waiting" and view.held_until else STATE_WORDS[state]]
    if state == "done" and own[-1].duration_ms is not None:
        parts.append(duration(own[-1].duration_ms))
    if len(own) > 1:
        parts.append(f"{len(own)} times")
    return ", ".join(parts)


def _passed_over(view: RunView) -> set[str]:
    """Failed nodes that a person skipped: the run continued without retrying them."""
    last = {step.node: step for step in view.steps}
    found = set()
    for request in view.requests:
        step = last.get(request.node)
        if request.dialect != "error" or request.resolved_at is None or step is None or step.state != "failed":
            continue
        later = any(other.started_at > request.resolved_at for other in view.steps)
        if later and step.started_at < request.resolved_at and request.state == "answered":
            found.add(request.node)
    return found


def _front(view: RunView) -> set[str]:
    """The nodes where the run is: those that are open, and those that ran in parallel with the latest step."""
    if not view.steps:
        return set()
    latest = max(step.started_at for step in view.steps)
    front = set()
    for step in view.steps:
        end = _end(step)
        if step.state in _OPEN or end is None or end > latest + _SAME_MOMENT or step.started_at == latest:
            front.add(step.node.split("/")[0])
    return front


def _ahead(view: RunView) -> set[str]:
    """The nodes that the run can still reach."""
    below: dict[str, list[str]] = {}
    for source, target, *_ in view.edges:
        below.setdefault(source, []).append(target)
    found: set[str] = set()
    todo = list(_front(view))
    while todo:
        for node in below.get(todo.pop(), ()):
            if node not in found:
                found.add(node)
                todo.append(node)
    return found


def _walked(view: RunView) -> frozenset[Edge]:
    """The edges that the run took: to each step, from the last that ended before it and those parallel to that one."""
    before: dict[str, list[str]] = {}
    for source, target, *_ in view.edges:
        before.setdefault(target, []).append(source)
    ended = [(step, end) for step in view.steps if step.state == "done" and (end := _end(step)) is not None]
    walked: set[Edge] = set()
    for step in view.steps:
        past = [
            (earlier, end) for earlier, end in ended
            if earlier.node in before.get(step.node, ()) and end <= step.started_at + _SAME_MOMENT
            and earlier.task_id != step.task_id
        ]  # fmt: skip
        if past:
            last = max(past, key=lambda pair: pair[1])[0]
            together = [earlier for earlier, end in past if end > last.started_at + _SAME_MOMENT or earlier is last]
            walked |= {(earlier.node, step.node) for earlier in together}
    return frozenset(walked)


def _asked(view: RunView) -> dict[str, list[ApprovalRequest]]:
    """The requests, by the task id of the step that opened them.

    A step with a request begins again after the decision, so this is the node's first step that began later, or its
    last one if none did.
    """
    found: dict[str, list[ApprovalRequest]] = {}
    for request in view.requests:
        own = [step for step in view.steps if step.node == request.node]
        if own:
            asker = next((step for step in own if step.started_at >= request.opened_at), own[-1])
            found.setdefault(asker.task_id, []).append(request)
    return found


def _agents(view: RunView, statuses: Iterable[NodeStatus]) -> list[AgentStatus]:
    found: dict[str, AgentStatus] = {}
    spent: dict[str, float] = {}
    for step in view.steps:
        spent[step.agent] = spent.get(step.agent, 0.0) + (step.duration_ms or 0)
    for status in statuses:
        if not status.node.agent:
            continue
        name = status.node.agent
        agent = found.setdefault(name, AgentStatus(name, ms=spent.get(name, 0.0)))
        if status.state != "skipped":
            agent.total += 1
            agent.done += status.state == "done"
        agent.state = more_telling(agent.state, status.state)
    for agent in found.values():
        if agent.state == "pending" and not agent.total:
            agent.state = "skipped"
        elif agent.state == "pending" and agent.done == agent.total:
            agent.state = "done"
    return list(found.values())


def more_telling(one: str, other: str) -> str:
    """The one of two states of nodes that says more about several of them together; pending if neither does."""
    order = ("running", "waiting", "failed", "interrupted", "stopped")
    return min((state for state in (one, other) if state in order), key=order.index, default="pending")


def _progress(view: RunView, statuses: list[NodeStatus], pace: WorkflowPace, now: datetime) -> StepProgress:
    done = sum(status.state == "done" for status in statuses)
    skipped = sum(status.state == "skipped" for status in statuses)
    total = len(statuses) - skipped
    if view.state is RunState.COMPLETED:
        words = f"All {total} steps done" if total > 1 and done == total else f"{done} of {plural(total, 'step')} done"
        words += f", {skipped} skipped" if skipped else ""
    else:
        words = f"{done} of {'up to ' if _may_branch(view) else ''}{plural(total, 'step')} done"
    return StepProgress(done, total, words, "" if view.state.finished else _about(view, statuses, pace, now))


def _may_branch(view: RunView) -> bool:
    """True if the nodes that the run reaches depend on later steps."""
    if view.state.finished:
        return False
    from_here = _ahead(view) | (_front(view) or {node.id for node in view.nodes})
    return any(len(edge) > 2 and edge[0] in from_here for edge in view.edges)


def _about(view: RunView, statuses: list[NodeStatus], pace: WorkflowPace, now: datetime) -> str:
    """The remaining work, estimated from the last completed runs, for nodes that most of them reached."""
    left, counted = 0.0, False
    for status in statuses:
        usual = pace.milliseconds.get(status.node.id)
        if usual is None or (status.state == "pending" and pace.shares[status.node.id] < 0.5):
            continue
        if status.state == "pending":
            left, counted = left + usual, True
        elif status.state == "running":
            began = max(step.started_at for step in view.steps if step.node == status.node.id)
            left, counted = left + max(0.0, usual - (now - began).total_seconds() * 1000), True
    if not counted or not left:
        return ""
    after = "after the decision" if any(status.state == "waiting" for status in statuses) else "to go"
    basis = "the last run" if pace.runs == 1 else f"the last {pace.runs} runs"
    return f"about {duration(left)} of work {after}, based on {basis}"
