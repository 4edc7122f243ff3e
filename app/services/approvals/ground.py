"""What the parts of the CheckpointManager share: the database, the clock, the risk assessor, and the policies; and how
a settled request resumes its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import AlreadyDecidedError, ConflictError, ExpiredError, NotFoundError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.policy.facts import Policy, StrictDefault
from app.domain.policy.fold import Resolution
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.files.uploads import Files
from app.services.record.audit import record
from app.services.requests import moves
from app.services.requests.assessment import Assessor
from app.services.requests.outcomes import outcome_body
from app.services.requests.votes import decisions_on, remark
from app.services.sight import sees_request
from app.store.batch import Batch
from app.store.engine import Sessions
from app.store.objects import read_object
from app.store.requests import ApprovalRequest, OutcomeRow
from app.store.writes import wake_run
from assent.contracts import NextAction, Remark, Verdict


def strict_default(version: int | None) -> Policy:
    """For a portal without policies: the strict default for every version."""
    return StrictDefault()


@dataclass(frozen=True)
class Ground:
    """The dependencies of every use case on requests.

    Attributes:
        policy_of: returns the policy of a version, such as the one a request was opened under; None: strict default.
        always: a policy that applies whatever is loaded; None: the newest loaded version applies.
        files: uploads that decisions may name.
        grace: how long a decision that settles a request can be taken back, unless its rule says otherwise.
    """

    sessions: Sessions
    clock: Clock
    assess: Assessor
    files: Files
    policy_of: Callable[[int | None], Policy] = strict_default
    always: Callable[[], Policy] | None = None
    grace: timedelta = timedelta(0)

    def policy(self, newest: int | None) -> Policy:
        """The policy in force when `newest` is the newest loaded version."""
        return self.always() if self.always is not None else self.policy_of(newest)

    def fresh(self, request_id: str, viewer: Actor | None = None) -> ApprovalRequest:
        """The request as stored now. Raises NotFoundError, also if `viewer` may not see it."""
        with self.sessions.reads() as session:
            return get(session, request_id, viewer)

    def read(self, request_id: str) -> ApprovalRequest:
        """The same, for everybody, with less work: the object belongs to no session. Raises NotFoundError."""
        request = read_object(self.sessions, ApprovalRequest, request_id) if is_storable(request_id) else None
        if request is None:
            raise NotFoundError("There is no such request.", request_id=request_id)
        return request

    def written(self, batch: moves.Move) -> ApprovalRequest:
        """The request after the batch is written. Raises ConflictError if the request has changed since it was read."""
        if batch.run(self.sessions) is None:
            raise ConflictError("This request has just changed. Reload it and try again.")
        return batch.written()

    def end(
        self, request: ApprovalRequest, actor: Actor, state: RequestState, reason: str, action: str, note: str
    ) -> bool:
        """End a request without a decision; the run receives a rejection with the reason. False if the request changed.

        Args:
            note: what the request's page and messages say about it.
        """
        now = self.clock()
        with self.sessions.reads() as session:
            remarks = [remark(decision) for decision in decisions_on(session, request.id)]
        resolution = Resolution(state, Verdict.REJECT, NextAction.ABORT)
        remarks.append(Remark(who=actor.signature, verdict=Verdict.REJECT, comment=reason, at=now))
        body = outcome_body(request, resolution, request.payload, request.digest, None, remarks, now)
        batch = moves.move(request, state, now, note=note)
        record(batch, actor, action, now, request_id=request.id, run_id=request.run_id, reason=reason)
        settle(batch, request, resolution, body, now)
        return batch.run(self.sessions) is not None


def get(session: Session, request_id: str, viewer: Actor | None = None) -> ApprovalRequest:
    """The request. Raises NotFoundError, also if `viewer` may not see it."""
    request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
    if request is None or (viewer is not None and not sees_request(request, viewer)):
        raise NotFoundError("There is no such request.", request_id=request_id)
    return request


def refuse_unless_open(request: ApprovalRequest, now: datetime) -> None:
    """Raise AlreadyDecidedError or ExpiredError unless the request is pending."""
    if request.state != RequestState.PENDING.value:
        raise AlreadyDecidedError(f"This request is {RequestState(request.state).words}.", state=request.state)
    if now >= request.expires_at:
        raise ExpiredError("The deadline of this request has passed.", state=request.state)


def settle(
    batch: Batch,
    request: ApprovalRequest,
    resolution: Resolution,
    body: dict[str, Any],
    now: datetime,
    held_until: datetime | None = None,
) -> None:
    """Write the outcome and resume the run in the batch that settles the request.

    Args:
        held_until: when the change window opens; the run is not resumed earlier (`DueStep.RELEASE`).
    """
    batch.add(
        OutcomeRow, request_id=request.id, verdict=resolution.verdict, next_action=resolution.next_action, body=body,
        at=now, held_until=held_until,
    )  # fmt: skip
    if request.run_id is not None and held_until is None:
        wake_run(batch, request.run_id, now)
