"""The CheckpointManager: the only writer of an approval request's state.

Each method is one guarded batch (`app.store.batch`): the guard is in the UPDATE itself, and the audit entry, the events
and the jobs are written with it or not at all. Risk is assessed before.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.errors import (
    AlreadyDecidedError,
    ConflictError,
    DuplicateDecisionError,
    ExpiredError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import SYSTEM, Action, Actor
from app.domain.policy.facts import Policy, Requester, StrictDefault
from app.domain.policy.fold import Resolution, fold, progress
from app.domain.ranking import MAX_PRIORITY, attention_at
from app.domain.risk import Assessment
from app.domain.running import Asked, Journal, LostRunError
from app.domain.text import is_storable
from app.services import deciding
from app.services.audit import record
from app.services.clock import Clock
from app.services.deciding import Ballot
from app.services.ending import end_pending
from app.services.events import EventKind, event_row, publish
from app.services.journal import conclude, open_receipts, write
from app.services.opening import Assessed, Assessor, prepare, request_values
from app.services.progress import rest_run
from app.store.batch import Batch, text_of
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, Comment, Decision, OutcomeRow
from app.store.runs import Run
from assent.contracts import NextAction, Remark, RiskLevel, Verdict

WAKE_RUN = """
    update runs set state = 'queued', version = version + 1, updated_at = %(woken_at)s
    where id = %(woken_run)s and state = 'suspended' and exists (select from guard) returning id"""
WAKE_EVENT = f"""
    insert into events (at, kind, run_id, payload)
    select %(woken_at)s, '{EventKind.RUN_CHANGED.value}', id, '{{"state":"queued"}}' from also_0"""
SUPERSEDED = "The run asks for something else now than what was shown here."
ATTEMPTS = 20
"""How often a decision is tried again when others decide on the same request at the same moment."""


class NotDueError(Exception):
    """A deadline that has not come yet. The database, which starts the jobs, may be ahead of this process's clock.

    Attributes:
        due_at: when to try again.
    """

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"not due before {due_at.isoformat()}")
        self.due_at = due_at


@dataclass(frozen=True)
class DecisionResult:
    """What a decision led to. `words` is a sentence for the one who decided."""

    request: ApprovalRequest
    resolved: bool
    words: str


class CheckpointManager:
    """Suspends runs, takes decisions, and lets requests expire, escalate or be cancelled."""

    def __init__(
        self, sessions: Sessions, clock: Clock, assess: Assessor, policy: Callable[[], Policy] = StrictDefault
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._assess = assess
        self._policy = policy

    # The run's side

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open a request for each thing asked that is not open yet, and let the run rest.

        What the run asked before and no longer asks, or asks with another value, is superseded. A decision that
        comes meanwhile has its own job, which finds the run suspended with an outcome waiting.

        Returns:
            False if nothing was written because somebody wants the run paused or cancelled.

        Raises:
            LostRunError: the run was taken up by somebody else since `attempt`.
        """
        now = self._clock()
        with self._sessions.reads() as session:
            rows = session.execute(
                select(Run, ApprovalRequest)
                .outerjoin(ApprovalRequest, ApprovalRequest.run_id == Run.id)
                .where(Run.id == run_id)
                .order_by(ApprovalRequest.opened_at)
            ).all()
        if not rows:
            raise LostRunError("There is no such run.", run_id=run_id)
        run, known = rows[0][0], [row for _, row in rows if row is not None]
        requester = Requester(run.started_by_id or "", run.started_by_name)
        ready = [prepare(each, self._assess, self._policy(), run.workflow, requester, now) for each in asked]
        stale = [
            row
            for row in known
            if row.state == RequestState.PENDING.value and not any(_same(row, each) for each in asked)
        ]
        batch = rest_run(run_id, attempt, now)
        if stale:
            ids = [row.id for row in stale]
            end_pending(batch, SYSTEM, run_id, RequestState.SUPERSEDED, now, SUPERSEDED, ids)
        # A step that failed may be the one that was to do what was approved: what comes of that shows when the run
        # rests without a failure, or ends.
        failing = any(each.dialect == "error" for each in asked)
        write(batch, self._sessions, journal, now, delivered=failing)
        outcomes = open_receipts(self._sessions, run_id) if known else []
        if not failing:
            conclude(batch, journal, outcomes, now)
        # Of what was decided only that stands which the run has yet to be told; otherwise it asks the same once more.
        untold = {each.request_id for each in outcomes if not each.status} - set(journal.delivered)
        standing = [row for row in known if row.state == RequestState.PENDING.value or row.id in untold]
        for each in ready:
            if not any(_same(row, each.asked) for row in standing):
                self._open(batch, run, each, _predecessor(known, stale, each.asked), now)
        publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=RunState.SUSPENDED.value))
        if batch.run(self._sessions) is not None:
            return True
        with self._sessions.reads() as session:
            now_at = session.get_one(Run, run_id)
        if now_at.attempt == attempt and now_at.control:
            return False
        raise LostRunError("This run has been taken up elsewhere.", run_id=run_id)

    @staticmethod
    def _open(batch: Batch, run: Run, ready: Assessed, previous: ApprovalRequest | None, now: datetime) -> None:
        values = request_values(ready, run, now, previous, "")
        batch.add(ApprovalRequest, **values)
        record(
            batch, Actor(kind="agent", id="", name=values["agent"] or run.workflow, via=SYSTEM.via), "request.opened",
            now, request_id=values["id"], run_id=run.id, digest=ready.digest, risk=values["risk"], kind=values["kind"],
            revision_of=values["previous_id"],
        )  # fmt: skip
        publish(
            batch,
            event_row(
                EventKind.REQUEST_OPENED, now, run_id=run.id, request_id=values["id"], state="pending",
                risk=values["risk"], title=values["title"][:120], workflow=run.workflow,
            ),
        )  # fmt: skip

    # The reviewers' side

    def decide(
        self,
        request_id: str,
        actor: Actor,
        verdict: Verdict,
        digest: str,
        *,
        change: Any = None,
        answer: Any = None,
        comment: str = "",
    ) -> DecisionResult:
        """Take one person's decision; if that settles the request, the run's resumption commits with it.

        Args:
            digest: of the payload the person saw.
            change: for `modify`, as `app.domain.changes` describes.
            answer: for `answer`, checked against the request's schema.
            comment: what the person says; some verdicts require it.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError: may not be decided by this actor.
            InvalidInputError, TooLargeError: the decision is not usable; `fields` says where.
            StaleDigestError, AlreadyDecidedError, DuplicateDecisionError, ExpiredError: too late.
        """
        ballot = Ballot(verdict, digest, change, answer, deciding.clean_comment(comment))
        for _ in range(ATTEMPTS):
            with self._sessions.reads() as session:
                request = self._get(session, request_id)
                # Every decision makes a new version: the first one has none before it.
                earlier = deciding.decisions_on(session, request_id) if request.version > 1 else []
            checked = deciding.check(request, actor, ballot, self._clock(), self._assess)
            result = self._cast(request, earlier, actor, checked)
            if result is not None:
                return result
        raise ConflictError("Too many people are deciding on this at the same moment. Please try again.")

    def _cast(
        self, seen: ApprovalRequest, earlier: list[Decision], actor: Actor, checked: deciding.Checked
    ) -> DecisionResult | None:
        """Write the decision if the request is still as seen; None if it has moved on and must be looked at again."""
        now = self._clock()
        values = deciding.decision_of(seen, actor, checked, now)
        decision = Decision(**values)
        votes = [deciding.vote(each) for each in (*earlier, decision)]
        resolution = fold(votes, checked.agreed_digest, checked.terms, checked.changed)
        approvals = progress(votes, checked.agreed_digest, checked.terms).approvals
        batch = self._moved(seen, checked, resolution, approvals, now)
        batch.add(Decision, **values)
        deciding.record_decision(batch, seen, actor, checked, now)
        if resolution is not None:
            payload = checked.payload if checked.payload is not None else seen.payload
            remarks = [deciding.remark(each) for each in (*earlier, decision)]
            body = deciding.outcome_body(seen, resolution, payload, checked.digest, checked.answer, remarks, now)
            record(
                batch, SYSTEM, "request.resolved", now, request_id=seen.id, run_id=seen.run_id,
                state=resolution.state.value, digest=checked.digest,
            )  # fmt: skip
            _settle(batch, seen, resolution, body, now)
        try:
            if batch.run(self._sessions) is None:
                return None
        except IntegrityError as error:
            if "uq_decisions" in str(error):
                raise DuplicateDecisionError("You have decided on this already.", state=seen.state) from error
            raise
        words = deciding.result_words(resolution, checked.verdict, approvals, checked.terms)
        return DecisionResult(self._fresh(seen.id), resolution is not None, words)

    @staticmethod
    def _moved(
        seen: ApprovalRequest,
        checked: deciding.Checked,
        resolution: Resolution | None,
        approvals: int,
        now: datetime,
    ) -> Batch:
        """The guarded UPDATE: exactly one row, or somebody else was first."""
        values: dict[str, Any] = {"approvals": approvals}
        if checked.payload is not None:
            values |= {
                "payload": text_of(checked.payload),
                "digest": checked.digest,
                "proposed": text_of(seen.proposed if seen.proposed is not None else seen.payload),
                "assessment": text_of(checked.assessment.to_json()),
                "risk": checked.assessment.level.value,
                "terms": text_of(checked.terms.to_json()),
                "quorum": checked.terms.quorum,
                "attention_at": attention_at(seen.expires_at, checked.assessment.level, seen.priority),
            }
        if resolution is not None:
            return deciding.move(seen, resolution.state, now, **values)
        batch = deciding.move(seen, RequestState.PENDING, now, **values)
        publish(
            batch,
            event_row(
                EventKind.REQUEST_CHANGED, now, run_id=seen.run_id, request_id=seen.id, state="pending",
                progress=f"{approvals} of {checked.terms.quorum}",
            ),
        )  # fmt: skip
        return batch

    def preview(self, request_id: str, actor: Actor, change: Any) -> Assessment:
        """The risk a change would have, before it is sent. Raises like `decide`; changes nothing."""
        request = self._fresh(request_id)
        actor.require(Action.DECIDE)
        return self._assess(deciding.changed_payload(request, change))

    def comment(self, request_id: str, actor: Actor, body: str) -> Comment:
        """Add a remark that decides nothing. Raises NotFoundError, ForbiddenError, InvalidInputError."""
        actor.require(Action.COMMENT)
        text = deciding.clean_comment(body)
        if not text:
            raise InvalidInputError("A comment needs a text.", {"comment": "empty"})
        now = self._clock()
        request = self._fresh(request_id)
        comment_id = str(uuid.uuid4())
        batch = Batch()
        batch.add(
            Comment, id=comment_id, request_id=request_id, person_id=actor.id, person_name=actor.name, body=text, at=now
        )
        record(batch, actor, "request.commented", now, request_id=request_id, run_id=request.run_id)
        publish(batch, event_row(EventKind.REQUEST_COMMENT, now, run_id=request.run_id, request_id=request_id))
        batch.run(self._sessions)
        with self._sessions.reads() as session:
            return session.get_one(Comment, comment_id)

    def escalate(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Raise the priority by one and rank the request anew. Raises NotFoundError, ForbiddenError, ConflictError."""
        actor.require(Action.ESCALATE)
        words = deciding.clean_comment(reason)
        if not words:
            raise InvalidInputError("An escalation needs a reason.", {"reason": "empty"})
        now = self._clock()
        request = self._fresh(request_id)
        self._refuse_unless_open(request, now)
        if request.priority >= MAX_PRIORITY:
            raise IllegalTransitionError("This request has the highest priority already.", priority=request.priority)
        priority = request.priority + 1
        rank = attention_at(request.expires_at, RiskLevel(request.risk), priority)
        batch = deciding.move(request, RequestState.PENDING, now, priority=priority, attention_at=rank)
        record(
            batch, actor, "request.escalated", now, request_id=request_id, run_id=request.run_id,
            reason=words, priority=priority,
        )  # fmt: skip
        publish(
            batch,
            event_row(EventKind.REQUEST_CHANGED, now, run_id=request.run_id, request_id=request_id, state="pending"),
        )
        if batch.run(self._sessions) is None:
            raise ConflictError("This request has just changed. Look again, please.")
        return self._fresh(request_id)

    def cancel(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Withdraw the request; to the run it is a rejection. Raises NotFoundError, ForbiddenError, ConflictError."""
        words = deciding.clean_comment(reason)
        request = self._fresh(request_id)
        # Whoever started the run may take back what it asks, even without the right to decide.
        if not actor.id or actor.id != request.requester_id:
            actor.require(Action.CANCEL_REQUEST)
        self._refuse_unless_open(request, self._clock())
        if not self._end(request, actor, RequestState.CANCELLED, words or "cancelled", "request.cancelled"):
            raise AlreadyDecidedError("Somebody else was first.", state=self._fresh(request_id).state)
        return self._fresh(request_id)

    def expire(self, request_id: str) -> bool:
        """End a request whose deadline has passed as its terms say. True if this call did it.

        Raises:
            NotDueError: the request is still open and, by this process's clock, in time.
        """
        while True:
            with self._sessions.reads() as session:
                request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
            if request is None or request.state != RequestState.PENDING.value:
                return False
            if self._clock() < request.expires_at:
                raise NotDueError(request.expires_at)
            reason = "Nobody decided before the deadline, which means rejection."
            if self._end(request, SYSTEM, RequestState.EXPIRED, reason, "request.expired"):
                return True

    def overdue(self, limit: int = 500) -> list[str]:
        """Open requests whose deadline has passed, the longest overdue first."""
        query = (
            select(ApprovalRequest.id)
            .where(ApprovalRequest.state == RequestState.PENDING.value, ApprovalRequest.expires_at <= self._clock())
            .order_by(ApprovalRequest.expires_at)
            .limit(limit)
        )
        with self._sessions.reads() as session:
            return list(session.scalars(query))

    def _end(self, request: ApprovalRequest, actor: Actor, state: RequestState, reason: str, action: str) -> bool:
        """End a request without a vote; to the run it is a rejection, whose remark says why. False if it has moved."""
        now = self._clock()
        with self._sessions.reads() as session:
            remarks = [deciding.remark(each) for each in deciding.decisions_on(session, request.id)]
        resolution = Resolution(state, Verdict.REJECT, NextAction.ABORT)
        remarks.append(Remark(who=actor.name, verdict=Verdict.REJECT, comment=reason, at=now))
        body = deciding.outcome_body(request, resolution, request.payload, request.digest, None, remarks, now)
        batch = deciding.move(request, state, now, note=reason)
        record(batch, actor, action, now, request_id=request.id, run_id=request.run_id, reason=reason)
        _settle(batch, request, resolution, body, now)
        return batch.run(self._sessions) is not None

    def pending(self, run_id: str) -> list[ApprovalRequest]:
        """What a run waits for."""
        with self._sessions.reads() as session:
            return list(
                session.scalars(
                    select(ApprovalRequest)
                    .where(ApprovalRequest.run_id == run_id, ApprovalRequest.state == RequestState.PENDING.value)
                    .order_by(ApprovalRequest.attention_at)
                )
            )

    def _fresh(self, request_id: str) -> ApprovalRequest:
        with self._sessions.reads() as session:
            return self._get(session, request_id)

    @staticmethod
    def _get(session: Session, request_id: str) -> ApprovalRequest:
        request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
        if request is None:
            raise NotFoundError("There is no such request.", request_id=request_id)
        return request

    @staticmethod
    def _refuse_unless_open(request: ApprovalRequest, now: datetime) -> None:
        if request.state != RequestState.PENDING.value:
            raise AlreadyDecidedError(f"This request is {RequestState(request.state).words}.", state=request.state)
        if now >= request.expires_at:
            raise ExpiredError("The deadline of this request has passed.", state=request.state)


def _settle(
    batch: Batch, request: ApprovalRequest, resolution: Resolution, body: dict[str, Any], now: datetime
) -> None:
    """Write the outcome and have the run resumed, together with what resolved the request."""
    batch.add(
        OutcomeRow, request_id=request.id, verdict=resolution.verdict, next_action=resolution.next_action, body=body,
        at=now,
    )  # fmt: skip
    if request.run_id is None:
        return
    # A paused run keeps the outcome until it is resumed; one that is being advanced finds the job afterwards.
    batch.also(WAKE_RUN, woken_run=request.run_id, woken_at=now)
    batch.also(WAKE_EVENT)
    batch.advance(request.run_id)


def _same(row: ApprovalRequest, asked: Asked) -> bool:
    """True if the request stands for exactly what is asked now."""
    return row.interrupt_id == asked.interrupt_id and row.value_digest == asked.value_digest


def _predecessor(known: list[ApprovalRequest], stale: list[ApprovalRequest], asked: Asked) -> ApprovalRequest | None:
    """The request that a new one revises.

    It is the one that it replaces, or the last one of that node sent back for changes, or the one whose outcome could
    not be used for the same interrupt.
    """
    candidates = (
        [row for row in stale if row.node == asked.node]
        or [row for row in known if row.node == asked.node and row.state == RequestState.CHANGES_REQUESTED.value]
        or [row for row in known if row.interrupt_id == asked.interrupt_id and row.dialect != "error"]
    )
    replaced = {row.previous_id for row in known}
    free = [row for row in candidates if row.id not in replaced]
    return free[-1] if free else None
