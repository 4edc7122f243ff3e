"""Decision links in emails: what a link is for, and its state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import select

from app.domain.errors import AssentError
from app.domain.links import delivery_of, genuine
from app.domain.people import Actor, Via
from app.services.clock import Clock
from app.services.notifications.messages import bound_of
from app.services.reading.pages import RequestView, Views
from app.store.engine import Sessions
from app.store.notify import Delivery
from app.store.people import Person
from app.store.requests import Decision


class LinkState(StrEnum):
    """The state of a link."""

    USABLE = "usable"
    UNKNOWN = "unknown"
    ANOTHERS = "anothers"
    EXPIRED = "expired"
    INACTIVE = "inactive"
    USED = "used"
    SUPERSEDED = "superseded"
    DECIDED = "decided"
    NOT_ASKED = "not_asked"
    NOT_SENT = "not_sent"


@dataclass(frozen=True)
class OpenedLink:
    """A link that someone opened.

    Attributes:
        request_id: only if the person who opened it may know of the request, or has to sign in.
        actor: the link's owner; None unless they may be shown the request.
        view: the request as they may see it; None if nothing of it may be shown.
    """

    state: LinkState
    request_id: str = ""
    actor: Actor | None = None
    view: RequestView | None = None


class Links:
    """Opens links. Opening one never changes anything.

    Args:
        demo: links work even though the email was kept instead of sent.
    """

    def __init__(self, sessions: Sessions, clock: Clock, demo: bool = False) -> None:
        self._sessions = sessions
        self._clock = clock
        self._demo = demo
        self._views = Views(sessions, clock)

    def open(self, secret_key: str, token: str, source: str, visitor: Actor | None) -> OpenedLink:
        """What the link can be used for now.

        Args:
            source: network address of the person who opens it.
            visitor: the person signed in there, if any.
        """
        delivery_id = delivery_of(token)
        with self._sessions.reads() as session:
            delivery = session.get(Delivery, delivery_id) if delivery_id else None
            person = session.get(Person, delivery.person_id) if delivery else None
        if delivery is None or person is None or not genuine(secret_key, token, bound_of(delivery)):
            return OpenedLink(LinkState.UNKNOWN)
        if visitor is not None and visitor.id != person.id:
            return OpenedLink(LinkState.ANOTHERS)
        if delivery.kept and not self._demo:
            # The recipient never received it, so it was copied from the outbox.
            return OpenedLink(LinkState.NOT_SENT)
        if delivery.link_expires_at is None or delivery.link_expires_at <= self._clock():
            return OpenedLink(LinkState.EXPIRED, delivery.request_id or "")
        if not person.active:
            return OpenedLink(LinkState.INACTIVE)
        actor = visitor_as(visitor, person, source)
        try:
            view = self._views.request(delivery.request_id or "", actor)
        except AssentError:
            return OpenedLink(LinkState.INACTIVE)
        return OpenedLink(self._state(delivery, view), view.request.id, actor, view)

    def _state(self, delivery: Delivery, view: RequestView) -> LinkState:
        used = select(Decision.id).where(
            Decision.request_id == delivery.request_id, Decision.person_id == delivery.person_id,
            Decision.seen_digest == delivery.digest, Decision.at >= delivery.created_at,
        )  # fmt: skip
        with self._sessions.reads() as session:
            # Also for a withdrawn decision: a link is good for one decision.
            if session.scalar(used.limit(1)) is not None:
                return LinkState.USED
        if view.request.state != "pending":
            return LinkState.DECIDED
        if view.request.digest != delivery.digest:
            return LinkState.SUPERSEDED
        return LinkState.USABLE if view.verdicts else LinkState.NOT_ASKED


def visitor_as(visitor: Actor | None, person: Person, source: str) -> Actor:
    """The link's owner as the actor. If they are signed in as well, with what the sign-in proves and who created its
    link."""
    actor = person.as_actor(Via.MAIL, source)
    if visitor is None or visitor.authenticated_at is None:
        return actor
    return replace(actor, authenticated_at=visitor.authenticated_at, makers=visitor.makers)
