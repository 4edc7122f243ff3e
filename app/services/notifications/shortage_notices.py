"""Notifies administrators of requests that too few people can decide, once for each request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session, load_only

from app.domain.choices import Choices, channels_of
from app.domain.lifecycle import RequestState
from app.domain.notices import NoticeKind
from app.domain.people import Action, Actor
from app.services.clock import Clock
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write_in
from app.services.notifications.person_choices import choices_of
from app.services.requests.shortages import Deciders, note_shortages
from app.services.requests.votes import standing_decisions
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest

AT_ONCE = 500
"""How many requests are looked at in one transaction."""
_COLUMNS = load_only(
    ApprovalRequest.id, ApprovalRequest.run_id, ApprovalRequest.state, ApprovalRequest.kind, ApprovalRequest.terms,
    ApprovalRequest.version, ApprovalRequest.digest, ApprovalRequest.edited_by, ApprovalRequest.stage,
    ApprovalRequest.escalated_to, ApprovalRequest.requester_id, ApprovalRequest.makers, ApprovalRequest.made_by,
    ApprovalRequest.shortage, raiseload=True,
)  # fmt: skip

_FINGERPRINT = text("""
    select (select md5(string_agg(concat_ws(' ', id, email, roles, active, makers), E'\\n' order by id)) from people),
        (select md5(string_agg(team_slug || ' ' || person_id, ' ' order by team_slug, person_id)) from team_members)""")


def notify_of_shortages(
    session: Session, requests: Sequence[ApprovalRequest], now: datetime, deciders: Deciders | None = None
) -> None:
    """Note which of these pending requests nobody can decide, and notify administrators of those.

    Administrators are those who can add people; they get it on the channels on which they are asked for decisions.

    Args:
        deciders: as they were read a moment ago; None: they are read now.
    """
    if not requests:
        return
    deciders = deciders or Deciders(session)
    begun = {request.id for request in requests if request.version > 1}
    lacking = note_shortages(session, requests, standing_decisions(session, begun), deciders, now)
    if not lacking:
        return
    administrators = [person for person in deciders.actors if person.may(Action.MANAGE_PEOPLE)]
    choices = choices_of(session, [person.id for person in administrators])
    plans = [plan for person in administrators for plan in _plans(choices[person.id], person, lacking, now)]
    write_in(session, plans)


def _plans(choices: Choices, person: Actor, requests: Sequence[ApprovalRequest], now: datetime) -> list[DeliveryPlan]:
    rows = [
        new_row(
            f"{request.id}:shortage:{person.id}:{channel.value}", NoticeKind.SHORTAGE, channel, now,
            person_id=person.id, request_id=request.id, address=person.email,
        )
        for request in requests
        for channel in channels_of(choices.kinds[NoticeKind.ASKED].way, choices.browsers)
    ]  # fmt: skip
    return [DeliveryPlan(row) for row in rows]


class Shortages:
    """Looks at all pending requests again after people, roles, or teams have changed."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._seen: tuple[object, ...] | None = None

    def look_again(self) -> bool:
        """Look at all pending requests, unless nothing has changed since the last time. True: it looked."""
        with self._sessions.reads() as session:
            seen = _fingerprint(session)
            if seen == self._seen:
                return False
            deciders = Deciders(session)
        after: str | None = ""
        while after is not None:
            after = self._look(after, deciders)
        if not deciders.left:  # otherwise, all are looked at again soon
            self._seen = seen
        return True

    def _look(self, after: str, deciders: Deciders) -> str | None:
        """Look at the next requests by id; returns the last one's id, None if there are no more."""
        query = select(ApprovalRequest).options(_COLUMNS).where(
            ApprovalRequest.state == RequestState.PENDING.value, ApprovalRequest.answered_by == "",
            ApprovalRequest.id > after,
        )  # fmt: skip
        with self._sessions.begin() as session:
            found = session.scalars(query.order_by(ApprovalRequest.id).limit(AT_ONCE)).all()
            notify_of_shortages(session, found, self._clock(), deciders)
        return found[-1].id if len(found) == AT_ONCE else None


def _fingerprint(session: Session) -> tuple[object, ...]:
    """What changes whenever somebody may decide who could not before, or the other way round."""
    return tuple(session.execute(_FINGERPRINT).one())
