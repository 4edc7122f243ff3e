"""From events to deliveries: who is notified of what happened, over which channel, and when.

A trigger records events that may concern people in `unplanned_events`, in the transaction that writes them. A worker
plans them shortly afterwards, many at once, so that decisions do not wait for it, and requests that are decided
immediately cost next to nothing. Planning an event twice results in the same deliveries, which are written once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, load_only

from app.domain.choices import Choices, When
from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import RequestState
from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.domain.policy.verdicts import decided_by
from app.domain.preferences import zone_of
from app.services.clock import Clock
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write_in
from app.services.notifications.destination_plans import callback_plans, listening, place_plans, webhook_plans
from app.services.notifications.person_choices import choices_of
from app.services.notifications.recipients import Addressee, Recipients
from app.services.notifications.shortage_notices import notify_of_shortages
from app.store.base import among
from app.store.engine import Sessions
from app.store.notify import Delivery, Destination, UnplannedEvent
from app.store.record import Event
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

log = structlog.get_logger(__name__)

LINK_LIFETIME = timedelta(days=7)
"""A link works until the request's deadline, but at most this long."""
AT_ONCE = 200
"""How many events are planned in one transaction."""
_ANY_DUE = "select 1 from unplanned_events where due_at <= now() limit 1"
_PUT_OFF = """
    update unplanned_events set tries = tries + 1,
        due_at = now() + least(interval '30 seconds', interval '0.5 seconds' * power(2, least(tries, 10)))
    where event_id = %(event)s returning event_id"""
CHANGES: dict[str, NoticeKind] = {
    RequestChange.ASKS_PEOPLE: NoticeKind.ASKED,
    RequestChange.NEXT_STAGE: NoticeKind.ASKED,
    RequestChange.EARLIER_STAGE: NoticeKind.ASKED,
    RequestChange.ESCALATED: NoticeKind.ESCALATED,
    RequestChange.WARNED: NoticeKind.EXPIRING,
    RequestChange.ASSIGNED: NoticeKind.ASSIGNED,
}
"""Changes of a request that people are notified of. Migration 0033's trigger has the same list; a test compares."""
_BRIEF = load_only(
    ApprovalRequest.id, ApprovalRequest.state, ApprovalRequest.answered_by, ApprovalRequest.requester_id,
    ApprovalRequest.digest, ApprovalRequest.risk, ApprovalRequest.addressed_to, ApprovalRequest.expires_at,
    raiseload=True,
)  # fmt: skip
"""The columns to read of a request that no longer requires a decision."""


class NotificationPlanner:
    """Plans deliveries."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def plan_due(self) -> bool:
        """Plan what is due and not being planned by another worker. True: there may be more."""
        due = select(UnplannedEvent.event_id).where(UnplannedEvent.due_at <= func.now())
        due = due.order_by(UnplannedEvent.event_id).limit(AT_ONCE)
        if not self._sessions.execute(_ANY_DUE, {}):
            return False
        taken: Sequence[int] = ()
        try:
            with self._sessions.begin() as session:
                taken = session.scalars(due.with_for_update(skip_locked=True)).all()
                self._plan(session, taken)
        except Exception:
            log.error("planning.failed", events=len(taken), exc_info=True)
            # An event that cannot be planned must not block the others.
            for event_id in taken:
                self._plan_alone(event_id)
        return len(taken) == AT_ONCE

    def plan(self, event_ids: Sequence[int]) -> list[str]:
        """Write the deliveries for these events, with their jobs. Returns the ids of the new deliveries."""
        with self._sessions.begin() as session:
            return self._plan(session, event_ids)

    def _plan_alone(self, event_id: int) -> None:
        try:
            self.plan([event_id])
        except Exception:
            log.error("planning.put_off", event_id=event_id, exc_info=True)
            self._sessions.execute(_PUT_OFF, {"event": event_id})

    def _plan(self, session: Session, event_ids: Sequence[int]) -> list[str]:
        if not event_ids:
            return []
        now = self._clock()
        events = session.scalars(select(Event).where(among(Event.id, event_ids)).order_by(Event.id)).all()
        places = listening(session)
        plans = callback_plans(session, events, now)
        for event in events:
            plans += webhook_plans(places, event, now)
        notices, stale = _notices(session, events)
        plans += _plans(session, notices, places, now)
        made = write_in(session, plans, stale)
        session.execute(delete(UnplannedEvent).where(among(UnplannedEvent.event_id, event_ids)))
        asking = {request.id: request for _, request, kind in notices if kind.asks}
        notify_of_shortages(session, [asking[request_id] for request_id in sorted(asking)], now)
        return made


_DueNotice = tuple[Event, ApprovalRequest, NoticeKind]


def _notices(session: Session, events: Sequence[Event]) -> tuple[list[_DueNotice], list[str]]:
    """What to notify people of, and the messages that must be updated."""
    ids = {event.request_id for event in events if event.request_id}
    if not ids:
        return [], []
    brief = select(ApprovalRequest).where(among(ApprovalRequest.id, ids)).options(_BRIEF)
    requests = {request.id: request for request in session.scalars(brief)}
    if asking := [request.id for request in requests.values() if _asks(request)]:
        whole = select(ApprovalRequest).where(among(ApprovalRequest.id, asking))
        session.scalars(whole.execution_options(populate_existing=True)).all()
    notices = [
        (event, requests[event.request_id], kind)
        for event in events
        if event.request_id in requests
        for kind in _kinds(event, requests[event.request_id])
    ]
    return notices, _messages(session, list(requests))


def _plans(
    session: Session, notices: Sequence[_DueNotice], places: Sequence[Destination], now: datetime
) -> list[DeliveryPlan]:
    """The deliveries to people, and to destinations other than webhooks."""
    recipients = Recipients(session, [(request, kind) for _, request, kind in notices], now)
    found = [(event, request, kind, recipients.of(request, kind)) for event, request, kind in notices]
    chosen = choices_of(session, list({to.person.id for *_, people in found for to in people}))
    plans: list[DeliveryPlan] = []
    for event, request, kind, people in found:
        for to in people:
            plans += _for_one(event, request, kind, to, chosen[to.person.id], now)
        plans += place_plans(session, places, event, request, kind, marker(event, request, kind), now)
    return plans


def zone_for(time_zone: str) -> ZoneInfo:
    """The time zone for a person's messages; UTC if they have chosen none."""
    return zone_of(time_zone) or ZoneInfo("UTC")


