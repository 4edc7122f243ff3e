"""Notifications outside the pages: their kinds, delivery states, contents, and retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from app.domain.risk import Finding
from assent.contracts import Verdict


class NoticeKind(StrEnum):
    """Why somebody is notified."""

    ASKED = "asked"
    ASSIGNED = "assigned"
    ESCALATED = "escalated"
    EXPIRING = "expiring"
    OUTCOME = "outcome"
    SETTLED = "settled"
    RECEIPT = "receipt"
    DIGEST = "digest"
    DISABLED = "disabled"
    ACCOUNT = "account"
    SIGN_IN = "sign_in"
    EVENT = "event"
    TEST = "test"
    CALLBACK = "callback"
    CHANNEL_REFUSED = "channel_refused"
    SHORTAGE = "shortage"

    @property
    def asks(self) -> bool:
        """True if it asks for a decision, and so is pointless after one."""
        return self in (NoticeKind.ASKED, NoticeKind.ASSIGNED, NoticeKind.ESCALATED, NoticeKind.EXPIRING)


class Channel(StrEnum):
    """How a notification is sent; each channel is a folder in `app/notify/`."""

    MAIL = "mail"
    SLACK = "slack"
    WEBHOOK = "webhook"
    APPRISE = "apprise"
    BROWSER = "browser"

    @property
    def words(self) -> str:
        """The channel in words, as after "by"."""
        return {"mail": "email", "slack": "Slack", "apprise": "Apprise"}.get(self.value, self.value)


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    HELD = "held"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


WAITING = (DeliveryState.PENDING, DeliveryState.HELD)

# Content


@dataclass(frozen=True)
class Browser:
    """A browser that shows a person's notifications, as the Push API identifies it.

    Attributes:
        endpoint: where its push service takes them; a secret.
        p256dh, auth: the keys for which they are encrypted, in base64url.
    """

    id: str
    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True)
class Receiver:
    """The recipient of a notification.

    Attributes:
        zone: the time zone in which times are shown.
        address: email address, or the Apprise URL.
        slack: the linked Slack user, or the channel of a team; empty: the user is found by email address.
        browsers: those that show the person's notifications, for the channel of browsers.
    """

    name: str
    address: str
    zone: ZoneInfo
    slack: str = ""
    browsers: tuple[Browser, ...] = ()


@dataclass(frozen=True)
class Heart:
    """The core of a proposal: enough to know what is decided, short enough for a phone.

    Attributes:
        target: what it would run against; may be empty.
        excerpt: first lines of what would be done.
        more: number of lines that are omitted.
        whole: the title, excerpt, and findings show everything that is decided; False if any of them is shortened.
        findings: the worst ones; `findings_more` are omitted.
        understood: everything that would run has been read; see `app.domain.risk.Assessment`.
        consequence: what happens if nobody decides by `expires_at`, such as ``is rejected``; empty when settled.
        asked: the current approvers, in words.
    """

    request_id: str
    title: str
    summary: str
    risk: str
    score: float
    kind: str
    environment: str
    target: str
    source: str
    requester: str
    excerpt: tuple[str, ...]
    more: int
    findings: tuple[Finding, ...]
    findings_more: int
    understood: bool
    expires_at: datetime
    consequence: str
    asked: str
    whole: bool


@dataclass(frozen=True)
class Line:
    """One line of a roundup; `understood` is as in `Heart`."""

    headline: str
    title: str
    risk: str
    understood: bool
    url: str


@dataclass(frozen=True)
class Notice:
    """The content of one notification to one person on one channel.

    Attributes:
        id: of the delivery; the same for every attempt, so that recipients recognize repetitions.
        headline: what happened, as a sentence.
        said: somebody's comment, or the result; may be empty.
        on_behalf_of: the absent person for whom the recipient may decide; may be empty.
        decide_url: opens the page on which the recipient decides without signing in; empty where nothing is decided.
        sign_in_first: approval requires a fresh sign-in.
        lines: of a roundup, which has no heart; `lines_more` are omitted.
        verdicts: what the recipient may decide directly from the message, on the payload with that `digest`.
        reason_for: those verdicts for which the policy requires a reason.
        version: of the request that this notice describes.
    """

    id: str
    kind: NoticeKind
    to: Receiver
    at: datetime
    headline: str
    settings_url: str
    heart: Heart | None = None
    said: str = ""
    on_behalf_of: str = ""
    page_url: str = ""
    decide_url: str = ""
    link_expires_at: datetime | None = None
    sign_in_first: bool = False
    lines: Sequence[Line] = field(default_factory=tuple)
    lines_more: int = 0
    digest: str = ""
    verdicts: tuple[Verdict, ...] = ()
    reason_for: frozenset[Verdict] = frozenset()
    version: int = 0

    @property
    def page_words(self) -> str:
        """What a button says that opens `page_url`."""
        return "Open the request" if self.heart is not None else _PAGES.get(self.kind, "Open the page")


_PAGES = {
    NoticeKind.DIGEST: "Open the queue", NoticeKind.TEST: "Open the queue", NoticeKind.SIGN_IN: "Sign in",
    NoticeKind.DISABLED: "Open the destination", NoticeKind.ACCOUNT: "Confirm or decline",
    NoticeKind.CHANNEL_REFUSED: "Open the deliveries",
}  # fmt: skip


@dataclass(frozen=True)
class WebhookCall:
    """The content of a webhook call: the same bytes for every attempt.

    Attributes:
        id: of the delivery, by which recipients recognize repetitions.
        topic: the kind of event, for the list of deliveries.
        secrets: the call is signed with each; there are two while the secret is being rotated.
        streams: the agent responds with the events of its run, and would end that run if nobody listened.
        ended: called in another thread with the event with which the run ended.
    """

    id: str
    topic: str
    url: str
    secrets: tuple[str, ...]
    body: bytes
    streams: bool = False
    ended: Callable[[Mapping[str, Any]], None] | None = field(default=None, compare=False)


# Results of an attempt


@dataclass(frozen=True)
class Kept:
    """A message that is stored for the outbox because no server is configured."""

    text: str
    html: str


@dataclass(frozen=True)
class Sent:
    """The other side accepted it. `kept` is set if there was no other side.

    Attributes:
        expired: ids of browsers that take no more notifications; so in `Later` and `Refused`.
    """

    subject: str
    reference: str
    kept: Kept | None = None
    expired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Later:
    """It may work later.

    Attributes:
        after: the minimum wait that the other side asks for.
        ours: the cause is our own account or address there, so nothing arrives until an operator changes it.
        limited: what we did too often, as the other side calls it; it is no failure of the recipient.
    """

    reason: str
    after: timedelta | None = None
    expired: tuple[str, ...] = ()
    ours: bool = False
    limited: str = ""


@dataclass(frozen=True)
class Refused:
    """It will never work as it is. `gone`: the other side wants no further messages."""

    reason: str
    gone: bool = False
    expired: tuple[str, ...] = ()


Result = Sent | Later | Refused


class Sender(Protocol):
    """A channel's transport: of `WebhookCall`s for webhooks, otherwise of `Notice`s. Called from several threads."""

    def send(self, content: Any, /) -> Result:
        """Send it. Failures are returned, not raised."""
        ...


class Rewriter(Protocol):
    """A channel whose messages can be changed after they were sent. Called from several threads."""

    def rewrite(self, reference: str, notice: Notice) -> Result:
        """Replace the message that was sent as `reference` with the notice."""
        ...


PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600))
LONGEST_PAUSE = timedelta(minutes=15)
KEPT_TRYING = timedelta(hours=24)
"""How long after the first attempt a delivery is retried."""


def next_try(
    attempts: int, first_at: datetime, now: datetime, after: timedelta | None, shake: float
) -> datetime | None:
    """The time of the next attempt after `attempts` attempts; None: no more.

    Args:
        first_at: when the first attempt was due.
        after: the minimum wait that the other side asks for.
        shake: jitter from 0 to 1, which adds up to a fifth to the pause, so that retries do not all come at once.
    """
    if now - first_at >= KEPT_TRYING:
        return None
    pause = PAUSES[attempts - 1] if 0 < attempts <= len(PAUSES) else LONGEST_PAUSE
    return now + max(pause * (1 + shake / 5), after or timedelta(0))
