"""Rejection memory: what people rejected in a run is rejected again without asking, until a person reopens it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, OwnRequestError
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Action, Actor
from app.domain.policy.verdicts import decided_by
from app.domain.text import capitalized
from app.services.approvals.ground import Ground, get
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests.comments import clean_comment
from app.services.requests.concern import require_handling
from app.services.requests.moves import changed
from app.services.requests.requester import own_request
from app.services.requests.votes import decider
from app.store.batch import Batch
from app.store.requests import ApprovalRequest, Decision
from app.store.runs import Run
from assent.contracts import Verdict

REJECTION = "rejection"
MAX_REPEATS = 50
"""How often in a row one rejection answers automatically. A run that ignores rejections would continue forever, so a
person has to look at it then."""


def remembered(known: Sequence[ApprovalRequest], digest: str) -> str:
    """What answers a proposal with that digest: ``rejection:<request>``, or empty if people decide.

    Args:
        known: all requests of the run, oldest first.
    """
    rejected = [
        row
        for row in known
        if row.state == RequestState.REJECTED.value
        and row.kind != "error"  # A repeated failure of a step is not a proposal of an agent.
        and digest in (row.digest, row.proposed_digest)
    ]
    by_people = [row for row in rejected if original_id(row) == row.id and decided_by(row.answered_by) is None]
    if not by_people or by_people[-1].reopened_at is not None:
        return ""
    latest = by_people[-1].id
    if sum(1 for row in rejected if original_id(row) == latest) > MAX_REPEATS:
        return ""
    return f"{REJECTION}:{latest}"


def still_rejects(known: Sequence[ApprovalRequest], digest: str) -> bool:
    """False if a policy has rejected this proposal so often in this run that a person should look at it."""
    rejected = (
        row for row in known if row.state == RequestState.REJECTED.value and digest in (row.digest, row.proposed_digest)
    )
    return sum(1 for row in rejected if decided_by(row.answered_by) is not None) < MAX_REPEATS


def original_id(request: ApprovalRequest) -> str:
    """The rejection by people behind a rejected request: itself, or the one from which it was answered."""
    kind, _, earlier = request.answered_by.partition(":")
    return earlier if kind == REJECTION and request.state == RequestState.REJECTED.value else request.id


def rejected_by(session: Session, request_id: str) -> tuple[str, str]:
    """Who rejected a request, and the latest reason."""
    query = (
        select(Decision)
        .where(
            Decision.request_id == request_id, Decision.verdict == Verdict.REJECT.value, Decision.withdrawn_at.is_(None)
        )
        .order_by(Decision.at)
    )
    decisions = session.scalars(query).all()
    names = " and ".join(dict.fromkeys(map(decider, decisions)))
    return names, next((decision.comment for decision in reversed(decisions) if decision.comment), "")


def refuse_unless_reopenable(
    session: Session, original: ApprovalRequest, run: Run | None, actor: Actor, now: datetime
) -> None:
    """Raise unless the actor may reopen it.

    Raises:
        ForbiddenError, OwnRequestError, NotAskedError: the actor may not reopen it.
        IllegalTransitionError, ConflictError: people did not reject it, the run has ended, or it is already reopened.
    """
    actor.require(Action.REOPEN)
    if not actor.id or actor.kind != "person":
        raise ForbiddenError("Only people can reopen a rejected request.")
    if own := own_request(original, actor):
        raise OwnRequestError(f"{capitalized(own)}, so somebody else must reopen the rejection.")
    require_handling(session, original, actor, Action.REOPEN, now)
    if original.state != RequestState.REJECTED.value or run is None:
        raise IllegalTransitionError("Only rejected requests of runs can be reopened.", state=original.state)
    if decided_by(original.answered_by) is not None:
        raise IllegalTransitionError("A policy rejected this, and would reject it again.", state=original.state)
    if run.state in (RunState.COMPLETED.value, RunState.CANCELLED.value):
        raise IllegalTransitionError("The run has ended and sends no more requests.", state=run.state)
    if original.reopened_at is not None:
        raise ConflictError("This request has already been reopened.", state=original.state)


class Reopenings:
    """Lets people review a rejected proposal again."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def reopen(self, request_id: str, actor: Actor, reason: str) -> ApprovalRequest:
        """Send the same proposal to people if the run makes it again. The rejection itself remains.

        For a request that was answered from an earlier rejection, that rejection is reopened.

        Raises:
            NotFoundError, InvalidInputError: no such request, or the reason is missing.
            ForbiddenError, OwnRequestError, NotAskedError, IllegalTransitionError, ConflictError: it cannot be
                reopened.
        """
        actor.require(Action.REOPEN)
        words = clean_comment(reason)
        with self._ground.sessions.reads() as session:
            seen = get(session, request_id)
            original = get(session, original_id(seen))
            run = session.get(Run, original.run_id) if original.run_id else None
            now = self._ground.clock()
            refuse_unless_reopenable(session, original, run, actor, now)
        if not words:
            raise InvalidInputError("Give a reason for reopening it.", {"reason": "empty"})
        batch = Batch(
            "update approval_requests set reopened_at = %(now)s, version = version + 1 "
            "where id = %(request)s and state = 'rejected' and reopened_at is null returning id",
            {"request": original.id, "now": now},
        )
        for request in {original.id: original, seen.id: seen}.values():
            self._note(batch, request, original, actor, words, now)
        if batch.run(self._ground.sessions) is None:
            raise ConflictError("This request has already been reopened.", state=original.state)
        return self._ground.fresh(request_id)

    @staticmethod
    def _note(
        batch: Batch, request: ApprovalRequest, original: ApprovalRequest, actor: Actor, reason: str, now: datetime
    ) -> None:
        record(
            batch, actor, "request.reopened", now, request_id=request.id, run_id=request.run_id, reason=reason,
            rejection=original.id,
        )  # fmt: skip
        publish(batch, changed(request, now, RequestChange.REOPENED))
