"""Requests that somebody claims or is assigned, and people who are away meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.domain.people import Actor
from app.domain.policy.terms import Stage, Terms
from app.services.people.absences import Absences, AbsenceView
from app.store.requests import ApprovalRequest
from tests.factories import make_request
from tests.services.desk import Desk

HOUR = timedelta(hours=1)


def lines(desk: Desk, request: ApprovalRequest) -> list[tuple[str, dict[str, Any]]]:
    """What the record says about claims and assignments."""
    wanted = ("request.claim", "request.assign", "request.unassign")
    return [(entry.action, entry.detail) for entry in desk.audit(request) if entry.action.startswith(wanted)]


def away(desk: Desk, who: Actor, delegate: Actor | None, length: timedelta = HOUR) -> AbsenceView:
    now = desk.clock()
    absences = Absences(desk.sessions, desk.clock)
    return absences.add(who, who.id, delegate.id if delegate else None, now, now + length)


def asking(desk: Desk, *stages: Stage, **values: Any) -> ApprovalRequest:
    """A request with these stages; the first is asked."""
    terms = Terms(name="test rule", stages=stages, deadline_seconds=4 * 3600)
    addressed_to = [f"team:{team}" for team in stages[0].teams] + [f"person:{person}" for person in stages[0].people]
    return make_request(desk.sessions, terms=terms, addressed_to=addressed_to, **values)
