"""What the parts of the CheckpointManager share: the database, the clock, the assessor, the policies; and how a
request that is settled wakes its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import AlreadyDecidedError, ExpiredError, NotFoundError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.policy.facts import Policy, StrictDefault
from app.domain.policy.fold import Resolution
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.requests import moves
from app.services.requests.assessment import Assessor
from app.services.sight import sees_request
from app.store.batch import Batch
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, OutcomeRow
from app.store.writes import wake_run
from assent.contracts import NextAction, Remark, Verdict


def strict_default(version: int | None) -> Policy:
    """For a portal without policies: whatever the version, the strict default."""
    return StrictDefault()


@dataclass(frozen=True)
class Ground:
    """What every use case on requests stands on.

    Attributes:
        policy_of: the policy of a version, such as a request was opened under; of None the strict default.
        always: a policy that is in force whatever is loaded; None: the newest that is loaded.
    """

    sessions: Sessions
    clock: Clock
    assess: Assessor
    policy_of: Callable[[int | None], Policy] = strict_default
    always: Callable[[], Policy] | None = None

    def policy(self, newest: int | None) -> Policy:
        """The policy in force when `newest` is the newest version that is loaded."""
        return self.always() if self.always is not None else self.policy_of(newest)

    def fresh(self, request_id: str, viewer: Actor | None = None) -> ApprovalRequest:
        """The request as stored now. Raises NotFoundError, also for one that `viewer` does not see."""
        with self.sessions.reads() as session:
            return get(session, request_id, viewer)

    def end(
        self, request: ApprovalRequest, actor: Actor, state: RequestState, reason: str, action: str, note: str
    ) -> bool:
        """End a request without a vote; to the run it is a rejection, whose remark says why. False if it has moved.

        Args:
            note: what the request's page and messages say of it.
        """
        now = self.clock()
        with self.sessions.reads() as session:
            remarks = [moves.remark(each) for each in moves.decisions_on(session, request.id)]
        resolution = Resolution(state, Verdict.REJECT, NextAction.ABORT)
        remarks.append(Remark(who=actor.signature, verdict=Verdict.REJECT, comment=reason, at=now))
        body = moves.outcome_body(request, resolution, request.payload, request.digest, None, remarks, now)
        batch = moves.move(request, state, now, note=note)
        record(batch, actor, action, now, request_id=request.id, run_id=request.run_id, reason=reason)
        settle(batch, request, resolution, body, now)
        return batch.run(self.sessions) is not None


def get(session: Session, request_id: str, viewer: Actor | None = None) -> ApprovalRequest:
    """The request. Raises NotFoundError, also for one that `viewer` does not see."""
    request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
    if request is None or (viewer is not None and not sees_request(request, viewer)):
        raise NotFoundError("There is no such request.", request_id=request_id)
    return request


def refuse_unless_open(request: ApprovalRequest, now: datetime) -> None:
    """Raise AlreadyDecidedError or ExpiredError unless the request still waits."""
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
    """Write the outcome and have the run resumed, together with what resolved the request.

    Args:
        held_until: when the change window opens; the run is not told before (`DueStep.RELEASE`).
    """
    batch.add(
        OutcomeRow, request_id=request.id, verdict=resolution.verdict, next_action=resolution.next_action, body=body,
        at=now, held_until=held_until,
    )  # fmt: skip
    if request.run_id is not None and held_until is None:
        wake_run(batch, request.run_id, now)
