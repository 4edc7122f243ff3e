"""Notices, composed for each attempt from the current state and what the recipient may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from app.domain.errors import AssentError
from app.domain.lifecycle import RequestState
from app.domain.links import Bound, sign
from app.domain.notices import WAITING, Channel, DeliveryState, Line, Notice, NoticeKind, Receiver, WebhookCall
from app.domain.people import Actor, Via
from app.domain.policy.terms import Terms
from app.domain.policy.words import listing
from app.domain.text import plural
from app.services.clock import Clock
from app.services.notifications.account_notices import to_confirm
from app.services.notifications.browsers import Browsers
from app.services.notifications.channel_trouble import unsent
from app.services.notifications.excerpts import excerpt_of
from app.services.notifications.planner import zone_for
from app.services.notifications.sign_in_mail import ready_link
from app.services.reading.brief import Brief, brief_of
from app.services.requests.entitlement import HARMLESS
from app.services.requests.votes import decider
from app.services.vault.values import Vault
from app.store.engine import Sessions
from app.store.notify import Delivery, Destination, SlackPerson
from app.store.objects import read_object, read_person
from app.store.people import Person
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, ReceiptRow
from assent.contracts import Verdict
from assent.masking import mask_text

MOST_LINES = 100
"""How many requests a roundup lists; it only counts the rest."""
_RECEIPTS = {
    "applied": "The run did what was approved.",
    "partly_applied": "The run did part of what was approved.",
    "not_applied": "The run did nothing.",
    "failed": "The run failed after the decision.",
}
_REFUSED = {
    Channel.MAIL: "The mail server refuses the emails of Assent",
    Channel.SLACK: "Slack refuses the messages of Assent",
}
SHORTAGE_HELP = "Add people to the team, or give them the role reviewer; the request then goes on by itself."
"""What an administrator can do where too few people can decide."""
_TOLD = {
    NoticeKind.ASKED: "Your decision is needed",
    NoticeKind.ASSIGNED: "This is assigned to you",
    NoticeKind.ESCALATED: "This has been escalated",
    NoticeKind.EXPIRING: "The deadline is approaching",
}


@dataclass(frozen=True)
class NeedlessNotice:
    """A notice that is no longer needed, and why."""

    reason: str


@dataclass(frozen=True)
class ComposedNotice:
    """A composed message.

    Attributes:
        notice: None if it is not needed, for `reason`.
        included: for a roundup, the deliveries it contains.
        dropped: for a roundup, the deliveries that are no longer needed, with the reasons.
        later: do not attempt it before this time, for `reason`.
    """

    notice: Notice | WebhookCall | None
    reason: str = ""
    included: tuple[str, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    later: datetime | None = None


@dataclass
class _Updates:
    """What a roundup says of one request: each thing once."""

    view: Brief
    headlines: dict[str, str] = field(default_factory=dict)

    def line(self, portal_url: str) -> Line:
        """Its line."""
        request = self.view.request
        return Line(
            ". ".join(dict.fromkeys(self.headlines.values())), mask_text(request.title), request.risk,
            self.view.assessment.is_clear(request.kind), f"{portal_url}/requests/{request.id}",
        )  # fmt: skip


class NoticeComposer:
    """Composes notices.

    Args:
        public_url: the portal's URL for people, without a trailing slash.
        secret_key: signs the links.
        vault: opens the addresses of browsers.
    """

    def __init__(self, sessions: Sessions, clock: Clock, public_url: str, secret_key: str, vault: Vault) -> None:
        self._sessions = sessions
        self._clock = clock
        self._url = public_url
        self._secret_key = secret_key
        self._browsers = Browsers(sessions, clock, vault)

    def compose(self, delivery: Delivery) -> ComposedNotice:
        """The notice in its current form, if it is still needed."""
        person = read_person(self._sessions, delivery.person_id or "")
        if person is None or not person.active:
            return ComposedNotice(None, "The account is no longer active.")
        if delivery.kind == NoticeKind.DIGEST.value:
            return self._roundup(delivery, person)
        to = self._receiver(person, delivery.channel)
        if delivery.kind == NoticeKind.TEST.value:
            return self._test(delivery, to)
        if delivery.kind == NoticeKind.DISABLED.value:
            return self._disabled(delivery, to)
        if delivery.kind == NoticeKind.CHANNEL_REFUSED.value:
            return self._refused(delivery, to)
        if delivery.kind == NoticeKind.ACCOUNT.value:
            return self._account(delivery, to)
        if delivery.kind == NoticeKind.SIGN_IN.value:
            return self._sign_in(delivery, to)
        if delivery.kind == NoticeKind.SHORTAGE.value:
            return self._shortage(delivery, to)
        view = self._seen(delivery, person.as_actor(Via.MAIL))
        if isinstance(view, NeedlessNotice):
            return ComposedNotice(None, view.reason)
        return ComposedNotice(self._notice(delivery, person, to, view))

    def _disabled(self, delivery: Delivery, to: Receiver) -> ComposedNotice:
        """A destination was disabled; the delivery's key says which (see `destinations`)."""
        with self._sessions.reads() as session:
            place = session.get(Destination, delivery.key.split(":")[1])
        if place is None or place.disabled_at is None or place.removed_at is not None:
            return ComposedNotice(None, "The destination is enabled again, or was removed.")
        notice = Notice(
            id=delivery.id, kind=NoticeKind.DISABLED, to=to,
            at=delivery.created_at, headline=f"The destination “{place.name}” has been disabled",
            said=place.disabled_reason, settings_url=f"{self._url}/profile/notifications",
            page_url=f"{self._url}/destinations/{place.id}",
        )  # fmt: skip
        return ComposedNotice(notice)

    def _refused(self, delivery: Delivery, to: Receiver) -> ComposedNotice:
        """A channel refuses everything; the delivery's key says which (see `channel_trouble`)."""
        channel = Channel(delivery.key.split(":")[1])
        with self._sessions.reads() as session:
            number, reason = unsent(session, self._clock(), channel)
        if not number:
            return ComposedNotice(None, "Nothing is left that was refused.")
        waiting = f"{plural(number, 'message')} {'has' if number == 1 else 'have'} not been sent."
        notice = Notice(
            id=delivery.id, kind=NoticeKind.CHANNEL_REFUSED, to=to, at=delivery.created_at,
            headline=_REFUSED[channel],
            said=f"{reason}\n{waiting} Once the cause is mended, send all of them again under Deliveries.",
            settings_url=f"{self._url}/profile/notifications", page_url=f"{self._url}/deliveries",
        )  # fmt: skip
        return ComposedNotice(notice)

    def _test(self, delivery: Delivery, to: Receiver) -> ComposedNotice:
        notice = Notice(
            id=delivery.id, kind=NoticeKind.TEST, to=to, at=delivery.created_at,
            headline="This is a test notification", settings_url=f"{self._url}/profile/notifications",
        )  # fmt: skip
        return ComposedNotice(notice)

    def _account(self, delivery: Delivery, to: Receiver) -> ComposedNotice:
        """The person has to confirm something that someone else created for them."""
        with self._sessions.reads() as session:
            found = to_confirm(session, delivery, self._clock())
        if found is None:
            return ComposedNotice(None, "It was confirmed, declined, or has ended.")
        notice = Notice(
            id=delivery.id, kind=NoticeKind.ACCOUNT, to=to,
            at=delivery.created_at, headline=found.headline, said=mask_text(found.said),
            settings_url=f"{self._url}/profile/notifications", page_url=f"{self._url}{found.page}",
        )  # fmt: skip
        return ComposedNotice(notice)

    def _sign_in(self, delivery: Delivery, to: Receiver) -> ComposedNotice:
        """The link that the person asked for."""
        until = delivery.link_expires_at
        if until is None or until <= self._clock():
            return ComposedNotice(None, "The link was asked for too long ago.")
        with self._sessions.begin() as session:
            token = ready_link(session, delivery, self._secret_key)
        notice = Notice(
            id=delivery.id, kind=NoticeKind.SIGN_IN, to=to,
            at=delivery.created_at, headline="Your sign-in link", settings_url=f"{self._url}/profile/notifications",
            page_url=f"{self._url}/sign-in/{token}", link_expires_at=until,
        )  # fmt: skip
        return ComposedNotice(notice)

    def _shortage(self, delivery: Delivery, to: Receiver) -> ComposedNotice:
        """Too few people can decide a request."""
        request = read_object(self._sessions, ApprovalRequest, delivery.request_id or "")
        if request is None or request.state != RequestState.PENDING.value or not request.shortage:
            return ComposedNotice(None, "The request is decided, or people can decide it again.")
        said = mask_text(f"“{request.title}”: {request.shortage} {SHORTAGE_HELP}")
        notice = Notice(
            id=delivery.id, kind=NoticeKind.SHORTAGE, to=to, at=delivery.created_at,
            headline="Nobody can decide a request", said=said, settings_url=f"{self._url}/profile/notifications",
            page_url=f"{self._url}/requests/{request.id}",
        )  # fmt: skip
        return ComposedNotice(notice)

    def rewritten(self, delivery: Delivery) -> Notice | None:
        """The current content of a message that was sent; None: it stays as it is, because its recipient is gone."""
        with self._sessions.reads() as session:
            person = session.get(Person, delivery.person_id)
            request = session.get(ApprovalRequest, delivery.request_id)
            if person is None or not person.active or request is None:
                return None
            try:
                view = brief_of(session, request, person.as_actor(Via.SLACK), self._clock())
            except AssentError:
                return None
        return self._notice(delivery, person, self._receiver(person, delivery.channel), view, again=True)

    def _notice(self, delivery: Delivery, person: Person, to: Receiver, view: Brief, again: bool = False) -> Notice:
        """A person's notice about a request; `again`: it replaces an earlier message."""
        kind, actor = NoticeKind(delivery.kind), person.as_actor(Via.MAIL)
        headline, said = self.headline(view, kind, actor)
        if again and kind.asks:
            headline, said = self._by_now(delivery, view, kind, actor)
        asks = kind.asks and view.seat is not None
        if kind is NoticeKind.ESCALATED and asks:
            said = self._why_escalated(view.request.id)
        return Notice(
            id=delivery.id,
            kind=kind,
            to=to,
            at=delivery.created_at,
            headline=headline,
            said=mask_text(said),
            settings_url=f"{self._url}/profile/notifications",
            heart=excerpt_of(view),
            on_behalf_of=behalf_of(view) if asks else "",
            page_url=f"{self._url}/requests/{view.request.id}",
            decide_url=self._decide_url(delivery) if asks and delivery.channel == Channel.MAIL.value else "",
            link_expires_at=delivery.link_expires_at,
            sign_in_first=asks and view.sign_in_first,
            digest=view.request.digest,
            verdicts=_offered(view) if asks else (),
            reason_for=frozenset(Terms.from_json(view.request.terms).reason_required),
            version=view.request.version,
        )

    def _by_now(self, delivery: Delivery, view: Brief, kind: NoticeKind, actor: Actor) -> tuple[str, str]:
        """The headline and comments that replace those of an earlier message."""
        if view.state is not RequestState.PENDING:
            return self.headline(view, NoticeKind.SETTLED, actor)
        if view.seat is None:
            return "You have nothing to decide here now", view.why_not
        changed = "The proposal has changed since this message" if view.request.digest != delivery.digest else ""
        return changed or self.headline(view, kind, actor)[0], ""

    def _seen(self, delivery: Delivery, actor: Actor) -> Brief | NeedlessNotice:
        """The request as the recipient may see it now."""
        kind = NoticeKind(delivery.kind)
        request = read_object(self._sessions, ApprovalRequest, delivery.request_id or "")
        if request is None:
            return NeedlessNotice("The request no longer exists.")
        if kind.asks and request.state != RequestState.PENDING.value:
            return NeedlessNotice(f"The request is now {RequestState(request.state).words}.")
        if kind.asks and request.digest != delivery.digest:
            return NeedlessNotice("The proposal has changed.")
        try:
            with self._sessions.reads() as session:
                view = brief_of(session, request, actor, self._clock())
        except AssentError:
            return NeedlessNotice("The recipient may not see it.")
        if kind.asks and view.seat is None:
            return NeedlessNotice(f"The recipient can no longer decide it: {view.why_not}")
        return view

    def headline(self, view: Brief, kind: NoticeKind, actor: Actor) -> tuple[str, str]:
        """What happened, and the comments on it."""
        if kind.asks:
            behalf = behalf_of(view)
            return f"{_TOLD[kind]}{f', on behalf of {behalf}' if behalf else ''}", ""
        if kind is NoticeKind.RECEIPT:
            receipt = read_object(self._sessions, ReceiptRow, view.request.id)
            if receipt is not None:
                return _RECEIPTS.get(receipt.status, "The run received the outcome.").rstrip("."), receipt.summary
        whose = "What you asked for" if view.request.requester_id == actor.id else "This"
        if not view.decisions or view.request.note:
            return f"{whose} is {view.state.words}", view.request.note
        names = listing(list(dict.fromkeys(decider(decision) for decision in view.decisions)), "and")
        said = "\n".join(f"{decider(decision)}: {decision.comment}" for decision in view.decisions if decision.comment)
        return f"{whose} is {view.state.words}, by {names}", said

    def _why_escalated(self, request_id: str) -> str:
        query = select(AuditEntry.actor_name, AuditEntry.detail).where(
            AuditEntry.request_id == request_id, AuditEntry.action == "request.escalated"
        )
        with self._sessions.reads() as session:
            found = session.execute(query.order_by(AuditEntry.seq.desc()).limit(1)).one_or_none()
        reason = found.detail.get("reason", "") if found else ""
        return f"{found.actor_name}: {reason}" if found and reason else ""

    def _decide_url(self, delivery: Delivery) -> str:
        return f"{self._url}/decide/{sign(self._secret_key, bound_of(delivery))}"

    def _roundup(self, delivery: Delivery, person: Person) -> ComposedNotice:
        actor = person.as_actor(Via.MAIL)
        found: dict[str, _Updates] = {}
        included: list[str] = []
        dropped: dict[str, str] = {}
        for other in self._waiting(delivery):
            view = self._seen(other, actor)
            if isinstance(view, NeedlessNotice):
                dropped[other.id] = view.reason
                continue
            included.append(other.id)
            kind = NoticeKind(other.kind)
            headline, _said = self.headline(view, kind, actor)
            # Of several reminders of one decision, the last one says enough.
            found.setdefault(view.request.id, _Updates(view)).headlines["asks" if kind.asks else headline] = headline
        if not found:
            return ComposedNotice(None, "There is nothing left to send.", dropped=dropped)
        lines = [updates.line(self._url) for updates in list(found.values())[:MOST_LINES]]
        count = len(found)
        notice = Notice(
            id=delivery.id, kind=NoticeKind.DIGEST, to=self._receiver(person, delivery.channel), at=self._clock(),
            headline=f"{count} {'update' if count == 1 else 'updates'} in your notification roundup",
            settings_url=f"{self._url}/profile/notifications", page_url=f"{self._url}/queue", lines=tuple(lines),
            lines_more=count - len(lines),
        )  # fmt: skip
        return ComposedNotice(notice, "", tuple(included), dropped)

    def _receiver(self, person: Person, channel: str) -> Receiver:
        linked = None
        if channel == Channel.SLACK.value:
            with self._sessions.reads() as session:
                linked = session.get(SlackPerson, person.id)
        zone = zone_for(person.time_zone)
        browsers = self._browsers.of(person.id) if channel == Channel.BROWSER.value else ()
        return Receiver(person.name, person.email, zone, linked.slack_user if linked else "", browsers)

    def _waiting(self, roundup: Delivery) -> list[Delivery]:
        """Deliveries for this roundup, oldest first; if it is sent again, also those it could not deliver before."""
        waits = and_(
            Delivery.state.in_([state.value for state in WAITING]), Delivery.in_digest,
            Delivery.due_at <= func.greatest(roundup.first_due_at, roundup.due_at),
        )  # fmt: skip
        left_out = and_(Delivery.digest_id == roundup.id, Delivery.state == DeliveryState.FAILED.value)
        query = select(Delivery).where(
            Delivery.person_id == roundup.person_id, Delivery.channel == roundup.channel, or_(waits, left_out)
        )
        with self._sessions.reads() as session:
            # What is planned together has one time; a request is asked for before anybody is reminded of it.
            reminds = Delivery.kind != NoticeKind.ASKED.value
            return list(session.scalars(query.order_by(Delivery.created_at, reminds, Delivery.id)))


def bound_of(delivery: Delivery) -> Bound:
    """What a delivery's link is bound to."""
    expires_at = delivery.link_expires_at or delivery.created_at
    return Bound(delivery.id, delivery.person_id or "", delivery.request_id or "", delivery.digest, expires_at)


def behalf_of(view: Brief) -> str:
    """The absent person on whose behalf the recipient would decide; empty: themselves."""
    return view.seat.principal.name if view.seat and view.seat.principal else ""


def _offered(view: Brief) -> tuple[Verdict, ...]:
    """What the recipient can decide without signing in."""
    verdicts = view.seat.verdicts if view.seat else ()
    return tuple(verdict for verdict in verdicts if verdict in HARMLESS or not view.sign_in_first)
