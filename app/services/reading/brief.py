"""A short form of a request, for messages and other places besides its page. It is read often, so it reads little."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.terms import Terms
from app.domain.risk import Assessment
from app.services.reading.pages import seat_or_why_not
from app.services.requests.entitlement import Seat, sign_in_again
from app.services.requests.situation import UpcomingStep, addresses_in, ahead_of, named, names_of
from app.services.requests.votes import decisions_on
from app.store.requests import ApprovalRequest, Decision


@dataclass(frozen=True)
class Brief:
    """The request as a person may see it now.

    Attributes:
        seat: how they may decide; None: not at all, for the reason `why_not`.
        sign_in_first: they have to sign in again for all verdicts except the harmless ones.
        asked: names of the current approvers (teams and people); empty: any reviewer, or nobody any longer.
        ahead: what will happen as time passes, soonest first.
        decisions: those that have not been withdrawn, oldest first.
    """

    request: ApprovalRequest
    state: RequestState
    assessment: Assessment
    seat: Seat | None
    why_not: str
    sign_in_first: bool
    asked: tuple[str, ...]
    ahead: tuple[UpcomingStep, ...]
    decisions: tuple[Decision, ...]


def brief_of(session: Session, request: ApprovalRequest, viewer: Actor, now: datetime) -> Brief:
    """The request in brief. Raises ForbiddenError if its page would."""
    viewer.require(Action.SEE)
    terms, state = Terms.from_json(request.terms), RequestState(request.state)
    # Every decision creates a new version, so a request of version 1 has no decisions.
    decisions = decisions_on(session, request.id) if request.version > 1 else []
    seat, why_not = seat_or_why_not(session, request, viewer, decisions, now)
    pending = state is RequestState.PENDING
    names = names_of(session, addresses_in(terms, request.addressed_to)) if pending else {}
    return Brief(
        request=request,
        state=state,
        assessment=Assessment.from_json(request.assessment),
        seat=seat,
        why_not=why_not,
        sign_in_first=seat is not None and sign_in_again(terms, viewer, now),
        asked=named(request.addressed_to, names) if pending else (),
        ahead=ahead_of(request, decisions, terms, names) if pending else (),
        decisions=tuple(decisions),
    )
