"""Data for the pages of a request and of a run, each gathered in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import AssentError, NotFoundError
from app.domain.events import EventKind
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Action, Actor
from app.domain.policy.terms import Terms
from app.domain.ranking import explain
from app.domain.risk import Assessment
from app.domain.text import capitalized, is_storable
from app.domain.urgency import asked_urgency
from app.domain.weight import weigh
from app.services.clock import Clock
from app.services.reading.overview import Acts, Situation, acts_of, candidates, situation_of
from app.services.reading.past_requests import PastRequest, past_like
from app.services.reading.snoozed import snoozed_by
from app.services.reading.step_progress import ProgressView, step_progress
from app.services.reading.timeline import TimelineEntry, timeline_of
from app.services.requests.entitlement import Seat, late_words, seat_of, sign_in_again
from app.services.requests.line_comments import CommentThread, settling_refusal, threads_of
from app.services.requests.requester import own_request
from app.services.runs.control import may_cancel, may_steer, run_controls
from app.services.runs.pace import WorkflowPace, pace_of
from app.services.sight import seen_requests, sees_request, sees_run
from app.store.engine import Sessions
from app.store.people import Person
from app.store.record import Event
from app.store.requests import ApprovalRequest, Comment, Decision, OutcomeRow, ReceiptRow
from app.store.runs import Artifact, CatalogueEntry, Run
from app.store.snoozes import Snooze
from assent.contracts import Urgency, Verdict

_A_COMMENT = 100.0
"""Microseconds to render a comment on a page."""
_A_CHARACTER = 0.4
"""Microseconds for each of its characters."""
MAX_STEPS = 500


@dataclass(frozen=True)
class RequestView:
    """Everything the request page shows.

    Attributes:
        request: the stored row.
        verdicts: what this viewer can decide now, in the order of the buttons; empty if nothing.
        why_not: why the viewer cannot decide; empty if they can.
        sign_in_first: the viewer has to sign in again for all verdicts except the harmless ones
            (`app.services.requests.entitlement.HARMLESS`).
        on_behalf_of: the absent person on whose behalf the viewer would decide; empty: themselves.
        withdrawable: the viewer has a decision that they can withdraw.
        edited_by_viewer: the proposal contains changes by the viewer.
        decisions: everyone's, oldest first, including withdrawn ones.
        situation: the request's stages, approvers, and what will happen as time passes.
        acts: what this viewer can do besides deciding.
        own_snooze: the viewer has snoozed it for themselves, and it has not returned.
        threads: comments at lines, with those of earlier revisions.
        settleable: the ids of those that this viewer may resolve and reopen.
    """

    request: ApprovalRequest
    state: RequestState
    assessment: Assessment
    terms: Terms
    why_here: str
    verdicts: tuple[Verdict, ...]
    why_not: str
    editable: bool
    sign_in_first: bool
    on_behalf_of: str
    withdrawable: bool
    edited_by_viewer: bool
    situation: Situation
    acts: Acts
    decisions: list[Decision]
    comments: list[Comment]
    threads: list[CommentThread]
    settleable: frozenset[str]
    outcome: OutcomeRow | None
    receipt: ReceiptRow | None
    run: Run | None
    previous: ApprovalRequest | None
    next_id: str | None
    timeline: list[TimelineEntry]
    own_snooze: Snooze | None = None

    @property
    def asked_urgency(self) -> Urgency:
        """The urgency that the requester asked for; `request.urgency` is what counts."""
        return asked_urgency(self.request.payload)


@dataclass(frozen=True)
class StepView:
    """One execution of a node. `state` is running, done, waiting, failed, or interrupted (by a crash)."""

    task_id: str
    node: str
    title: str
    agent: str
    tool: str
    state: str
    started_at: datetime
    duration_ms: int | None
    error: str


@dataclass(frozen=True)
class NodeView:
    """A node of the workflow's graph with its state in this run: done, running, waiting, failed, or pending.

    `recovery` is what is done when its call fails, in words; empty: not known. `phase` is the phase of the workflow to
    which it belongs; empty: none.
    """

    id: str
    title: str
    agent: str
    tool: str
    state: str
    recovery: str = ""
    phase: str = ""


@dataclass(frozen=True)
class ArtifactView:
    """A text that the run stored, without the text itself. `size` is in bytes."""

    name: str
    media_type: str
    size: int
    updated_at: datetime


@dataclass(frozen=True)
class RunView:
    """Everything the run page shows.

    Attributes:
        edges: of the workflow's graph, as in the catalog.
        progress: what its steps reported last of their progress, in the order of the graph.
        controls: those of pause, resume, ask (before the next step), cancel, and retry that are possible now.
    """

    run: Run
    state: RunState
    workflow_title: str
    steps: list[StepView]
    nodes: list[NodeView]
    requests: list[ApprovalRequest]
    artifacts: list[ArtifactView]
    edges: list[Any] = field(default_factory=list)
    controls: tuple[str, ...] = field(default_factory=tuple)
    progress: list[ProgressView] = field(default_factory=list)

    @property
    def held_until(self) -> datetime | None:
        """When the change window that the run waits for opens; None if it waits for people, or not at all."""
        asks = any(request.state == RequestState.PENDING.value for request in self.requests)
        if asks or self.state is not RunState.SUSPENDED:
            return None
        return min((request.held_until for request in self.requests if request.held_until), default=None)


class Views:
    """Reads data for pages and the API."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def request(self, request_id: str, viewer: Actor) -> RequestView:
        """A request as `viewer` may see it. Raises NotFoundError, ForbiddenError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
            if request is None or not sees_request(request, viewer):
                raise NotFoundError("There is no such request.", request_id=request_id)
            return self._request_view(session, request, viewer)

    def _request_view(self, session: Session, request: ApprovalRequest, viewer: Actor) -> RequestView:
        decisions = list(
            session.scalars(select(Decision).where(Decision.request_id == request.id).order_by(Decision.at))
        )
        comments = list(session.scalars(select(Comment).where(Comment.request_id == request.id).order_by(Comment.at)))
        weigh(sum(_A_COMMENT + len(comment.body) * _A_CHARACTER for comment in comments))
        threads = threads_of(session, request, comments)
        weigh(sum(_A_COMMENT + len(thread.root.body) * _A_CHARACTER for thread in threads))
        outcome = session.get(OutcomeRow, request.id)
        receipt = session.get(ReceiptRow, request.id)
        now = self._clock()
        standing = [decision for decision in decisions if decision.withdrawn_at is None]
        seat, why_not = seat_or_why_not(session, request, viewer, standing, now)
        terms = Terms.from_json(request.terms)
        own = any(decision.person_id == viewer.id for decision in standing) and viewer.may(Action.DECIDE)
        open_still = request.state == RequestState.PENDING.value and (
            now < request.expires_at or request.resolves_at is not None
        )
        state = RequestState(request.state)
        previous = session.get(ApprovalRequest, request.previous_id) if request.previous_id else None
        following = select(ApprovalRequest.id).where(ApprovalRequest.previous_id == request.id)
        if (seen := seen_requests(viewer)) is not None:
            following = following.where(seen)
        return RequestView(
            request=request,
            state=state,
            assessment=Assessment.from_json(request.assessment),
            terms=terms,
            why_here=explain(
                Assessment.from_json(request.assessment).level, request.priority, Urgency(request.urgency)
            ),
            verdicts=seat.verdicts if seat else (),
            why_not=why_not,
            editable=seat is not None and Verdict.MODIFY in seat.verdicts,
            sign_in_first=seat is not None and sign_in_again(terms, viewer, now),
            on_behalf_of=seat.principal.name if seat and seat.principal else "",
            withdrawable=own and open_still,
            edited_by_viewer=not viewer.persons.isdisjoint(request.edited_by),
            situation=situation_of(session, request, decisions, terms, now),
            acts=acts_of(session, request, viewer, seat, own and open_still, now),
            decisions=decisions,
            comments=comments,
            threads=threads,
            settleable=frozenset(
                thread.root.id for thread in threads if settling_refusal(request, thread.root, viewer) is None
            ),
            outcome=outcome,
            receipt=receipt,
            run=session.get(Run, request.run_id) if request.run_id else None,
            previous=previous if previous is not None and sees_request(previous, viewer) else None,
            next_id=session.scalar(following),
            timeline=timeline_of(session, request, decisions, comments, receipt),
            own_snooze=_own_snooze(session, request, viewer) if open_still else None,
        )

    def candidates(self, request_id: str, viewer: Actor) -> list[Person]:
        """People whom a request can be assigned to, by name; empty if the viewer may not assign it."""
        if not viewer.may(Action.ASSIGN):
            return []
        with self._sessions.reads() as session:
            request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
            return candidates(session, request, self._clock()) if request is not None else []

    def past_like(self, request: ApprovalRequest, viewer: Actor) -> list[PastRequest]:
        """Earlier requests like this one that `viewer` may see, the most similar first, and their outcomes."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            return past_like(session, request)

    def run(self, run_id: str, viewer: Actor) -> RunView:
        """A run as `viewer` may see it. Raises NotFoundError, ForbiddenError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            run = session.get(Run, run_id) if is_storable(run_id) else None
            if run is None or not sees_run(run, viewer):
                raise NotFoundError("There is no such run.", run_id=run_id)
            entry = session.get(CatalogueEntry, run.workflow)
            steps = _steps(session, run)
            nodes = _nodes(entry, steps)
            return RunView(
                run=run,
                state=RunState(run.state),
                workflow_title=entry.title if entry else run.workflow,
                steps=steps,
                nodes=nodes,
                requests=list(
                    session.scalars(
                        select(ApprovalRequest)
                        .where(ApprovalRequest.run_id == run_id)
                        .order_by(ApprovalRequest.opened_at)
                    )
                ),
                artifacts=_artifacts(session, run_id),
                edges=entry.edges if entry else [],
                controls=_controls(session, run, viewer, self._clock()),
                progress=step_progress(session, run_id, [node.id for node in nodes]),
            )

    def pace(self, run: Run, viewer: Actor) -> WorkflowPace:
        """How long the steps of the run's workflow took in its latest completed runs."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            return pace_of(session, run.workflow, run.workflow_version)

    def short_texts(self, run_id: str, viewer: Actor, limit: int) -> dict[str, str]:
        """The texts that the run stored, by name; only those of at most `limit` bytes."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            rows = session.execute(
                select(Artifact.name, Artifact.content).where(Artifact.run_id == run_id, _size <= limit)
            )
            return {row.name: row.content for row in rows}

    def artifact(self, run_id: str, name: str, viewer: Actor) -> Artifact:
        """A text that the run stored. Raises NotFoundError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            artifact = session.get(Artifact, (run_id, name)) if is_storable(run_id + name) else None
        if artifact is None:
            raise NotFoundError("There is no such artifact.")
        return artifact


