"""The requests that wait for one person's decision, most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from app.domain.errors import AssentError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.policy.terms import Terms
from app.domain.risk import is_clear
from app.services.clock import Clock
from app.services.reading.queue_filter import addressed_to_any
from app.services.reading.snoozed import FOR_ALL, not_snoozed_by
from app.services.requests.delegation import represented_by
from app.services.requests.entitlement import seat_of
from app.services.requests.situation import addresses_in, ahead_of, names_of
from app.services.requests.votes import decisions_on
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest

LOOKED_AT = 200
"""How many requests that may require the person's approval are checked."""


@dataclass(frozen=True)
class WaitingRequest:
    """A request that a person can decide.

    Attributes:
        understood: everything that would run has been read; see `app.domain.risk.Assessment`.
        consequence: what happens if nobody decides until `expires_at`.
    """

    id: str
    title: str
    risk: str
    understood: bool
    consequence: str
    expires_at: datetime


class PersonalQueue:
    """Finds what a person can decide now, by the rules for decisions."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def of(self, actor: Actor, limit: int) -> tuple[Sequence[WaitingRequest], bool]:
        """At most `limit` requests, and whether there may be more."""
        now = self._clock()
        found: list[WaitingRequest] = []
        with self._sessions.reads() as session:
            addresses = set(actor.member.addresses)
            for member in represented_by(session, actor.id, now):
                addresses |= member.addresses
            asks = or_(func.cardinality(ApprovalRequest.addressed_to) == 0, addressed_to_any(addresses))
            query = select(ApprovalRequest).where(ApprovalRequest.state == RequestState.PENDING.value, asks)
            query = query.where(ApprovalRequest.resolves_at.is_(None), ~FOR_ALL, not_snoozed_by(actor.id))
            query = query.order_by(ApprovalRequest.attention_at, ApprovalRequest.id).limit(LOOKED_AT + 1)
            rows = list(session.scalars(query))
            for request in rows[:LOOKED_AT]:
                decisions = decisions_on(session, request.id) if request.version > 1 else []
                try:
                    seat_of(session, request, actor, decisions, now)
                except AssentError:
                    continue
                if len(found) == limit:
                    return found, True
                terms = Terms.from_json(request.terms)
                names = names_of(session, addresses_in(terms, request.addressed_to))
                ahead = ahead_of(request, decisions, terms, names)
                consequence = ahead[-1].words if ahead else ""
                understood = is_clear(request.assessment, request.kind)
                found.append(
                    WaitingRequest(request.id, request.title, request.risk, understood, consequence, request.expires_at)
                )
        return found, len(rows) > LOOKED_AT
