"""A request's notifications, as lines of its timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.notices import DeliveryState, NoticeKind
from app.store.notify import RECIPIENT_NAME, Delivery, Destination
from app.store.people import Person


@dataclass(frozen=True)
class NotificationLine:
    """Deliveries about a request with the same kind, channel, and state, at about the same time."""

    at: datetime
    kind: NoticeKind
    channel: str
    state: DeliveryState
    names: tuple[str, ...]
    kept: bool


def notification_lines(session: Session, request_id: str, limit: int = 500) -> list[NotificationLine]:
    """Who was notified of a request, or could not be; without people who turned it off, and programs."""
    query = (
        select(
            Delivery.event_id,
            Delivery.kind,
            Delivery.channel,
            Delivery.state,
            RECIPIENT_NAME.label("name"),
            func.coalesce(Delivery.sent_at, Delivery.created_at).label("at"),
            Delivery.html.is_not(None).label("kept"),
        )
        .outerjoin(Person, Person.id == Delivery.person_id)
        .outerjoin(Destination, Destination.id == Delivery.destination_id)
        .where(
            Delivery.request_id == request_id,
            Delivery.state != DeliveryState.SUPPRESSED.value,
            Delivery.kind.not_in([NoticeKind.EVENT.value, NoticeKind.CALLBACK.value]),
        )
        .order_by(Delivery.created_at, RECIPIENT_NAME)
        .limit(limit)
    )
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in session.execute(query):
        groups.setdefault((row.event_id, row.kind, row.channel, row.state), []).append(row)
    return [
        NotificationLine(
            min(row.at for row in rows), NoticeKind(kind), channel, DeliveryState(state),
            tuple(row.name for row in rows), any(row.kept for row in rows),
        )
        for (_event, kind, channel, state), rows in groups.items()
    ]  # fmt: skip
