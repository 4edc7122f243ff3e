"""Which destinations are notified of which events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.destinations import NOTICES
from app.domain.events import EventKind
from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.domain.policy.access import TEAM
from app.services.notifications.delivery_rows import DeliveryPlan, new_row
from app.store.base import among
from app.store.notify import CallbackRow, Delivery, Destination
from app.store.record import Event
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

DISABLED = "The destination is disabled."
"""Why a delivery is not sent that is sent once its destination is enabled again."""


def listening(session: Session) -> list[Destination]:
    """The destinations, including disabled ones, for which it is recorded what they miss."""
    query = select(Destination).where(Destination.removed_at.is_(None))
    return list(session.scalars(query.order_by(Destination.created_at, Destination.id)))


def webhook_plans(places: Sequence[Destination], event: Event, now: datetime) -> list[DeliveryPlan]:
    """Webhook calls for an event: one for each webhook that wants events of its kind."""
    return [
        DeliveryPlan(
            new_row(
                f"event:{event.id}:{place.id}", NoticeKind.EVENT, Channel.WEBHOOK, now, destination_id=place.id,
                request_id=event.request_id, event_id=event.id, address=place.shown, subject=event.kind,
            )
        )
        for place in places
        if place.channel == Channel.WEBHOOK.value and (not place.topics or event.kind in place.topics)
        # A webhook is sent what it missed from the events themselves, for the time that an admin chooses.
        and place.disabled_at is None
    ]  # fmt: skip


def callback_plans(session: Session, events: Sequence[Event], now: datetime) -> list[DeliveryPlan]:
    """Callbacks to agents whose requests are settled by these events, if they want one."""
    settled = {
        event.request_id: event for event in events if event.kind == EventKind.REQUEST_RESOLVED.value
    }  # fmt: skip
    if not settled:
        return []
    query = select(CallbackRow.request_id, CallbackRow.shown).where(among(CallbackRow.request_id, settled))
    return [
        DeliveryPlan(
            new_row(
                f"callback:{settled[request_id].id}", NoticeKind.CALLBACK, Channel.WEBHOOK, now, request_id=request_id,
                event_id=settled[request_id].id, address=shown, subject="approval.settled",
            )
        )
        for request_id, shown in session.execute(query)
    ]  # fmt: skip


def place_plans(
    session: Session, places: Sequence[Destination], event: Event, request: ApprovalRequest, kind: NoticeKind,
    marker: str, now: datetime,
) -> list[DeliveryPlan]:  # fmt: skip
    """Notifications to team channels and other destinations about a request."""
    missed = {"state": DeliveryState.SUPPRESSED.value, "reason": DISABLED}
    return [
        DeliveryPlan(
            new_row(
                f"{request.id}:{kind.value}:{marker}:{place.id}", kind, Channel(place.channel), now,
                destination_id=place.id, request_id=request.id, event_id=event.id, address=place.shown,
                digest=request.digest if kind.asks else "", **(missed if place.disabled_at else {}),
            ),
            job=place.disabled_at is None,
        )
        for place in places
        if _wants(place, request, kind) and _concerns(session, place, request, kind)
    ]  # fmt: skip


def _wants(place: Destination, request: ApprovalRequest, kind: NoticeKind) -> bool:
    if place.channel == Channel.WEBHOOK.value:
        return False
    chosen = place.topics or [notice.value for notice in NOTICES]
    return kind.value in chosen and RiskLevel(request.risk).rank >= RiskLevel(place.least_risk).rank


def _concerns(session: Session, place: Destination, request: ApprovalRequest, kind: NoticeKind) -> bool:
    """True if the team's approval is required; for later notifications, if it was."""
    if not place.team_slug:
        return True
    team = f"{TEAM}{place.team_slug}"
    if kind is NoticeKind.ESCALATED and request.escalated_to:
        return team in request.escalated_to
    if kind.asks:
        return team in request.addressed_to
    query = select(Delivery.id).where(
        Delivery.destination_id == place.id, Delivery.request_id == request.id, Delivery.digest != "",
        Delivery.state.in_([DeliveryState.SENT.value, DeliveryState.PENDING.value]),
    )  # fmt: skip
    return session.scalar(query.limit(1)) is not None