def seat_or_why_not(
    session: Session, request: ApprovalRequest, viewer: Actor, decisions: list[Decision], now: datetime
) -> tuple[Seat | None, str]:
    """How the viewer can decide now, or why not, in words, by the rules for decisions.

    Args:
        decisions: those that have not been withdrawn.
    """
    if request.state != RequestState.PENDING.value:
        return None, f"This request is {RequestState(request.state).words}."
    if not viewer.may(Action.DECIDE):
        return None, "Your roles allow viewing, but not deciding."
    if own := own_request(request, viewer):
        return None, f"{capitalized(own)}, so somebody else must decide."
    if now >= request.expires_at:
        return None, late_words(request)
    try:
        return seat_of(session, request, viewer, decisions, now), ""
    except AssentError as error:
        return None, error.message


def _controls(session: Session, run: Run, viewer: Actor, now: datetime) -> tuple[str, ...]:
    """How this viewer can control the run."""
    possible = run_controls(run) if may_steer(viewer, run) else ()
    if "cancel" in possible and not may_cancel(session, run, viewer, now):
        return tuple(act for act in possible if act != "cancel")
    return possible


def _own_snooze(session: Session, request: ApprovalRequest, viewer: Actor) -> Snooze | None:
    query = select(Snooze).join(ApprovalRequest, ApprovalRequest.id == Snooze.request_id)
    query = query.where(Snooze.person_id == viewer.id, Snooze.request_id == request.id, snoozed_by(viewer.id))
    return session.scalar(query) if viewer.id else None


