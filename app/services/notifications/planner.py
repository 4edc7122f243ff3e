"""From events to deliveries: who is told of what happened, over which channel, and when.

It runs in a worker, after the transaction that caused the event, so that a decision does not wait for it. Planning the
same event twice comes to the same deliveries, which are written once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.choices import Choices, When
from app.domain.events import EventKind
from app.domain.lifecycle import RequestState
from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.domain.preferences import zone_of
from app.services.clock import Clock
from app.services.notifications.delivery_rows import Plan, new_row, write
from app.services.notifications.destination_plans import callback_plans, listening, place_plans, webhook_plans
from app.services.notifications.recipients import Addressee, receivers
from app.store.engine import Sessions
from app.store.notify import Delivery, NotifyChoices
from app.store.record import Event
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

LINK_LIFETIME = timedelta(days=7)
"""A link works until the request's deadline, and no longer than this."""
_CHANGES = {
    "asks people": NoticeKind.ASKED,
    "next stage": NoticeKind.ASKED,
    "earlier stage again": NoticeKind.ASKED,
    "escalated": NoticeKind.ESCALATED,
    "warned": NoticeKind.EXPIRING,
    "assigned": NoticeKind.ASSIGNED,
}
"""What of a changed request concerns people; the trigger of migration 0015 has the same words."""


class Planning:
    """Plans deliveries."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def fan_out(self, event_ids: Sequence[int], job_id: int | None = None) -> list[str]:
        """Write the deliveries that these events call for, with their jobs, and end the job that asked for it.

        Returns:
            The ids of the new deliveries.
        """
        plans: list[Plan] = []
        now = self._clock()
        stale: set[str] = set()
        with self._sessions.reads() as session:
            places = listening(session)
            for event in session.scalars(select(Event).where(Event.id.in_(event_ids)).order_by(Event.id)):
                plans += webhook_plans(places, event, now) + callback_plans(session, event, now)
                request = session.get(ApprovalRequest, event.request_id) if event.request_id else None
                if request is not None:
                    for kind in _kinds(event, request):
                        plans += self._plan(session, event, request, kind, now)
                        plans += place_plans(session, places, event, request, kind, marker(event, request, kind), now)
                    stale.update(_messages(session, request.id))
        return write(self._sessions, plans, sorted(stale), [job_id] if job_id is not None else [])

    def _plan(
        self, session: Session, event: Event, request: ApprovalRequest, kind: NoticeKind, now: datetime
    ) -> list[Plan]:
        found = receivers(session, request, kind, now)
        chosen = choices_of(session, [each.person.id for each in found])
        plans: list[Plan] = []
        for each in found:
            plans += _for_one(event, request, kind, each, chosen[each.person.id], now)
        return plans


def choices_of(session: Session, person_ids: Sequence[str]) -> dict[str, Choices]:
    """What each of these people has chosen."""
    query = select(NotifyChoices.person_id, NotifyChoices.body).where(NotifyChoices.person_id.in_(person_ids))
    stored = {person_id: Choices.from_json(body) for person_id, body in session.execute(query)} if person_ids else {}
    return {each: stored.get(each, Choices()) for each in person_ids}


def zone_for(time_zone: str) -> ZoneInfo:
    """The zone in which somebody reads times; UTC where they have chosen none."""
    return zone_of(time_zone) or ZoneInfo("UTC")


def _messages(session: Session, request_id: str) -> list[str]:
    """Deliveries whose message can be rewritten, and asks for a decision."""
    query = select(Delivery.id).where(
        Delivery.request_id == request_id, Delivery.channel == Channel.SLACK.value, Delivery.reference != "",
        Delivery.state == DeliveryState.SENT.value, Delivery.kind.in_([each.value for each in NoticeKind if each.asks]),
    )  # fmt: skip
    return list(session.scalars(query))


def _kinds(event: Event, request: ApprovalRequest) -> list[NoticeKind]:
    """What to tell of an event; nothing of what has been overtaken since."""
    if event.kind == EventKind.REQUEST_RESOLVED.value:
        return [NoticeKind.OUTCOME, NoticeKind.SETTLED]
    if event.kind == EventKind.REQUEST_RECEIPT.value:
        return [NoticeKind.RECEIPT] if event.payload.get("status") != "delivered" else []
    if request.state != RequestState.PENDING.value or request.answered_by:
        return []
    if event.kind == EventKind.REQUEST_OPENED.value:
        return [NoticeKind.ASKED]
    kind = _CHANGES.get(event.payload.get("what", ""))
    return [kind] if kind else []


def _for_one(
    event: Event, request: ApprovalRequest, kind: NoticeKind, to: Addressee, choices: Choices, now: datetime
) -> list[Plan]:
    """The deliveries to one person: one for each channel by which they want to hear of it."""
    whens = choices.when(kind, RiskLevel(request.risk), now, zone_for(to.person.time_zone))
    if not whens:
        return _over(Channel.MAIL, None, event, request, kind, to, now)
    plans: list[Plan] = []
    for when in whens:
        plans += _over(when.channel, when, event, request, kind, to, now)
    return plans


def _over(
    channel: Channel, when: When | None, event: Event, request: ApprovalRequest, kind: NoticeKind, to: Addressee,
    now: datetime,
) -> list[Plan]:  # fmt: skip
    person = to.person
    row = new_row(
        f"{request.id}:{kind.value}:{marker(event, request, kind)}:{person.id}:{channel.value}", kind, channel, now,
        person_id=person.id, request_id=request.id, event_id=event.id, on_behalf_of=to.on_behalf_of,
        digest=request.digest if kind.asks else "", state=DeliveryState.SUPPRESSED.value,
        reason="They have chosen not to be told of this.", address=person.email,
        link_expires_at=min(request.expires_at, now + LINK_LIFETIME) if kind.asks else None,
    )  # fmt: skip
    if when is None:
        return [Plan(row, job=False)]
    row |= {
        "state": (DeliveryState.HELD if when.held else DeliveryState.PENDING).value,
        "reason": "",
        "in_digest": when.in_digest,
        "first_due_at": when.at,
        "due_at": when.at,
    }
    if not when.in_digest:
        if when.held:
            row["reason"] = "Waits for the end of the quiet hours."
        return [Plan(row)]
    row["reason"] = "Waits for the digest."
    return [Plan(row, job=False), Plan(_digest(row, when.at))]


def _digest(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The digest in which a delivery is told: one for each person and time."""
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
    """What makes this telling another one than an earlier one of the same kind."""
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
