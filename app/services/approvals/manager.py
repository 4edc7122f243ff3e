"""The CheckpointManager: the only writer of an approval request's state.

Each method is one guarded batch (`app.store.batch`): the guard is in the UPDATE itself, and the audit entry, the
events, and the jobs are written with it or not at all. Risk is assessed beforehand. Each use case has a module of its
own; this is their table of contents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.domain.ballot import Ballot
from app.domain.errors import AlreadyDecidedError
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.facts import Policy
from app.domain.run_protocol import Journal
from app.domain.snoozing import WakesOn
from app.services.approvals.deadlines.escalation import Escalations
from app.services.approvals.deadlines.extension import Extensions
from app.services.approvals.deadlines.keeper import DeadlineKeeper
from app.services.approvals.deadlines.snoozing import Snoozes
from app.services.approvals.decisions.claims import CLAIM_MINUTES, Claims
from app.services.approvals.decisions.decision import DecisionResult, Decisions
from app.services.approvals.decisions.reassessment import ChangePreview
from app.services.approvals.decisions.remarks import WHOLE_REQUEST, CommentPlace, Remarks
from app.services.approvals.ground import Ground, get, refuse_unless_open, strict_default
from app.services.approvals.intake.gate import CollectedOutcome, ExternalRequest, Gate
from app.services.approvals.intake.rejection_memory import Reopenings
from app.services.approvals.intake.suspension import Suspension
from app.services.clock import Clock
from app.services.files.uploads import Files
from app.services.requests.assessment import Assessor
from app.services.requests.comments import clean_comment
from app.services.requests.concern import require_handling
from app.services.requests.grace import require_no_refusal
from app.services.sight import is_requester
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, Comment, ReceiptRow
from assent.contracts import ReceiptStatus
from assent.dialects.base import Asked


class CheckpointManager:
    """Suspends runs, records decisions, and lets requests expire, escalate, or be canceled."""

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        assess: Assessor,
        policy: Callable[[], Policy] | None = None,
        policy_of: Callable[[int | None], Policy] = strict_default,
        files: Files | None = None,
        grace: timedelta = timedelta(0),
    ) -> None:
        self._ground = Ground(sessions, clock, assess, files or Files(sessions, clock), policy_of, policy, grace)
        self._suspension = Suspension(self._ground)
        self._gate = Gate(self._ground)
        self._decisions = Decisions(self._ground)
        self._escalations = Escalations(self._ground)
        self._extensions = Extensions(self._ground)
        self._snoozes = Snoozes(self._ground)
        self._claims = Claims(self._ground)
        self._deadlines = DeadlineKeeper(self._ground)
        self._reopenings = Reopenings(self._ground)
        self._remarks = Remarks(self._ground)

    # For runs

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open a request for each interrupt that has none yet, and suspend the run.

        Returns:
            False if nothing was written because the run is to be paused or canceled.

        Raises:
            LostRunError: another worker has taken the run since `attempt`.
        """
        return self._suspension.suspend(run_id, attempt, asked, journal)

    def pending(self, run_id: str) -> list[ApprovalRequest]:
        """The requests that a run waits for."""
        with self._ground.sessions.reads() as session:
            return list(
                session.scalars(
                    select(ApprovalRequest)
                    .where(ApprovalRequest.run_id == run_id, ApprovalRequest.state == RequestState.PENDING.value)
                    .order_by(ApprovalRequest.attention_at)
                )
            )

    # For agents outside runs

    def open(
        self, actor: Actor, wanted: ExternalRequest, made_as: str = "", *, collects: bool = False
    ) -> ApprovalRequest:
        """Open a request of an agent outside a run, which waits by itself. The actor's account is responsible for it.

        Secrets in the proposal are masked before anything is stored.

        Args:
            made_as: the request's id, if the same call may be repeated; empty: a new one.
            collects: the caller will act on the outcome if a policy or a grant decides at once, as for `outcome`.

        Raises:
            ForbiddenError: the actor may not request approval.
            InvalidInputError: the request is not valid; `fields` says where.
            ConflictError: another request has already revised `previous_id`.
        """
        return self._gate.open(actor, wanted, made_as, collects=collects)

    def outcome(self, request_id: str, actor: Actor, *, collects: bool = False) -> CollectedOutcome:
        """The outcome of a request. For an agent outside a run it is held until the change window is open.

        Args:
            collects: the caller will act on the outcome; the first such call of an agent counts as its delivery.

        Raises:
            NotFoundError, ForbiddenError: there is none that the actor may see.
        """
        return self._gate.outcome(request_id, actor, collects)

    def report(
        self,
        request_id: str,
        actor: Actor,
        status: ReceiptStatus,
        summary: str = "",
        detail: Any = None,
        calls: Sequence[Mapping[str, Any]] = (),
    ) -> ReceiptRow:
        """Record what an agent outside a run did with the outcome. A later report replaces an earlier one.

        Args:
            calls: what was done with each call of several: ``id``, ``status``, ``summary``, and ``detail``.

        Raises:
            NotFoundError, ForbiddenError: the request is not the actor's.
            IllegalTransitionError: it belongs to a run, or there is no outcome to act on.
            InvalidInputError: `status` cannot be true of this outcome.
        """
        return self._gate.report(request_id, actor, status, summary, detail, calls)

    # For approvers

    def decide(self, request_id: str, actor: Actor, ballot: Ballot) -> DecisionResult:
        """Record a person's decision. If it settles the request, the run is resumed in the same transaction.

        With a grace period, the request stays pending until `resolves_at` instead, and settles then unless the
        decision is withdrawn.

        Raises:
            VersionChangedError: the request has another version now.
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor may not decide it.
            ReauthenticationError: the actor has to sign in again first.
            InvalidInputError, TooLargeError: the decision is not valid; `fields` says where.
            RiskRaisedError: the change raises the risk or the policy's requirements further than was acknowledged.
            StaleDigestError, AlreadyDecidedError, DuplicateDecisionError, ExpiredError: too late.
        """
        return self._decisions.decide(request_id, actor, ballot)

    def withdraw(self, request_id: str, actor: Actor, reason: str = "") -> DecisionResult:
        """Withdraw the actor's own decision while the request is pending, which includes its grace period.

        They can then decide again.

        Their change to the payload remains for others to review; only their decision is withdrawn.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError, TooLargeError: as `decide`.
            AlreadyDecidedError, ExpiredError: too late.
            IllegalTransitionError: they have no decision to withdraw.
        """
        return self._decisions.withdraw(request_id, actor, reason)

    def preview(self, request_id: str, actor: Actor, change: Any) -> ChangePreview:
        """The risk of a changed payload, and what would then be required. Raises like `decide`; changes nothing."""
        return self._decisions.preview(request_id, actor, change)

    def comment(
        self, request_id: str, actor: Actor, body: str, made_as: str = "", place: CommentPlace = WHOLE_REQUEST
    ) -> Comment:
        """Add a comment without a decision. Agents' comments are marked, and only possible on their own requests.

        Args:
            made_as: the comment's id, if the same call may be repeated; empty: a new one.
            place: a line of the proposal, or a comment at a line that this one replies to.

        Raises:
            NotFoundError, ForbiddenError: no such request, or not allowed.
            InvalidInputError: no text, or no such line or comment; `fields` says which.
            StaleDigestError: the proposal is not the one whose lines the person saw.
        """
        return self._remarks.add(request_id, actor, body, place, made_as)

    def settle_comment(self, request_id: str, comment_id: str, actor: Actor, *, resolve: bool) -> Comment:
        """Resolve a comment at a line of a request or of an earlier revision; or, without `resolve`, reopen it.

        Raises:
            NotFoundError: no such request or comment.
            ForbiddenError, OwnRequestError: the actor neither wrote it nor may review the request.
            IllegalTransitionError: it is resolved, or open, already.
        """
        return self._remarks.settle(request_id, comment_id, actor, resolve=resolve)

    def escalate(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Take the next step of the request's escalation chain now; with none left, raise its priority by one.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError: no such request, not allowed, or no reason.
            NotAskedError: the actor's approval is not required; nor are they the requester or an administrator.
            AlreadyDecidedError, ExpiredError, ConflictError: the request has changed state.
            IllegalTransitionError: the chain has no further step, and the priority is the highest.
        """
        return self._escalations.escalate(request_id, actor, reason)

    def extend(self, request_id: str, actor: Actor, until: datetime, reason: str) -> ApprovalRequest:
        """Move the deadline of a pending request to `until`. Approvers are warned again before the new deadline.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError: the actor may not extend it.
            InvalidInputError: the reason is missing, or `until` cannot be used; `fields` says which.
            AlreadyDecidedError, ExpiredError, IllegalTransitionError, ConflictError: too late, or too often.
        """
        return self._extensions.extend(request_id, actor, until, reason)

    def snooze(
        self, request_id: str, actor: Actor, until: datetime | None = None, wakes: Collection[WakesOn] = (),
        *, for_all: bool = False, reason: str = "",
    ) -> ApprovalRequest:  # fmt: skip
        """Take a request out of the queue until a time, or until something happens; snoozing again replaces that.

        Snoozed for everyone, it is not approved on expiry any more, and an escalation brings it back in any case.

        Args:
            until: at most the deadline; for everyone, the time of the warning. None: until something happens, or then.
            wakes: what brings it back earlier.
            for_all: for everyone, not only the actor.
            reason: required for everyone.

        Raises:
            NotFoundError, ForbiddenError: no such request, or the actor is no person.
            OwnRequestError, NotAskedError, DuplicateDecisionError: for everyone: the actor could not decide it.
            InvalidInputError: the time, or the reason, is missing or not possible; `fields` says which.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        return self._snoozes.snooze(request_id, actor, until, wakes, for_all, reason)

    def end_snooze(self, request_id: str, actor: Actor, *, for_all: bool = False) -> ApprovalRequest:
        """Bring a request back to the queue, for the actor or for everyone.

        Raises:
            IllegalTransitionError: it is not snoozed. Otherwise as `snooze`.
        """
        return self._snoozes.end(request_id, actor, for_all)

    def cancel(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Cancel the request. The run receives a rejection.

        Raises:
            NotFoundError, ForbiddenError: no such request, or the actor's roles do not allow it.
            NotAskedError: the actor's approval is not required; nor are they the requester or an administrator.
            AlreadyDecidedError, ExpiredError: too late.
            IllegalTransitionError: people have rejected it or requested changes, which takes effect soon.
        """
        words = clean_comment(reason)
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request = get(session, request_id, actor)
            # A requester may cancel their request even without the right to decide.
            if not is_requester(request, actor):
                require_handling(session, request, actor, Action.CANCEL_REQUEST, now)
            refuse_unless_open(request, now)
            require_no_refusal(session, request)
        said = words or "cancelled"
        # The reason is shown by itself in many places: an agent's must not look like a person's.
        note = f"{actor.signature}: {said}" if actor.kind == "agent" else said
        if not self._ground.end(request, actor, RequestState.CANCELLED, said, "request.cancelled", note):
            raise AlreadyDecidedError("Someone else was faster.", state=self._ground.fresh(request_id).state)
        return self._ground.fresh(request_id)

    def reopen(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Send the same proposal to people if the run makes it again, although people have rejected it.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor may not reopen it.
            InvalidInputError: the reason is missing.
            IllegalTransitionError, ConflictError: people did not reject it, the run has ended, or it is already
                reopened.
        """
        return self._reopenings.reopen(request_id, actor, reason)

    def claim(
        self, request_id: str, actor: Actor, minutes: int = CLAIM_MINUTES, *, take_over: bool = False
    ) -> ApprovalRequest:
        """Claim a request for 5 to 480 minutes, which others can see. The actor's own claim is renewed.

        A claim does not prevent others from deciding. It expires by itself, and ends with the request.

        Args:
            take_over: also if someone else has claimed the request; the audit log then says so.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor could not decide the request.
            InvalidInputError: `minutes` is out of range.
            ClaimedError: someone else has claimed it; `extra` says who and until when.
            AlreadyDecidedError, ExpiredError, DuplicateDecisionError, ConflictError: too late.
        """
        return self._claims.claim(request_id, actor, minutes, take_over=take_over)

    def release_claim(self, request_id: str, actor: Actor) -> ApprovalRequest:
        """Release the actor's own claim. People who manage accounts can release anyone's.

        Raises:
            NotFoundError, ForbiddenError: the claim is someone else's.
            IllegalTransitionError: the request is not claimed.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        return self._claims.release(request_id, actor)

    def assign(self, request_id: str, actor: Actor, person_id: str | None, reason: str = "") -> ApprovalRequest:
        """Name the person who should decide a request; None removes the assignment.

        Args:
            person_id: someone who could decide it now and is not absent.
            reason: required of people who reassign what is assigned to them.

        Raises:
            NotFoundError, ForbiddenError: no such request, or the actor may not assign it.
            NotAskedError: the actor's approval is not required; nor are they the requester or an administrator.
            InvalidInputError: no such person, the person could not decide it or is absent, or a reason is missing;
                `fields` says where. For an absent person, `delegate_id` and `delegate_name` name the delegate.
            IllegalTransitionError: the request is already assigned like this.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        return self._claims.assign(request_id, actor, person_id, reason)

    # As time passes

    def keep(self, request_id: str) -> bool:
        """Carry out the next due step of a request (`app.domain.policy.due`). True if this call did it."""
        return bool(self._deadlines.keep_many([request_id]))

    def keep_many(self, request_ids: Sequence[str]) -> set[str]:
        """Like `keep`, for many requests in one write. Returns the ids of those that changed.

        Raises:
            Exception: any error with one of the requests. In that case possibly none was changed.
        """
        return self._deadlines.keep_many(request_ids)

    def settle_absences(self, since: datetime, until: datetime) -> None:
        """For absences that ended between `since` and `until`: end what their delegates can no longer do."""
        self._deadlines.settle_absences(since, until)

    def due(self, limit: int = 500, besides: Collection[str] = ()) -> list[str]:
        """Requests (other than `besides`) with a due step, the longest overdue first."""
        return self._deadlines.due(limit, besides)

    def next_due_at(self, besides: Collection[str] = ()) -> datetime | None:
        """When the next step of a request other than `besides` is (or was) due; None: never."""
        return self._deadlines.next_due_at(besides)