_STEP_STATE = {EventKind.STEP_ENDED.value: "done", EventKind.STEP_FAILED.value: "failed"}


def _steps(session: Session, run: Run) -> list[StepView]:
    """Executions of nodes, from the step events; after a crash the latest start of a task counts."""
    kinds = (EventKind.STEP_STARTED.value, EventKind.STEP_ENDED.value, EventKind.STEP_FAILED.value)
    rows = session.scalars(
        select(Event)
        .where(Event.run_id == run.id, Event.kind.in_(kinds))
        .order_by(Event.id.desc())
        .limit(MAX_STEPS * 2)
    )
    steps: dict[str, dict[str, Any]] = {}
    for event in sorted(rows, key=lambda row: (row.at, row.kind != EventKind.STEP_STARTED.value)):
        step = steps.setdefault(event.payload["task"], {"started_at": event.at, "payload": event.payload})
        if event.kind == EventKind.STEP_STARTED.value:
            step.update(state="running", started_at=event.at, payload=event.payload, duration=None, error="")
        else:
            state = "waiting" if event.payload.get("suspended") else _STEP_STATE[event.kind]
            step.update(state=state, duration=event.payload.get("ms"), error=event.payload.get("error", ""))
    alive = run.state in (RunState.RUNNING.value, RunState.QUEUED.value)
    return [
        StepView(
            task_id=task_id,
            node=step["payload"]["node"],
            title=step["payload"].get("title") or step["payload"]["node"],
            agent=step["payload"].get("agent", ""),
            tool=step["payload"].get("tool", ""),
            state=step["state"] if alive or step["state"] != "running" else "interrupted",
            started_at=step["started_at"],
            duration_ms=step.get("duration"),
            error=step.get("error", ""),
        )
        for task_id, step in steps.items()
    ]


# The database knows the size of a long text without reading it.
_size = func.octet_length(Artifact.content)


def _artifacts(session: Session, run_id: str) -> list[ArtifactView]:
    rows = session.execute(
        select(Artifact.name, Artifact.media_type, _size, Artifact.updated_at)
        .where(Artifact.run_id == run_id)
        .order_by(Artifact.name)
    )
    return [ArtifactView(*row) for row in rows]


def _nodes(entry: CatalogueEntry | None, steps: list[StepView]) -> list[NodeView]:
    if entry is None:
        return []
    states = {step.node: step.state for step in steps}
    return [
        NodeView(
            node["id"],
            node["title"],
            node["agent"],
            node["tool"],
            states.get(node["id"], "pending"),
            str(node.get("recovery", "")),
            str(node.get("phase", "")),
        )
        for node in entry.nodes
    ]
