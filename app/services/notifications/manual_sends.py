"""Sends a delivery because an admin says so: one that failed, one that waits for its next attempt, or a webhook's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, text, update
from sqlalchemy.orm import Session

from app.domain.errors import ConflictError, NotFoundError
from app.domain.notices import Channel, DeliveryState
from app.domain.people import Actor
from app.domain.text import is_storable
from app.services.record.audit import record
from app.store.jobs import DEFER, HASTEN, HASTEN_ALL, deliver_job
from app.store.notify import Delivery, Destination
from app.store.people import Person
from app.store.requests import ApprovalRequest

REASON = "Sent again manually."
MOST_AT_ONCE = 10_000
"""How many deliveries can be sent again together."""
_DEFER = f"select {DEFER.format(where='')} as deferred"


def can_be_sent(delivery: Delivery) -> bool:
    """True if an admin can send it: it failed, is retried, or is a webhook's that was sent or left out."""
    if delivery.state == DeliveryState.FAILED.value or is_retried(delivery):
        return True
    settled = (DeliveryState.SENT.value, DeliveryState.SUPPRESSED.value)
    return delivery.channel == Channel.WEBHOOK.value and delivery.state in settled


def is_retried(delivery: Delivery) -> bool:
    """True if it waits for another attempt, or for its destination to be tried again."""
    return delivery.state == DeliveryState.PENDING.value and delivery.due_at > delivery.first_due_at


def send_now(session: Session, actor: Actor, delivery_id: str, now: datetime) -> None:
    """Have a delivery sent at once, exactly once however often this is called, with an audit entry.

    Raises:
        NotFoundError: there is no such delivery.
        ConflictError: it cannot be sent now, and why.
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True) if is_storable(delivery_id) else None
    if delivery is None:
        raise NotFoundError("There is no such delivery.")
    if not can_be_sent(delivery):
        words = "Only deliveries that failed or are being retried, and webhook deliveries, can be sent now."
        raise ConflictError(words, state=delivery.state)
    _refuse_unreachable(session, delivery)
    if is_retried(delivery):
        # Its one job is moved up, so that there is never a second one.
        if not session.execute(text(HASTEN), {"delivery": delivery_id, "now": now}).all():
            raise ConflictError("It is being sent at this moment.", state=delivery.state)
        delivery.due_at = now
    else:
        delivery.state, delivery.attempts = DeliveryState.PENDING.value, 0
        delivery.due_at = delivery.first_due_at = now
        values = {"jobs": json.dumps([deliver_job(delivery_id)])}
        session.flush()
        session.connection().exec_driver_sql(_DEFER, values)
    delivery.reason = REASON
    if delivery.destination_id:
        # Deliveries to it may be on hold after a failure; this attempt is wanted now.
        session.execute(update(Destination).where(Destination.id == delivery.destination_id).values(hold_until=None))
    record(
        session, actor, "delivery.repeated", now, request_id=delivery.request_id, delivery=delivery_id,
        to=delivery.address, channel=delivery.channel,
    )  # fmt: skip


def send_all_now(session: Session, actor: Actor, conditions: Sequence[ColumnElement[bool]], now: datetime) -> int:
    """Have the oldest `MOST_AT_ONCE` deliveries sent at once that failed or are retried, with one audit entry.

    Left out are those in a roundup, which is sent again itself, and those whose recipient gets nothing at the moment.

    Returns:
        How many.
    """
    retried = (Delivery.state == DeliveryState.PENDING.value) & (Delivery.due_at > Delivery.first_due_at)
    query = (
        select(Delivery.id, Delivery.state, Delivery.destination_id)
        .outerjoin(Person, Person.id == Delivery.person_id)
        .outerjoin(Destination, Destination.id == Delivery.destination_id)
        .outerjoin(ApprovalRequest, ApprovalRequest.id == Delivery.request_id)
        .where(
            *conditions, or_(Delivery.state == DeliveryState.FAILED.value, retried), Delivery.digest_id.is_(None),
            or_(Person.id.is_(None), Person.active),
            Destination.disabled_at.is_(None), Destination.removed_at.is_(None),
        )
        .order_by(Delivery.created_at, Delivery.id)
        .limit(MOST_AT_ONCE)
        .with_for_update(of=Delivery, skip_locked=True)
    )  # fmt: skip
    found = session.execute(query).all()
    failed = [row.id for row in found if row.state == DeliveryState.FAILED.value]
    waiting = [row.id for row in found if row.state == DeliveryState.PENDING.value]
    moved = list(session.scalars(text(HASTEN_ALL), {"deliveries": waiting, "now": now}))
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(failed))
        .values(state=DeliveryState.PENDING.value, attempts=0, due_at=now, first_due_at=now, reason=REASON)
    )
    session.execute(update(Delivery).where(Delivery.id.in_(moved)).values(due_at=now, reason=REASON))
    places = {row.destination_id for row in found if row.destination_id}
    session.execute(update(Destination).where(Destination.id.in_(places)).values(hold_until=None))
    values = {"jobs": json.dumps([deliver_job(delivery_id) for delivery_id in failed])}
    session.connection().exec_driver_sql(_DEFER, values)
    number = len(failed) + len(moved)
    if number:
        record(session, actor, "delivery.all_repeated", now, number=number)
    return number


def _refuse_unreachable(session: Session, delivery: Delivery) -> None:
    """Raise ConflictError if the recipient gets nothing at the moment."""
    if delivery.destination_id:
        place = session.get_one(Destination, delivery.destination_id)
        if place.removed_at is not None:
            raise ConflictError(f"The destination “{place.name}” was removed.", state=delivery.state)
        if place.disabled_at is not None:
            words = f"The destination “{place.name}” is disabled. {place.disabled_reason} Enable it first."
            raise ConflictError(words, state=delivery.state)
    person = session.get(Person, delivery.person_id) if delivery.person_id else None
    if person is not None and not person.active:
        raise ConflictError(f"The account of {person.name} is not active.", state=delivery.state)
