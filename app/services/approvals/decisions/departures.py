"""When people leave, their approvals of pending requests stop counting, and their claims and assignments end.

This happens in the transaction that deactivates them, removes a role or team, or ends an absence. Requests are
locked after the people involved, in the same order as in a decision. Of a departure and a last approval at the same
moment, one therefore comes first, and the other sees it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM
from app.domain.policy.fold import progress
from app.domain.policy.terms import Terms
from app.services.approvals.decisions.tally import progress_columns
from app.services.approvals.decisions.validity import lapsed, takes_part
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.grace import without_grace
from app.services.requests.votes import decider, decisions_on, vote
from app.store.engine import Sessions
from app.store.people import Person
from app.store.policies import Absence
from app.store.requests import UNCLAIMED, ApprovalRequest, Decision


def settle_departures(session: Session, person_ids: Collection[str], now: datetime) -> int:
    """Review every pending request in which one of these people, or one of their delegates, has a part.

    Returns:
        How many of them changed.

    Args:
        session: has already written what changed about the people, and holds locks on their rows.
    """
    session.flush()
    delegates = select(Absence.delegate_id).where(
        Absence.person_id.in_(person_ids), Absence.delegate_id.is_not(None), Absence.ended_at.is_(None)
    )
    person_ids = {*person_ids, *filter(None, session.scalars(delegates))}
    word = exists().where(
        Decision.request_id == ApprovalRequest.id,
        Decision.withdrawn_at.is_(None),
        or_(Decision.person_id.in_(person_ids), Decision.on_behalf_of_id.in_(person_ids)),
    )
    touched = or_(word, ApprovalRequest.claimed_by_id.in_(person_ids), ApprovalRequest.assigned_to_id.in_(person_ids))
    query = select(ApprovalRequest).where(ApprovalRequest.state == RequestState.PENDING.value, touched)
    found = session.scalars(query.order_by(ApprovalRequest.id).with_for_update()).all()
    return sum(_settle(session, request, now) for request in found)


def settle_departures_on(sessions: Sessions, request_id: str, now: datetime) -> None:
    """Review one request for people who have left in any way since its last review."""
    with sessions.begin() as session:
        request = session.get(ApprovalRequest, request_id, with_for_update=True)
        if request is not None and request.state == RequestState.PENDING.value:
            _settle(session, request, now)


def _settle(session: Session, request: ApprovalRequest, now: datetime) -> bool:
    """Review one request, which is locked. True if it changed."""
    standing = decisions_on(session, request.id)
    gone = lapsed(session, request, standing, now)
    columns: dict[str, Any] = {}
    if gone:
        for decision in standing:
            if decision.id in gone:
                _lapse(session, request, decision, gone[decision.id], now)
        terms = Terms.from_json(request.terms)
        votes = [vote(decision) for decision in standing if decision.id not in gone]
        columns |= progress_columns(request, terms, progress(votes, request.digest, terms, request.edited_by))
        columns |= without_grace(request, [decision for decision in standing if decision.id not in gone], columns)
        # Fewer approvals settle nothing: as many are required as before, and other approvers decide.
    columns |= _hands(session, request, now)
    if not columns:
        return False
    columns |= due_values(request, **columns)
    session.execute(
        update(ApprovalRequest)
        .where(ApprovalRequest.id == request.id)
        .values(**columns, version=ApprovalRequest.version + 1)
        .execution_options(synchronize_session=False)
    )
    what = RequestChange.APPROVALS_LAPSED if gone else RequestChange.UNASSIGNED
    publish(session, moves.changed(request, now, what))
    return True


def _lapse(session: Session, request: ApprovalRequest, decision: Decision, why: str, now: datetime) -> None:
    values = {"withdrawn_at": now, "lapsed_why": why}
    session.execute(
        update(Decision).where(Decision.id == decision.id).values(**values).execution_options(synchronize_session=False)
    )
    record(
        session, SYSTEM, "request.approval_lapsed", now, request_id=request.id, run_id=request.run_id,
        person=decider(decision), verdict=decision.verdict, digest=decision.digest, reason=why,
    )  # fmt: skip


def _hands(session: Session, request: ApprovalRequest, now: datetime) -> dict[str, Any]:
    """The columns that end the claim and assignment of people who can no longer decide the request."""
    columns: dict[str, Any] = {}
    about = {"request_id": request.id, "run_id": request.run_id}
    if _gone(session, request, request.claimed_by_id, now):
        columns |= UNCLAIMED
        record(session, SYSTEM, "request.claim_released", now, **about, claimed_by=request.claimed_by_name)
    if _gone(session, request, request.assigned_to_id, now):
        columns |= {"assigned_to_id": None, "assigned_to_name": ""}
        record(
            session, SYSTEM, "request.unassigned", now, **about, **{"from": request.assigned_to_name},
            from_id=request.assigned_to_id, to="", to_id=None, reason="They can no longer decide it.",
        )  # fmt: skip
    return columns


def _gone(session: Session, request: ApprovalRequest, person_id: str | None, now: datetime) -> bool:
    person = session.get(Person, person_id) if person_id else None
    return person is not None and not takes_part(session, request, person, now)
