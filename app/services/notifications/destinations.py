"""Destinations: adding, changing, enabling, disabling, and replaying; and handling those that do not answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from app.domain.destinations import BOTH_SECRETS, DestinationTerms, hold_after, is_secret, new_secret
from app.domain.errors import ConflictError, InvalidInputError, NotFoundError
from app.domain.notices import KEPT_TRYING, Channel, DeliveryState, Later, NoticeKind, Refused, Result, Sent
from app.domain.people import SYSTEM, Action, Actor, Role
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write
from app.services.notifications.destination_plans import DISABLED, webhook_plans
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.vault.ring import SealError
from app.services.vault.values import Vault
from app.store.batch import execute
from app.store.engine import Sessions
from app.store.jobs import DEFER, deliver_job
from app.store.notify import Delivery, Destination
from app.store.people import Person, Team
from app.store.record import Event

MOST_REPLAYED = 10_000
"""How many events one replay can contain."""
REPLAY_BACK = timedelta(days=30)
_MARGIN = timedelta(hours=1)
_LISTED = Destination.removed_at.is_(None)
_UNDO = (DeliveryState.FAILED.value, DeliveryState.SUPPRESSED.value)
_AGAIN = f"""
    with again as (
        update deliveries set state = 'pending', reason = 'Sent again manually.', attempts = 0, due_at = %(now)s,
            first_due_at = %(now)s
        where id = any(%(ids)s) and state in ('failed', 'suppressed') returning id)
    select array(select id from again) as ids, {
    DEFER.format(where="where each.args ->> 'delivery' in (select id from again)")
} as deferred"""


@dataclass(frozen=True)
class DestinationView:
    """A destination as admins see it, without its secrets.

    Attributes:
        last_day: how many deliveries of the last day are in each state.
    """

    row: Destination
    last_day: dict[DeliveryState, int]


class Destinations:
    """Manages destinations.

    Args:
        vault: seals addresses and secrets.
    """

    def __init__(self, sessions: Sessions, clock: Clock, vault: Vault) -> None:
        self._sessions = sessions
        self._clock = clock
        self._vault = vault

    # For admins

    def add(self, actor: Actor, terms: DestinationTerms, shown: str, secret: str = "") -> tuple[Destination, str]:
        """Add a destination. Its address has been validated; `shown` is the part of it that people see.

        Args:
            secret: signs a webhook's calls; empty: a new one.

        Returns:
            The destination, and a webhook's secret, which is shown only once.

        Raises:
            ForbiddenError, InvalidInputError.
        """
        actor.require(Action.MANAGE_DESTINATIONS)
        if secret and (terms.channel is not Channel.WEBHOOK or not is_secret(secret)):
            wrong = "Enter whsec_ followed by 24 to 64 bytes in base64, or leave it empty."
            raise InvalidInputError("This destination is not valid.", {"secret": wrong})
        if terms.channel is Channel.WEBHOOK:
            secret = secret or new_secret()
        now = self._clock()
        place_id = uuid.uuid4().hex
        row = Destination(
            id=place_id, channel=terms.channel.value, created_at=now, made_by_name=actor.name,
            secret=self._vault.seal(secret, f"secret of destination {place_id}"),
            former_secret="", failures=0, disabled_reason="",
        )  # fmt: skip
        with self._sessions.begin() as session:
            self._put(session, row, terms, shown)
            session.add(row)
            session.flush()
            record(session, actor, "destination.added", now, **_details(row))
        return self._row(row.id), secret

    def change(self, actor: Actor, destination_id: str, terms: DestinationTerms, shown: str) -> Destination:
        """Change what is sent, and where. Raises ForbiddenError, NotFoundError, InvalidInputError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        with self._sessions.begin() as session:
            row = self._locked(session, destination_id)
            if row.channel != terms.channel.value:
                complaint = {"channel": "The channel of a destination cannot be changed."}
                raise InvalidInputError("This destination is not valid.", complaint)
            self._put(session, row, terms, shown)
            row.failures, row.hold_until = 0, None
            record(session, actor, "destination.changed", self._clock(), **_details(row))
        return self._row(destination_id)

    def address_of(self, actor: Actor, destination_id: str) -> str:
        """The address, for a change that keeps it. Raises ForbiddenError, NotFoundError, InvalidInputError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        try:
            return self._vault.open(self._row(destination_id).address, f"address of destination {destination_id}")
        except SealError as error:
            complaint = {"address": f"Enter it again. {error}"}
            raise InvalidInputError("This destination is not valid.", complaint) from None

    def every(self, actor: Actor) -> list[DestinationView]:
        """All destinations, oldest first. Raises ForbiddenError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        query = select(Destination).where(_LISTED)
        with self._sessions.reads() as session:
            rows = list(session.scalars(query.order_by(Destination.created_at, Destination.id)))
        return self._views(rows)

    def export(self, actor: Actor, form: ExportFormat) -> Iterator[str]:
        """All destinations as pieces of a file, oldest first, without their secrets. Raises ForbiddenError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        row = Destination
        query = select(
            row.id, row.name, row.channel, row.shown.label("address"), row.topics, row.least_risk,
            row.team_slug.label("team"), row.failures, row.disabled_at, row.disabled_reason,
            row.made_by_name.label("added_by"), row.created_at,
        ).where(_LISTED)  # fmt: skip
        listed = ListExport("destinations", query, (row.created_at, row.id), newest_first=False)
        return exported(self._sessions, self._clock, actor, listed, form, {})

    def get(self, actor: Actor, destination_id: str) -> DestinationView:
        """One destination. Raises ForbiddenError, NotFoundError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        return self._views([self._row(destination_id)])[0]

    def rotate(self, actor: Actor, destination_id: str) -> str:
        """Give a webhook a new secret; for a day the old one signs as well. Raises as `change`, and ConflictError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        secret, now = new_secret(), self._clock()
        with self._sessions.begin() as session:
            row = self._locked(session, destination_id)
            if row.channel != Channel.WEBHOOK.value:
                raise ConflictError("Only webhooks have secrets.")
            row.former_secret, row.former_until = row.secret, now + BOTH_SECRETS
            row.secret = self._vault.seal(secret, f"secret of destination {row.id}")
            record(session, actor, "destination.secret_rotated", now, **_details(row))
        return secret

    def switch(self, actor: Actor, destination_id: str, on: bool) -> int:
        """Enable or disable it. Raises ForbiddenError, NotFoundError.

        Returns:
            How many notifications are sent now that it missed. A webhook gets them by `replay`.
        """
        actor.require(Action.MANAGE_DESTINATIONS)
        now, missed = self._clock(), list[str]()
        with self._sessions.begin() as session:
            row = self._locked(session, destination_id)
            if on == (row.disabled_at is None):
                return 0
            if row.disabled_at is not None and row.channel != Channel.WEBHOOK.value:
                missed = list(session.scalars(_missed(row, row.disabled_at - KEPT_TRYING - _MARGIN)))[::-1]
            row.disabled_at, row.disabled_reason = (None, "") if on else (now, f"Disabled by {actor.name}.")
            row.failures, row.hold_until = 0, None
            session.flush()
            session.connection().exec_driver_sql(_AGAIN, _again(missed, now))
            record(session, actor, "destination.enabled" if on else "destination.disabled", now, **_details(row))
        return len(missed)

    def remove(self, actor: Actor, destination_id: str) -> None:
        """Delete it with its address and secrets. Raises ForbiddenError, NotFoundError."""
        actor.require(Action.MANAGE_DESTINATIONS)
        now = self._clock()
        with self._sessions.begin() as session:
            row = self._locked(session, destination_id)
            row.removed_at, row.address, row.secret, row.former_secret = now, "", "", ""
            record(session, actor, "destination.removed", now, **_details(row))

    def test(self, actor: Actor, destination_id: str) -> str:
        """Send a test; gives its delivery's id. Raises ForbiddenError, NotFoundError, ConflictError: it is disabled."""
        actor.require(Action.MANAGE_DESTINATIONS)
        row, now = self._row(destination_id), self._clock()
        if row.disabled_at is not None:
            raise ConflictError("It is disabled.")
        made = new_row(
            f"test:{uuid.uuid4().hex}", NoticeKind.TEST, Channel(row.channel), now, destination_id=row.id,
            address=row.shown, subject="test",
        )  # fmt: skip
        with self._sessions.begin() as session:
            # A test is wanted now.
            session.execute(update(Destination).where(Destination.id == row.id).values(hold_until=None))
            record(session, actor, "destination.tested", now, **_details(row))
        return write(self._sessions, [DeliveryPlan(made)])[0]

    def replay(self, actor: Actor, destination_id: str, since: datetime) -> int:
        """Send a webhook the events it missed since then: failed deliveries, and those from when it was disabled or did
        not exist. Returns how many.

        Raises:
            ForbiddenError, NotFoundError.
            ConflictError: it is not a webhook, or is disabled.
            InvalidInputError: that is too long ago, or too many events.
        """
        actor.require(Action.MANAGE_DESTINATIONS)
        row, now = self._row(destination_id), self._clock()
        if row.channel != Channel.WEBHOOK.value or row.disabled_at is not None:
            raise ConflictError("Only enabled webhooks can receive events again.")
        if not now - REPLAY_BACK <= since <= now:
            raise InvalidInputError("This cannot be sent again.", {"since": "Choose a time within the last 30 days."})
        with self._sessions.reads() as session:
            events = list(session.scalars(_events(row, since).limit(MOST_REPLAYED + 1)))
            undone = list(session.scalars(_undone(row, since)))
        if len(events) > MOST_REPLAYED:
            words = f"That is more than {MOST_REPLAYED:,} events; choose a later time."
            raise InvalidInputError("This cannot be sent again.", {"since": words})
        count = len(write(self._sessions, [plan for event in events for plan in webhook_plans([row], event, now)]))
        count += len(execute(self._sessions, _AGAIN, _again(undone, now))["ids"])
        with self._sessions.begin() as session:
            record(session, actor, "destination.replayed", now, since=since.isoformat(), number=count, **_details(row))
        return count

    # For workers

    def note(self, delivery: Delivery, result: Result, state: DeliveryState) -> None:
        """Apply the result to the destination: it works, is put on hold for a while, or is disabled because it no
        longer accepts notifications or has not answered for a day."""
        place_id, now = delivery.destination_id or "", self._clock()
        if isinstance(result, Sent):
            working = update(Destination).where(Destination.id == place_id, Destination.failures > 0)
            with self._sessions.begin() as session:
                session.execute(working.values(failures=0, hold_until=None))
            return
        with self._sessions.begin() as session:
            place = session.get(Destination, place_id, with_for_update=True)
            if place is None or place.removed_at is not None:
                return  # deleted while the delivery was being sent
            if isinstance(result, Later):
                place.failures += 1
                place.hold_until = hold_after(place.failures, now, result.after)
        # A refusal may be about this one message; only `gone` is about the destination.
        dead = result.gone if isinstance(result, Refused) else self._silent(delivery)
        if state is DeliveryState.FAILED and dead:
            self._disable(place_id, _why(result), now)

    def _silent(self, delivery: Delivery) -> bool:
        """True if no delivery to the destination has succeeded since this one was first attempted."""
        since = select(Delivery.id).where(
            Delivery.destination_id == delivery.destination_id, Delivery.state == DeliveryState.SENT.value,
            Delivery.sent_at >= delivery.first_due_at,
        )  # fmt: skip
        with self._sessions.reads() as session:
            return session.scalar(since.limit(1)) is None

    def _disable(self, place_id: str, reason: str, now: datetime) -> None:
        plans: list[DeliveryPlan] = []
        with self._sessions.begin() as session:
            row = session.get_one(Destination, place_id, with_for_update=True)
            if row.disabled_at is not None or row.removed_at is not None:
                return
            row.disabled_at, row.disabled_reason = now, reason
            record(session, SYSTEM, "destination.disabled", now, reason=reason, **_details(row))
            for admin in session.scalars(select(Person).where(Person.active)):
                if Role.ADMIN.value not in admin.roles:
                    continue
                key = f"disabled:{row.id}:{now.isoformat()}:{admin.id}"
                to = {"person_id": admin.id, "address": admin.email}
                plans.append(DeliveryPlan(new_row(key, NoticeKind.DISABLED, Channel.MAIL, now, **to)))
        write(self._sessions, plans)

    # Shared

    def _put(self, session: Session, row: Destination, terms: DestinationTerms, shown: str) -> None:
        if terms.team_slug and session.get(Team, terms.team_slug) is None:
            raise InvalidInputError("This destination is not valid.", {"team_slug": "There is no such team."})
        row.name, row.shown = terms.name, shown
        row.address = self._vault.seal(terms.address, f"address of destination {row.id}")
        row.topics, row.least_risk, row.team_slug = list(terms.topics), terms.least_risk.value, terms.team_slug or None

    def _row(self, destination_id: str) -> Destination:
        with self._sessions.reads() as session:
            row = session.get(Destination, destination_id) if is_storable(destination_id) else None
        if row is None or row.removed_at is not None:
            raise NotFoundError("There is no such destination.")
        return row

    def _locked(self, session: Session, destination_id: str) -> Destination:
        query = select(Destination).where(Destination.id == destination_id, Destination.removed_at.is_(None))
        row = session.scalar(query.with_for_update()) if is_storable(destination_id) else None
        if row is None:
            raise NotFoundError("There is no such destination.")
        return row

    def _views(self, rows: Sequence[Destination]) -> list[DestinationView]:
        query = (
            select(Delivery.destination_id, Delivery.state, func.count())
            .where(
                Delivery.destination_id.in_([row.id for row in rows]),
                Delivery.created_at > self._clock() - timedelta(days=1),
            )
            .group_by(Delivery.destination_id, Delivery.state)
        )
        found: dict[str, dict[DeliveryState, int]] = {}
        with self._sessions.reads() as session:
            for place_id, state, number in session.execute(query):
                found.setdefault(str(place_id), {})[DeliveryState(state)] = number
        return [DestinationView(row, found.get(row.id, {})) for row in rows]


