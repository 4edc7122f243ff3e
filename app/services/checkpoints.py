"""The CheckpointManager: the only writer of an approval request's state.

Each method is one transaction: the guard in the UPDATE itself, the audit entry, the event row, and the jobs deferred on
the same connection. Nothing slow happens inside: risk is assessed before the transaction begins.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
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
from app.domain.policy import Resolution, Vote, fold, progress
from app.domain.ranking import MAX_PRIORITY, attention_at
from app.domain.risk import Assessment
from app.domain.running import Asked, Journal, LostRunError
from app.domain.text import is_storable
from app.services import deciding
from app.services.audit import record
from app.services.clock import Clock
from app.services.deciding import Ballot
from app.services.events import EventKind, event_row, publish
from app.services.journal import settle_receipts, write
from app.services.opening import Assessed, Assessor, prepare, request_values
from app.services.runs import cancel_pending
from app.store.engine import Sessions
from app.store.jobs import JobQueue
from app.store.requests import ApprovalRequest, Comment, Decision, OutcomeRow
from app.store.runs import Run
from assent.contracts import NextAction, RiskLevel, Verdict

ATTEMPTS = 20
"""How often a decision is tried again when others decide on the same request at the same moment."""


@dataclass(frozen=True)
class DecisionResult:
    """What a decision led to. `words` is a sentence for the one who decided."""

    request: ApprovalRequest
    resolved: bool
    words: str


class CheckpointManager:
    """Suspends runs, takes decisions, and lets requests expire, escalate or be cancelled."""

    def __init__(self, sessions: Sessions, jobs: JobQueue, clock: Clock, assess: Assessor) -> None:
        self._sessions = sessions
        self._jobs = jobs
        self._clock = clock
        self._assess = assess

    # The run's side

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open a request for each thing asked that is not open yet, and let the run rest.

        What the run asked before and no longer asks, or asks with another value, is superseded.

        Returns:
            True if an outcome is waiting to be delivered already, so that the run should go on at once.

        Raises:
            LostRunError: the run was taken up by somebody else since `attempt`.
        """
        ready = [prepare(each, self._assess) for each in asked]
        now = self._clock()
        with self._sessions.begin() as session:
            run = session.get(Run, run_id, with_for_update=True)
            if run is None or run.attempt != attempt:
                raise LostRunError("This run has been taken up elsewhere.", run_id=run_id)
            write(session, journal, now)
            settle_receipts(session, run_id, now)
            known = list(
                session.scalars(
                    select(ApprovalRequest).where(ApprovalRequest.run_id == run_id).order_by(ApprovalRequest.opened_at)
                )
            )
            stale = self._supersede(session, run, known, asked, now)
            for each in ready:
                if not any(_same(row, each.asked) for row in known):
                    self._open(session, run, each, _predecessor(known, stale, each.asked), now)
            state = RunState.SUSPENDED
            if run.control:
                state = RunState.CANCELLED if run.control == "cancel" else RunState.PAUSED
            session.execute(
                update(Run)
                .where(Run.id == run_id)
                .values(
                    state=state.value, control="", version=Run.version + 1, updated_at=now,
                    finished_at=now if state.finished else None,
                )
            )  # fmt: skip
            if state is RunState.CANCELLED:
                cancel_pending(session, SYSTEM, run_id, now, "the run was cancelled")
            publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=state.value))
            return state is RunState.SUSPENDED and deciding.undelivered(session, run_id) != []

    def _open(
        self, session: Session, run: Run, ready: Assessed, previous: ApprovalRequest | None, now: datetime
    ) -> None:
        values = request_values(ready, run, now, previous, "")
        values["expiry_job_id"] = self._jobs.expire(session, values["id"], values["expires_at"])
        session.execute(insert(ApprovalRequest).values(**values))
        record(
            session, Actor(kind="agent", id="", name=values["agent"] or run.workflow, via=SYSTEM.via), "request.opened",
            now, request_id=values["id"], run_id=run.id, digest=ready.digest, risk=values["risk"], kind=values["kind"],
            revision_of=values["previous_id"],
        )  # fmt: skip
        publish(
            session,
            event_row(
                EventKind.REQUEST_OPENED, now, run_id=run.id, request_id=values["id"], state="pending",
                risk=values["risk"], title=values["title"][:120], workflow=run.workflow,
            ),
        )  # fmt: skip

    @staticmethod
    def _supersede(
        session: Session, run: Run, known: list[ApprovalRequest], asked: Sequence[Asked], now: datetime
    ) -> list[ApprovalRequest]:
        """End pending requests that nothing stands behind any more."""
        stale = [
            row
            for row in known
            if row.state == RequestState.PENDING.value and not any(_same(row, each) for each in asked)
        ]
        for row in stale:
            reason = "The run asks for something else now than what was shown here."
            if deciding.move(session, row, RequestState.SUPERSEDED, now, note=reason):
                record(session, SYSTEM, "request.superseded", now, request_id=row.id, run_id=run.id, reason=reason)
        return stale

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
            with self._sessions() as session:
                request = self._get(session, request_id)
            checked = deciding.check(request, actor, ballot, self._clock(), self._assess)
            result = self._cast(request, actor, checked)
            if result is not None:
                return result
        raise ConflictError("Too many people are deciding on this at the same moment. Please try again.")

    def _cast(self, seen: ApprovalRequest, actor: Actor, checked: deciding.Checked) -> DecisionResult | None:
        """Write the decision if the request is still as seen; None if it has moved on and must be looked at again."""
        now = self._clock()
        try:
            with self._sessions.begin() as session:
                votes = deciding.votes_of(session, seen.id)
                votes.append(Vote(actor.id, checked.verdict, checked.digest))
                resolution = fold(votes, checked.digest, checked.terms, checked.changed)
                approvals = progress(votes, checked.digest, checked.terms).approvals
                if not self._apply(session, seen, checked, resolution, approvals, now):
                    session.rollback()
                    return None
                session.execute(insert(Decision).values(deciding.decision_values(seen, actor, checked, now)))
                deciding.record_decision(session, seen, actor, checked, now)
                if resolution is not None:
                    self._settle(session, seen, checked, resolution, now)
                request = session.get_one(ApprovalRequest, seen.id, populate_existing=True)
        except IntegrityError as error:
            if "uq_decisions" in str(error):
                raise DuplicateDecisionError("You have decided on this already.", state=seen.state) from error
            raise
        words = deciding.result_words(request, resolution, approvals, checked.terms)
        return DecisionResult(request, resolution is not None, words)

    @staticmethod
    def _apply(
        session: Session,
        seen: ApprovalRequest,
        checked: deciding.Checked,
        resolution: Resolution | None,
        approvals: int,
        now: datetime,
    ) -> bool:
        """The guarded UPDATE: exactly one row, or somebody else was first."""
        values: dict[str, Any] = {"approvals": approvals}
        if checked.payload is not None:
            values |= {
                "payload": checked.payload,
                "digest": checked.digest,
                "proposed": seen.proposed if seen.proposed is not None else seen.payload,
                "assessment": checked.assessment.to_json(),
                "risk": checked.assessment.level.value,
                "terms": checked.terms.to_json(),
                "quorum": checked.terms.quorum,
                "attention_at": attention_at(seen.expires_at, checked.assessment.level, seen.priority),
            }
        state = resolution.state if resolution else RequestState.PENDING
        moved = deciding.move(session, seen, state, now, **values)
        if moved and resolution is None:
            publish(
                session,
                event_row(
                    EventKind.REQUEST_CHANGED, now, run_id=seen.run_id, request_id=seen.id, state="pending",
                    progress=f"{approvals} of {checked.terms.quorum}",
                ),
            )  # fmt: skip
        return moved

    def _settle(
        self,
        session: Session,
        request: ApprovalRequest,
        checked: deciding.Checked,
        resolution: Resolution,
        now: datetime,
    ) -> None:
        """Write the outcome and have the run resumed, in the transaction that resolved the request."""
        payload = checked.payload if checked.payload is not None else request.payload
        body = deciding.outcome_body(session, request, resolution, payload, checked.digest, checked.answer, now)
        session.execute(
            insert(OutcomeRow).values(
                request_id=request.id, verdict=resolution.verdict.value, next_action=resolution.next_action.value,
                body=body, at=now,
            )
        )  # fmt: skip
        record(
            session, SYSTEM, "request.resolved", now, request_id=request.id, run_id=request.run_id,
            state=resolution.state.value, digest=checked.digest,
        )  # fmt: skip
        self._wake(session, request, now)

    def _wake(self, session: Session, request: ApprovalRequest, now: datetime) -> None:
        """Have a worker take the run up again; a paused run keeps the outcome until it is resumed."""
        if request.expiry_job_id is not None:
            self._jobs.forget(session, request.expiry_job_id)
        if request.run_id is None:
            return
        woken = session.execute(
            update(Run)
            .where(Run.id == request.run_id, Run.state == RunState.SUSPENDED.value)
            .values(state=RunState.QUEUED.value, version=Run.version + 1, updated_at=now)
        )
        if woken.rowcount == 1:  # type: ignore[attr-defined]
            publish(session, event_row(EventKind.RUN_CHANGED, now, run_id=request.run_id, state=RunState.QUEUED.value))
        self._jobs.advance(session, request.run_id)

    def preview(self, request_id: str, actor: Actor, change: Any) -> Assessment:
        """The risk a change would have, before it is sent. Raises like `decide`; changes nothing."""
        with self._sessions() as session:
            request = self._get(session, request_id)
        actor.require(Action.DECIDE)
        return self._assess(deciding.changed_payload(request, change))

    def comment(self, request_id: str, actor: Actor, body: str) -> Comment:
        """Add a remark that decides nothing. Raises NotFoundError, ForbiddenError, InvalidInputError."""
        actor.require(Action.COMMENT)
        text = deciding.clean_comment(body)
        if not text:
            raise InvalidInputError("A comment needs a text.", {"comment": "empty"})
        now = self._clock()
        with self._sessions.begin() as session:
            request = self._get(session, request_id)
            comment_id = str(uuid.uuid4())
            session.execute(
                insert(Comment).values(
                    id=comment_id, request_id=request_id, person_id=actor.id, person_name=actor.name, body=text, at=now
                )
            )
            record(session, actor, "request.commented", now, request_id=request_id, run_id=request.run_id)
            publish(session, event_row(EventKind.REQUEST_COMMENT, now, run_id=request.run_id, request_id=request_id))
            return session.get_one(Comment, comment_id)

    def escalate(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Raise the priority by one and rank the request anew. Raises NotFoundError, ForbiddenError, ConflictError."""
        actor.require(Action.ESCALATE)
        words = deciding.clean_comment(reason)
        if not words:
            raise InvalidInputError("An escalation needs a reason.", {"reason": "empty"})
        now = self._clock()
        with self._sessions.begin() as session:
            request = self._get(session, request_id)
            self._refuse_unless_open(request, now)
            if request.priority >= MAX_PRIORITY:
                raise IllegalTransitionError(
                    "This request has the highest priority already.", priority=request.priority
                )
            priority = request.priority + 1
            rank = attention_at(request.expires_at, RiskLevel(request.risk), priority)
            if not deciding.move(session, request, RequestState.PENDING, now, priority=priority, attention_at=rank):
                raise ConflictError("This request has just changed. Look again, please.")
            record(
                session, actor, "request.escalated", now, request_id=request_id, run_id=request.run_id,
                reason=words, priority=priority,
            )  # fmt: skip
            publish(
                session,
                event_row(
                    EventKind.REQUEST_CHANGED, now, run_id=request.run_id, request_id=request_id, state="pending"
                ),
            )
        return self._fresh(request_id)

    def cancel(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Withdraw the request; the run is told that it was rejected. Raises NotFoundError, ForbiddenError, ConflictError."""
        words = deciding.clean_comment(reason)
        with self._sessions() as session:
            request = self._get(session, request_id)
        # Whoever started the run may take back what it asks, even without the right to decide.
        if not actor.id or actor.id != request.requester_id:
            actor.require(Action.CANCEL_REQUEST)
        self._refuse_unless_open(request, self._clock())
        self._end(request, actor, RequestState.CANCELLED, words or "cancelled", "request.cancelled")
        return self._fresh(request_id)

    def expire(self, request_id: str) -> bool:
        """End a request whose deadline has passed as its terms say. True if this call did it."""
        with self._sessions() as session:
            request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
        if request is None or request.state != RequestState.PENDING.value or self._clock() < request.expires_at:
            return False
        reason = "Nobody decided before the deadline, which means rejection."
        try:
            self._end(request, SYSTEM, RequestState.EXPIRED, reason, "request.expired")
        except AlreadyDecidedError:
            return False
        return True

    def _end(self, request: ApprovalRequest, actor: Actor, state: RequestState, reason: str, action: str) -> None:
        """End a request without a vote; to the run it is a rejection, whose remark says why."""
        now = self._clock()
        with self._sessions.begin() as session:
            if not deciding.move(session, request, state, now, note=reason):
                raise AlreadyDecidedError("Somebody else was first.", state=self._get(session, request.id).state)
            resolution = Resolution(state, Verdict.REJECT, NextAction.ABORT)
            body = deciding.outcome_body(
                session, request, resolution, request.payload, request.digest, None, now, said=(actor.name, reason)
            )
            session.execute(
                insert(OutcomeRow).values(
                    request_id=request.id, verdict=Verdict.REJECT.value, next_action=NextAction.ABORT.value,
                    body=body, at=now,
                )
            )  # fmt: skip
            record(session, actor, action, now, request_id=request.id, run_id=request.run_id, reason=reason)
            self._wake(session, request, now)

    def pending(self, run_id: str) -> list[ApprovalRequest]:
        """What a run waits for."""
        with self._sessions() as session:
            return list(
                session.scalars(
                    select(ApprovalRequest)
                    .where(ApprovalRequest.run_id == run_id, ApprovalRequest.state == RequestState.PENDING.value)
                    .order_by(ApprovalRequest.attention_at)
                )
            )

    def _fresh(self, request_id: str) -> ApprovalRequest:
        with self._sessions() as session:
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


def _same(row: ApprovalRequest, asked: Asked) -> bool:
    """True if the request stands for exactly what is asked now."""
    return row.interrupt_id == asked.interrupt_id and row.value_digest == asked.value_digest


def _predecessor(known: list[ApprovalRequest], stale: list[ApprovalRequest], asked: Asked) -> ApprovalRequest | None:
    """The request that a new one revises: the one it replaces, or the last one of that node sent back for changes."""
    candidates = [row for row in stale if row.node == asked.node] or [
        row for row in known if row.node == asked.node and row.state == RequestState.CHANGES_REQUESTED.value
    ]
    replaced = {row.previous_id for row in known}
    free = [row for row in candidates if row.id not in replaced]
    return free[-1] if free else None
