"""Requests with deadlines, and what time has done to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from app.domain.lifecycle import RunState
from app.domain.policy.terms import EscalationStep, Terms
from app.services.requests.assessment import due_values
from app.store.requests import ApprovalRequest
from assent.contracts import Outcome, RiskLevel
from tests.factories import make_request, make_run
from tests.services.desk import Desk

WARNED, ESCALATED, EXPIRED = "request.expiry_warned", "request.escalated", "request.expired"
HOUR = timedelta(hours=1)
LEADS = EscalationStep(after_seconds=2 * 3600, words="2 hours", teams=("leads",), priority=2)
HEADS = EscalationStep(after_seconds=4 * 3600, words="4 hours", people=("Head@Example.org",))


def terms(**values: Any) -> Terms:
    """Eight hours, a warning an hour before the end, and nobody else to ask."""
    return Terms(**{"name": "test", "deadline_seconds": 8 * 3600, "warn_seconds": 3600} | values)


def opened(desk: Desk, given: Terms, risk: RiskLevel = RiskLevel.LOW, **values: Any) -> ApprovalRequest:
    """A pending request of a suspended run, with due steps as a use case would have written them."""
    request = make_request(
        desk.sessions, make_run(desk.sessions, state=RunState.SUSPENDED), risk=risk, terms=given,
        expires_in=timedelta(seconds=given.deadline_seconds), **values,
    )  # fmt: skip
    return changed(desk, request)


def changed(desk: Desk, request: ApprovalRequest, **columns: Any) -> ApprovalRequest:
    """The request with other columns, behind everybody's back."""
    with desk.sessions.begin() as session:
        values = columns | due_values(request, **columns)
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id == request.id).values(values))
    return desk.fresh(request)


def timely(desk: Desk, request: ApprovalRequest) -> list[str]:
    """What time did, in the order of the record."""
    return [entry.action for entry in desk.audit(request) if entry.actor_kind == "system" and entry.detail.get("due")]


def outcome(desk: Desk, request: ApprovalRequest) -> Outcome:
    return Outcome.model_validate(desk.outcome(request).body)