def _events(row: Destination, since: datetime) -> Any:
    query = select(Event).where(Event.at >= since)
    if row.topics:
        query = query.where(Event.kind.in_(row.topics))
    return query.order_by(Event.id)


def _undone(row: Destination, since: datetime) -> Any:
    """Deliveries that did not reach the webhook."""
    return (
        select(Delivery.id)
        .where(Delivery.destination_id == row.id, Delivery.created_at >= since, Delivery.state.in_(_UNDO))
        .order_by(Delivery.created_at, Delivery.id)
        .limit(MOST_REPLAYED)
    )


def _missed(row: Destination, since: datetime) -> Any:
    """Deliveries that failed or were not attempted because the destination did not work or was disabled."""
    missed = or_(
        Delivery.state == DeliveryState.FAILED.value,
        (Delivery.state == DeliveryState.SUPPRESSED.value) & (Delivery.reason == DISABLED),
    )
    return (
        select(Delivery.id)
        .where(
            Delivery.destination_id == row.id, Delivery.created_at >= since, missed,
            Delivery.kind != NoticeKind.TEST.value,
        )
        .order_by(Delivery.created_at.desc(), Delivery.id.desc())
        .limit(MOST_REPLAYED)
    )  # fmt: skip


def _again(ids: Sequence[str], now: datetime) -> dict[str, Any]:
    return {"ids": list(ids), "jobs": json.dumps([deliver_job(delivery) for delivery in ids]), "now": now}


def _why(result: Result) -> str:
    reason = result.reason if isinstance(result, Later | Refused) else ""
    if isinstance(result, Refused) and result.gone:
        return f"The destination no longer accepts notifications: {reason}"
    return f"No delivery succeeded for a day. Last error: {reason}"


def _details(row: Destination) -> dict[str, Any]:
    """The destination's details for the audit log."""
    return {
        "destination": row.name, "channel": row.channel, "address": row.shown, "topics": list(row.topics),
        "least_risk": row.least_risk, "team": row.team_slug or "", "destination_id": row.id,
    }  # fmt: skip
