"""The CheckpointManager: the only writer of an approval request's state.

Each method is one guarded batch (`app.store.batch`): the guard is in the UPDATE itself, and the audit entry, the events
and the jobs are written with it or not at all. Risk is assessed before. What each use case does is in a module of its
own; this is their table of contents.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.domain.ballot import Ballot
from app.domain.errors import AlreadyDecidedError, ForbiddenError, InvalidInputError
from app.domain.events import EventKind
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.facts import Policy
from app.domain.run_protocol import Journal
from app.services.approvals.deadlines.escalation import Escalating
from app.services.approvals.deadlines.extension import Extending
from app.services.approvals.deadlines.keeper import Keeping
from app.services.approvals.decisions.claims import CLAIM_MINUTES, Claiming
from app.services.approvals.decisions.decision import DecisionResult, Voting
from app.services.approvals.decisions.reassessment import Preview
from app.services.approvals.ground import Ground, get, refuse_unless_open, strict_default
from app.services.approvals.intake.gate import Asking, Collected, Gate
from app.services.approvals.intake.rejection_memory import Reopening
from app.services.approvals.intake.suspension import Suspending
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests import moves
from app.services.requests.assessment import Assessor
from app.services.requests.concern import require_handling
from app.services.sight import is_requester
from app.store.batch import Batch, made_once
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, Comment, ReceiptRow
from assent.contracts import ReceiptStatus
from assent.dialects.base import Asked


class CheckpointManager:
    """Suspends runs, takes decisions, and lets requests expire, escalate or be cancelled."""

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        assess: Assessor,
        policy: Callable[[], Policy] | None = None,
        policy_of: Callable[[int | None], Policy] = strict_default,
    ) -> None:
        self._ground = Ground(sessions, clock, assess, policy_of, policy)
        self._suspending = Suspending(self._ground)
        self._gate = Gate(self._ground)
        self._voting = Voting(self._ground)
        self._escalating = Escalating(self._ground)
        self._extending = Extending(self._ground)
        self._claiming = Claiming(self._ground)
        self._keeping = Keeping(self._ground)
        self._reopening = Reopening(self._ground)

    # The run's side

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open a request for each thing asked that is not open yet, and let the run rest.

        Returns:
            False if nothing was written because somebody wants the run paused or cancelled.

        Raises:
            LostRunError: the run was taken up by somebody else since `attempt`.
        """
        return self._suspending.suspend(run_id, attempt, asked, journal)

    def pending(self, run_id: str) -> list[ApprovalRequest]:
        """What a run waits for."""
        with self._ground.sessions.reads() as session:
            return list(
                session.scalars(
                    select(ApprovalRequest)
                    .where(ApprovalRequest.run_id == run_id, ApprovalRequest.state == RequestState.PENDING.value)
                    .order_by(ApprovalRequest.attention_at)
                )
            )

    # The side of agents elsewhere

    def open(self, actor: Actor, asking: Asking, made_as: str = "") -> ApprovalRequest:
        """Open a request of an agent that runs elsewhere, and waits by itself; the actor's account answers for it.

        Secrets in the proposal are masked before anything is stored.

        Args:
            made_as: the request's id, where the same call may be made again; empty: a new one.

        Raises:
            ForbiddenError: the actor may not ask for approval.
            InvalidInputError: what is asked cannot be used; `fields` says where.
            ConflictError: something else has revised `previous_id` already.
        """
        return self._gate.open(actor, asking, made_as)

    def outcome(self, request_id: str, actor: Actor, *, collects: bool = False) -> Collected:
        """What became of a request. Of an agent elsewhere it is kept until its change window is open.

        Args:
            collects: the answer goes to whoever is to act on it; the first time of an agent elsewhere is its delivery.

        Raises:
            NotFoundError, ForbiddenError: there is none that the actor may see.
        """
        return self._gate.outcome(request_id, actor, collects)

    def report(
        self, request_id: str, actor: Actor, status: ReceiptStatus, summary: str = "", detail: Any = None
    ) -> ReceiptRow:
        """What an agent elsewhere did with the outcome; a later report takes the place of an earlier one.

        Raises:
            NotFoundError, ForbiddenError: it is not the actor's.
            IllegalTransitionError: it belongs to a run, or there is no outcome to act on.
            InvalidInputError: `status` cannot be true of this outcome.
        """
        return self._gate.report(request_id, actor, status, summary, detail)

    # The reviewers' side

    def decide(self, request_id: str, actor: Actor, ballot: Ballot) -> DecisionResult:
        """Take one person's decision; if that settles the request, the run's resumption commits with it.

        Raises:
            VersionChangedError: it is another version by now.
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: may not be decided by this actor.
            ReauthenticationError: the actor has to sign in anew first.
            InvalidInputError, TooLargeError: the decision is not usable; `fields` says where.
            RiskRaisedError: the change raises the risk, or what the policy asks for, further than was acknowledged.
            StaleDigestError, AlreadyDecidedError, DuplicateDecisionError, ExpiredError: too late.
        """
        return self._voting.decide(request_id, actor, ballot)

    def withdraw(self, request_id: str, actor: Actor, reason: str = "") -> DecisionResult:
        """Take back the actor's own standing decision while the request is open; then they may decide again.

        What they changed in the payload stays for the others to judge; only their word goes.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError, TooLargeError: as `decide`.
            AlreadyDecidedError, ExpiredError: too late.
            IllegalTransitionError: there is no decision of theirs that stands.
        """
        return self._voting.withdraw(request_id, actor, reason)

    def preview(self, request_id: str, actor: Actor, change: Any) -> Preview:
        """The risk a change would have and what would then be needed. Raises like `decide`; changes nothing."""
        return self._voting.preview(request_id, actor, change)

    def comment(self, request_id: str, actor: Actor, body: str, made_as: str = "") -> Comment:
        """Add a remark that decides nothing; an agent's is marked as such, and only on what it opened itself.

        Args:
            made_as: the comment's id, where the same call may be made again; empty: a new one.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError: there is none, the actor may not, or it has no text.
        """
        actor.require(Action.COMMENT)
        text = moves.clean_comment(body)
        if not text:
            raise InvalidInputError("A comment cannot be empty.", {"comment": "empty"})
        now = self._ground.clock()
        request = self._ground.fresh(request_id, actor)
        if actor.kind == "agent" and not is_requester(request, actor):
            raise ForbiddenError("Agents can only comment on their own requests.")
        comment_id = made_as or str(uuid.uuid4())
        batch = Batch()
        batch.add(
            Comment, id=comment_id, request_id=request_id, person_id=actor.id, person_name=actor.name,
            by_agent=actor.kind == "agent", body=text, at=now,
        )  # fmt: skip
        record(batch, actor, "request.commented", now, request_id=request_id, run_id=request.run_id)
        publish(batch, event_row(EventKind.REQUEST_COMMENT, now, run_id=request.run_id, request_id=request_id))
        made_once(batch, self._ground.sessions, made_as)
        with self._ground.sessions.reads() as session:
            return session.get_one(Comment, comment_id)

    def escalate(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Take the next step of the request's chain at once; with none left, raise its priority by one.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError: without a reason.
            NotAskedError: the actor's approval is not required; nor are they the requester or an administrator.
            AlreadyDecidedError, ExpiredError, ConflictError: it has moved on.
            IllegalTransitionError: nobody else is left to ask, and its priority is the highest.
        """
        return self._escalating.escalate(request_id, actor, reason)

    def extend(self, request_id: str, actor: Actor, until: datetime, reason: str) -> ApprovalRequest:
        """Move the deadline of an open request to `until`; people are warned anew before it.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError: may not be extended by this actor.
            InvalidInputError: no reason, or `until` is not usable; `fields` says which.
            AlreadyDecidedError, ExpiredError, IllegalTransitionError, ConflictError: too late, or too often.
        """
        return self._extending.extend(request_id, actor, until, reason)

    def cancel(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Withdraw the request; to the run it is a rejection.

        Raises:
            NotFoundError, ForbiddenError: there is none, or the actor's roles do not allow it.
            NotAskedError: the actor's approval is not required; nor are they the requester or an administrator.
            AlreadyDecidedError, ExpiredError: too late.
        """
        words = moves.clean_comment(reason)
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request = get(session, request_id, actor)
            # A requester may take the request back even without the right to decide.
            if not is_requester(request, actor):
                require_handling(session, request, actor, Action.CANCEL_REQUEST, now)
        refuse_unless_open(request, now)
        said = words or "cancelled"
        # The reason is shown in many places, by itself: nobody is to take an agent's for a person's.
        note = f"{actor.signature}: {said}" if actor.kind == "agent" else said
        if not self._ground.end(request, actor, RequestState.CANCELLED, said, "request.cancelled", note):
            raise AlreadyDecidedError("Somebody else was first.", state=self._ground.fresh(request_id).state)
        return self._ground.fresh(request_id)

    def reopen(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Have the same proposal go to people when the run makes it again, although people rejected it.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: may not be reopened by this actor.
            InvalidInputError: no reason.
            IllegalTransitionError, ConflictError: it was not rejected by people, the run has ended, or it is reopened.
        """
        return self._reopening.reopen(request_id, actor, reason)

    def claim(
        self, request_id: str, actor: Actor, minutes: int = CLAIM_MINUTES, *, take_over: bool = False
    ) -> ApprovalRequest:
        """Tell the others that one looks at a request, for 5 to 480 minutes; a claim of one's own is renewed.

        A claim keeps nobody from deciding. It lapses by itself, and ends with the request.

        Args:
            take_over: also when somebody else holds it, which the record then says.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor could not decide it.
            InvalidInputError: `minutes` is out of range.
            ClaimedError: somebody else holds it; `extra` says who and until when.
            AlreadyDecidedError, ExpiredError, DuplicateDecisionError, ConflictError: too late.
        """
        return self._claiming.claim(request_id, actor, minutes, take_over=take_over)

    def release_claim(self, request_id: str, actor: Actor) -> ApprovalRequest:
        """Give up one's own claim, or, for those who manage people, end anybody's.

        Raises:
            NotFoundError, ForbiddenError: it is somebody else's.
            IllegalTransitionError: nobody holds it.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        return self._claiming.release(request_id, actor)

    def assign(self, request_id: str, actor: Actor, person_id: str | None, reason: str = "") -> ApprovalRequest:
        """Say who is to decide a request, or with None that nobody in particular is.

        Args:
            person_id: somebody who could decide it now and is not absent.
            reason: why; whoever hands on what is assigned to them has to say.

        Raises:
            NotFoundError, ForbiddenError: no such request, or the actor may not.
            NotAskedError: the actor's approval is not required; nor are they the requester or an administrator.
            InvalidInputError: no such person, the person could not decide it or is absent, or a reason is missing;
                `fields` says where, and of somebody absent `delegate_id` and `delegate_name` say who stands in.
            IllegalTransitionError: so it is assigned already.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        return self._claiming.assign(request_id, actor, person_id, reason)

    # Time's side

    def keep(self, request_id: str) -> bool:
        """Do the one step that is due next on a request (`app.domain.policy.due`). True if this call did it."""
        return bool(self._keeping.keep_many([request_id]))

    def keep_many(self, request_ids: Sequence[str]) -> set[str]:
        """As `keep`, on many requests in one write; gives the ids of those on which it did something.

        Raises:
            Exception: whatever one of them met with; then nothing may have been done on any.
        """
        return self._keeping.keep_many(request_ids)

    def settle_absences(self, since: datetime, until: datetime) -> None:
        """End what delegates may do no longer, of absences that ended by themselves after `since`, up to `until`."""
        self._keeping.settle_absences(since, until)

    def due(self, limit: int = 500, besides: Collection[str] = ()) -> list[str]:
        """Requests (other than `besides`) on which something is due, the longest overdue first."""
        return self._keeping.due(limit, besides)

    def next_due_at(self, besides: Collection[str] = ()) -> datetime | None:
        """When something is due next (or was) on a request other than `besides`; None: never."""
        return self._keeping.next_due_at(besides)
