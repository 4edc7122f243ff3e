"""Messages to destinations, composed for each attempt from the current state."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.domain.lifecycle import RequestState
from app.domain.notices import KEPT_TRYING, Channel, Notice, NoticeKind, Receiver, WebhookCall
from app.domain.people import SYSTEM
from app.domain.policy.terms import Terms
from app.services.clock import Clock
from app.services.notifications.destination_plans import DISABLED
from app.services.notifications.excerpts import excerpt_of
from app.services.notifications.messages import ComposedNotice, NoticeComposer
from app.services.reading.brief import Brief, brief_of
from app.services.requests.entitlement import HARMLESS, fitting_verdicts
from app.services.vault.ring import SealError
from app.services.vault.values import Vault
from app.store.engine import Sessions
from app.store.notify import Delivery, Destination
from app.store.record import Event
from app.store.requests import ApprovalRequest
from assent.masking import mask_text

_HEADLINES = {
    NoticeKind.ASKED: "A decision is needed",
    NoticeKind.ESCALATED: "This has been escalated",
    NoticeKind.EXPIRING: "The deadline is approaching",
}
_UTC = ZoneInfo("UTC")
TEST_TOPIC = "test"
_SPREAD_SECONDS = 5.0
"""Deliveries that waited for a destination resume within this time, not all at once."""


class DestinationComposer:
    """Composes messages to destinations.

    Args:
        composer: composes the texts.
        public_url: the portal's URL for people, without a trailing slash.
        vault: opens addresses and secrets.
    """

    def __init__(
        self, sessions: Sessions, clock: Clock, composer: NoticeComposer, public_url: str, vault: Vault
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._words = composer
        self._url = public_url
        self._vault = vault

    def compose(self, delivery: Delivery) -> ComposedNotice:
        """The current message, if it still matters and the destination is not on hold."""
        with self._sessions.reads() as session:
            place = session.get(Destination, delivery.destination_id)
            if place is None or place.removed_at is not None:
                return ComposedNotice(None, "The destination was removed.")
            if place.disabled_at is not None:
                return ComposedNotice(None, DISABLED)
            now = self._clock()
            if place.hold_until is not None and place.hold_until > now and now - delivery.first_due_at < KEPT_TRYING:
                spread = timedelta(seconds=random.random() * _SPREAD_SECONDS)  # noqa: S311
                return ComposedNotice(None, "Waiting for the next attempt.", later=place.hold_until + spread)
            try:
                address = self._vault.open(place.address, f"address of destination {place.id}")
                if delivery.channel == Channel.WEBHOOK.value:
                    return ComposedNotice(self._call(session, delivery, place, address))
            except SealError as error:
                return ComposedNotice(None, f"Its address or secret cannot be read: {error} Enter them again.")
            return self._notice(session, delivery, place, address)

    def rewritten(self, delivery: Delivery) -> Notice | None:
        """The current content of a message that was sent; None: it stays as it is."""
        with self._sessions.reads() as session:
            place = session.get(Destination, delivery.destination_id)
            request = session.get(ApprovalRequest, delivery.request_id)
            if place is None or request is None or place.removed_at is not None:
                return None
            view = brief_of(session, request, SYSTEM, self._clock())
        kind = NoticeKind(delivery.kind)
        if view.state is not RequestState.PENDING:
            headline, said = self._words.headline(view, NoticeKind.SETTLED, SYSTEM)
        elif request.digest != delivery.digest:
            headline, said = "The proposal has changed since this message", ""
        else:
            headline, said = _HEADLINES.get(kind, "A decision is needed"), ""
        return self._about(delivery, place, "", view, headline, said)

    def _notice(self, session: Session, delivery: Delivery, place: Destination, address: str) -> ComposedNotice:
        kind = NoticeKind(delivery.kind)
        if kind is NoticeKind.TEST:
            return ComposedNotice(self._test(delivery, place, address))
        request = session.get(ApprovalRequest, delivery.request_id)
        if request is None:
            return ComposedNotice(None, "The request no longer exists.")
        view = brief_of(session, request, SYSTEM, self._clock())
        if kind.asks and view.state is not RequestState.PENDING:
            return ComposedNotice(None, f"The request is now {view.state.words}.")
        if kind.asks and request.digest != delivery.digest:
            return ComposedNotice(None, "The proposal has changed.")
        headline, said = (_HEADLINES[kind], "") if kind.asks else self._words.headline(view, kind, SYSTEM)
        return ComposedNotice(self._about(delivery, place, address, view, headline, said))

    def _about(
        self, delivery: Delivery, place: Destination, address: str, view: Brief, headline: str, said: str
    ) -> Notice:
        terms, kind = Terms.from_json(view.request.terms), NoticeKind(delivery.kind)
        asks = kind.asks and view.state is RequestState.PENDING
        # Pressing a button leads to the same checks of the person as deciding on the page.
        again = terms.reauthenticate_seconds is not None
        offered = [verdict for verdict in fitting_verdicts(view.request, terms) if verdict in HARMLESS or not again]
        return Notice(
            id=delivery.id, kind=kind, to=self._receiver(delivery, place, address), at=delivery.created_at,
            headline=headline, said=mask_text(said), settings_url=f"{self._url}/destinations/{place.id}",
            heart=excerpt_of(view), page_url=f"{self._url}/requests/{view.request.id}", sign_in_first=asks and again,
            digest=view.request.digest, verdicts=tuple(offered) if asks else (),
            reason_for=frozenset(terms.reason_required), version=view.request.version,
        )  # fmt: skip

    def _test(self, delivery: Delivery, place: Destination, address: str) -> Notice:
        return Notice(
            id=delivery.id, kind=NoticeKind.TEST, to=self._receiver(delivery, place, address), at=delivery.created_at,
            headline="This is a test", said=f"Assent reaches “{place.name}”.",
            settings_url=f"{self._url}/destinations/{place.id}", page_url=f"{self._url}/queue",
        )  # fmt: skip

    def _receiver(self, delivery: Delivery, place: Destination, address: str) -> Receiver:
        slack = delivery.channel == Channel.SLACK.value
        return Receiver(place.name, "" if slack else address, _UTC, address if slack else "")

    def _call(self, session: Session, delivery: Delivery, place: Destination, url: str) -> WebhookCall:
        keys = [place.secret]
        if place.former_until is not None and place.former_until > self._clock():
            keys.append(place.former_secret)
        topic, at, data = TEST_TOPIC, delivery.created_at, dict[str, Any](said="This is a test.")
        event = session.get(Event, delivery.event_id) if delivery.event_id else None
        if event is not None:
            topic, at, data = event.kind, event.at, self._facts(session, event)
        body = {"type": topic, "timestamp": at.isoformat(), "data": data}
        return WebhookCall(
            delivery.id, topic, url, tuple(self._vault.open(key, f"secret of destination {place.id}") for key in keys),
            json_bytes(body),
        )  # fmt: skip

    def _facts(self, session: Session, event: Event) -> dict[str, Any]:
        """Ids, short labels, and URLs, never a payload: recipients with access fetch that themselves."""
        labels = {name: mask_text(value) if isinstance(value, str) else value for name, value in event.payload.items()}
        data: dict[str, Any] = {"event_id": event.id, **labels}
        if event.run_id:
            data |= {"run_id": event.run_id, "run_url": f"{self._url}/runs/{event.run_id}"}
        request = session.get(ApprovalRequest, event.request_id) if event.request_id else None
        if request is not None:
            data["request"] = {
                "id": request.id, "title": mask_text(request.title), "kind": request.kind, "risk": request.risk,
                "state": request.state, "environment": request.environment, "source": request.agent or request.workflow,
                "expires_at": request.expires_at.isoformat(), "url": f"{self._url}/requests/{request.id}",
            }  # fmt: skip
        return data


def json_bytes(body: Mapping[str, Any]) -> bytes:
    """JSON as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