def _messages(session: Session, request_ids: Sequence[str]) -> list[str]:
    """Deliveries whose message can be updated and asks for a decision."""
    query = select(Delivery.id).where(
        among(Delivery.request_id, request_ids), Delivery.channel == Channel.SLACK.value, Delivery.reference != "",
        Delivery.state == DeliveryState.SENT.value, Delivery.kind.in_([kind.value for kind in NoticeKind if kind.asks]),
    )  # fmt: skip
    return list(session.scalars(query.order_by(Delivery.id)))


def _asks(request: ApprovalRequest) -> bool:
    """True if people have to decide now, because it is neither settled nor about to be answered automatically."""
    return request.state == RequestState.PENDING.value and not request.answered_by


def _kinds(event: Event, request: ApprovalRequest) -> list[NoticeKind]:
    """What to notify people of, except what has been superseded since."""
    # What a policy decides at once concerns nobody unless something goes wrong, and agents may request it all day.
    at_once = decided_by(request.answered_by) is not None
    if event.kind == EventKind.REQUEST_RESOLVED.value:
        return [] if at_once else [NoticeKind.OUTCOME, NoticeKind.SETTLED]
    if event.kind == EventKind.REQUEST_RECEIPT.value:
        status = event.payload.get("status")
        concerns = status in ("failed", "partly_applied") if at_once else status != "delivered"
        return [NoticeKind.RECEIPT] if concerns else []
    if not _asks(request):
        return []
    if event.kind == EventKind.REQUEST_OPENED.value:
        return [NoticeKind.ASKED]
    kind = CHANGES.get(event.payload.get("what", ""))
    return [kind] if kind else []


def _for_one(
    event: Event, request: ApprovalRequest, kind: NoticeKind, to: Addressee, choices: Choices, now: datetime
) -> list[DeliveryPlan]:
    """The deliveries to one person: one for each channel they have chosen."""
    whens = choices.when(kind, RiskLevel(request.risk), now, zone_for(to.person.time_zone), request.expires_at)
    if not whens:
        return _over(Channel.MAIL, None, event, request, kind, to, now)
    plans: list[DeliveryPlan] = []
    for when in whens:
        plans += _over(when.channel, when, event, request, kind, to, now)
    return plans


def _over(
    channel: Channel, when: When | None, event: Event, request: ApprovalRequest, kind: NoticeKind, to: Addressee,
    now: datetime,
) -> list[DeliveryPlan]:  # fmt: skip
    person = to.person
    row = new_row(
        f"{request.id}:{kind.value}:{marker(event, request, kind)}:{person.id}:{channel.value}", kind, channel, now,
        person_id=person.id, request_id=request.id, event_id=event.id, on_behalf_of=to.on_behalf_of,
        digest=request.digest if kind.asks else "", state=DeliveryState.SUPPRESSED.value,
        reason="They have turned this notification off.", address=person.email,
        link_expires_at=min(request.expires_at, now + LINK_LIFETIME) if kind.asks else None,
    )  # fmt: skip
    if when is None:
        return [DeliveryPlan(row, job=False)]
    row |= {
        "state": (DeliveryState.HELD if when.held else DeliveryState.PENDING).value,
        "reason": "",
        "in_digest": when.in_digest,
        "first_due_at": when.at,
        "due_at": when.at,
    }
    if not when.in_digest:
        if when.held:
            row["reason"] = "Waiting for the end of quiet hours."
        return [DeliveryPlan(row)]
    row["reason"] = "Waiting for the roundup."
    return [DeliveryPlan(row, job=False), DeliveryPlan(_roundup(row, when.at))]


def _roundup(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The roundup that contains a delivery: one for each person and time."""
    return row | {
        "id": uuid.uuid4().hex,
        "key": f"digest:{at.isoformat()}:{row['person_id']}:{row['channel']}",
        "kind": NoticeKind.DIGEST.value,
        "request_id": None,
        "event_id": None,
        "on_behalf_of": "",
        "digest": "",
        "reason": "",
        "in_digest": False,
        "link_expires_at": None,
    }


def marker(event: Event, request: ApprovalRequest, kind: NoticeKind) -> str:
    """What distinguishes this notification from an earlier one of the same kind."""
    match kind:
        case NoticeKind.ASKED:
            return f"{request.stage}.{request.digest}"
        case NoticeKind.ESCALATED:
            return f"{request.escalation}.{request.priority}"
        case NoticeKind.EXPIRING:
            return request.expires_at.isoformat()
        case NoticeKind.RECEIPT:
            return str(event.payload.get("status"))
        case NoticeKind.ASSIGNED:
            return str(event.id)
    return ""
