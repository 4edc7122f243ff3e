"""The building blocks of writing a decision, or of ending a request in another way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import AlreadyDecidedError, InvalidInputError, TooLargeError
from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import REQUEST_TRANSITIONS, RequestState, may_move
from app.domain.policy.calendars import opening_under
from app.domain.policy.fold import Resolution, Vote
from app.domain.policy.terms import Terms
from app.services.record.events import event_row, publish
from app.store.batch import Batch, document
from app.store.requests import UNCLAIMED, ApprovalRequest, Decision
from assent.contracts import NextAction, Outcome, Remark, Verdict
from assent.masking import mask_text

MAX_COMMENT = 20_000
# The foreign key locks this row anyway, but here it is locked before the request's. Deactivating a person locks in the
# same order, so if both happen at once, one waits and then sees the other.
_STILL_ACTIVE = " and exists (select from people where id = %(active_person)s and active for key share)"
_ENDED = {"due_at": None, **UNCLAIMED}
"""Columns of a request that has ended: no due step, and no claim."""


def clean_comment(text: Any) -> str:
    """A comment that can be stored: text of acceptable length, without control characters, and with secrets masked."""
    if not isinstance(text, str):
        raise InvalidInputError("A comment must be text.", {"comment": "not text"})
    if len(text) > MAX_COMMENT:
        raise TooLargeError(f"A comment has at most {MAX_COMMENT:,} characters; this one has {len(text):,}.")
    bad = sorted(
        {
            f"U+{ord(char):04X}"
            for char in text
            if (ord(char) < 32 and char not in "\t\n\r") or 0xD800 <= ord(char) <= 0xDFFF
        }
    )
    if bad:
        raise InvalidInputError(
            f"The comment contains control characters ({', '.join(bad)}).", {"comment": "control characters"}
        )
    return mask_text(text.strip())


class Move(Batch):
    """Changes a pending request if it has not changed since it was read."""

    def __init__(self, seen: ApprovalRequest, columns: dict[str, Any], person_id: str) -> None:
        still_active = _STILL_ACTIVE if person_id else ""
        super().__init__(
            f"update approval_requests set {', '.join(f'{name} = %(set_{name})s' for name in columns)}, "
            "version = version + 1 where id = %(request)s and state = 'pending' and version = %(version)s"
            f"{still_active} returning id",
            {f"set_{name}": document(ApprovalRequest, name, value) for name, value in columns.items()}
            | {"request": seen.id, "version": seen.version}
            | ({"active_person": person_id} if person_id else {}),
        )
        self._seen = seen
        self._columns = columns | {"version": seen.version + 1}

    def written(self) -> ApprovalRequest:
        """The request after this batch is written. It need not be read: nothing can have changed in between."""
        for name, value in self._columns.items():
            setattr(self._seen, name, value)
        return self._seen


def move(seen: ApprovalRequest, new: RequestState, now: datetime, person_id: str = "", /, **values: Any) -> Move:
    """A batch that changes a pending request if it has not changed since it was read.

    If it ends the request, open pages are updated.

    Args:
        person_id: the person who acts on the request, who must still be active; empty: nobody.
    """
    ends = new is not RequestState.PENDING
    if ends and not may_move(REQUEST_TRANSITIONS, RequestState(seen.state), new):
        raise AlreadyDecidedError(f"This request is {RequestState(seen.state).words}.", state=seen.state)
    columns = {"state": new.value, "resolved_at": now if ends else None, **(_ENDED if ends else {}), **values}
    batch = Move(seen, columns, person_id)
    if ends:
        resolved = event_row(EventKind.REQUEST_RESOLVED, now, run_id=seen.run_id, request_id=seen.id, state=new.value)
        publish(batch, resolved)
    return batch


def changed(request: ApprovalRequest, now: datetime, what: RequestChange, **more: Any) -> dict[str, Any]:
    """The event that a pending request has changed, without a change of its state."""
    return event_row(
        EventKind.REQUEST_CHANGED, now, run_id=request.run_id, request_id=request.id,
        state=RequestState.PENDING.value, what=what, **more,
    )  # fmt: skip


def decisions_on(session: Session, request_id: str) -> list[Decision]:
    """The request's decisions, oldest first, without withdrawn ones."""
    query = select(Decision).where(Decision.request_id == request_id, Decision.withdrawn_at.is_(None))
    query = query.order_by(Decision.at)
    return list(session.scalars(query))


def vote(decision: Decision) -> Vote:
    """The decision as input for counting."""
    return Vote(
        decision.person_id, Verdict(decision.verdict), decision.digest, decision.stage or 0,
        decision.on_behalf_of_id or "", decision.made.ids,
    )  # fmt: skip


def outcome_body(
    request: ApprovalRequest,
    resolution: Resolution,
    payload: Any,
    digest: str,
    answer: Any,
    remarks: list[Remark],
    now: datetime,
) -> dict[str, Any]:
    """The outcome as the run receives it, with everyone's comments."""
    outcome = Outcome(
        request_id=request.id,
        verdict=resolution.verdict,
        payload=payload,
        digest=digest,
        proposed_digest=request.proposed_digest,
        answer=answer,
        remarks=remarks,
        decided_at=now,
        next_action=resolution.next_action,
    )
    return outcome.model_dump(mode="json")


def remark(decision: Decision) -> Remark:
    """The comment of a decision."""
    verdict = Verdict(decision.verdict)
    return Remark(who=decider(decision), verdict=verdict, comment=decision.comment, at=decision.at)


def decider(decision: Decision) -> str:
    """Who decided, such as ``Reviewer (for DBA on call)``."""
    principal = f" (for {decision.on_behalf_of_name})" if decision.on_behalf_of_id else ""
    return f"{decision.person_name}{principal}"


def held_until(resolution: Resolution, terms: Terms, now: datetime) -> datetime | None:
    """When the run may receive an approval, if its change window is not open now."""
    return not_before(resolution.verdict, resolution.next_action, terms, now)


def not_before(verdict: str, next_action: str, terms: Terms, now: datetime) -> datetime | None:
    """When an outcome may be carried out, if its change window is not open now."""
    approved = verdict in (Verdict.APPROVE, Verdict.MODIFY) and next_action == NextAction.CONTINUE
    return opening_under(terms, now) if approved else None
