"""What people are told outside the pages: kinds, states of a delivery, its content, and when a try is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from app.domain.risk import Finding
from assent.contracts import Verdict


class NoticeKind(StrEnum):
    """Why somebody is told."""

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
    EVENT = "event"
    TEST = "test"
    CALLBACK = "callback"

    @property
    def asks(self) -> bool:
        """True if it asks for a decision, so that it is pointless once there is one."""
        return self in (NoticeKind.ASKED, NoticeKind.ASSIGNED, NoticeKind.ESCALATED, NoticeKind.EXPIRING)


class Channel(StrEnum):
    """The way somebody is told; each is a folder in `app/notify/`."""

    MAIL = "mail"
    SLACK = "slack"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    HELD = "held"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


WAITING = (DeliveryState.PENDING, DeliveryState.HELD)

# Content


@dataclass(frozen=True)
class Receiver:
    """Whom a notice is for.

    Attributes:
        zone: the one in which they read times.
        address: email address, or the address for Apprise.
        slack: the Slack user that they have linked, or the channel of a team; empty: found by their email address.
    """

    name: str
    address: str
    zone: ZoneInfo
    slack: str = ""


@dataclass(frozen=True)
class Heart:
    """The heart of a proposal: enough to know what is decided, short enough for a telephone.

    Attributes:
        target: what it would run against; may be empty.
        excerpt: first lines of what would be done.
        more: how many lines are left out.
        whole: the title, the excerpt and the findings are all that is decided; False where any of them is cut.
        findings: the worst ones; `findings_more` are left out.
        consequence: what happens if nobody decides until `expires_at`, such as ``is rejected``; empty when settled.
        asked: who may decide now, in words.
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
    expires_at: datetime
    consequence: str
    asked: str
    whole: bool


@dataclass(frozen=True)
class Line:
    """One line of a digest."""

    headline: str
    title: str
    risk: str
    url: str


@dataclass(frozen=True)
class Notice:
    """What one person is told over one channel.

    Attributes:
        id: of the delivery; the same at each try, so that a receiver can tell a repetition.
        headline: what happened, as a sentence.
        said: what somebody said to it, or what came of it; may be empty.
        on_behalf_of: the absent person for whom the receiver may decide; may be empty.
        decide_url: opens the page on which the receiver decides without signing in; empty where nothing is decided.
        sign_in_first: letting it through takes a fresh sign-in.
        lines: of a digest, which has no heart; `lines_more` are left out.
        verdicts: what the receiver may decide from where they read this, on the payload with that `digest`.
        reason_for: those of them for which the policy wants a reason.
        version: of the request, as it is told here.
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


@dataclass(frozen=True)
class WebhookCall:
    """What a webhook is sent: the same bytes at each try.

    Attributes:
        id: of the delivery, by which a receiver tells a repetition.
        topic: the kind of event, for the account of deliveries.
        secrets: each signs it; two while the secret is being exchanged.
        streams: an agent answers with the events of its run, and would end that run if nobody listened.
    """

    id: str
    topic: str
    url: str
    secrets: tuple[str, ...]
    body: bytes
    streams: bool = False


# What came of a try


@dataclass(frozen=True)
class Kept:
    """A message that is kept for the outbox because no server is set."""

    text: str
    html: str


@dataclass(frozen=True)
class Sent:
    """The other side has taken it. `kept` is set where there was no other side."""

    subject: str
    reference: str
    kept: Kept | None = None


@dataclass(frozen=True)
class Later:
    """It may work later. `after` is how long the other side asks us to wait at least."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True)
class Refused:
    """It will never work as it is. `gone`: the other side wants nothing any more."""

    reason: str
    gone: bool = False


Result = Sent | Later | Refused


class Sender(Protocol):
    """A channel's transport, of `WebhookCall`s for webhooks, else of `Notice`s. It is called in threads, several at
    once."""

    def send(self, content: Any, /) -> Result:
        """Hand it over. What goes wrong is said in the result, not raised."""
        ...


class Rewriter(Protocol):
    """A channel whose messages can be changed after they were sent. It is called in threads, several at once."""

    def rewrite(self, reference: str, notice: Notice) -> Result:
        """Put the notice in the place of the message that was sent as `reference`."""
        ...


PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600))
LONGEST_PAUSE = timedelta(minutes=15)
KEPT_TRYING = timedelta(hours=24)
"""How long after it was first tried a delivery is tried again."""


def next_try(
    attempts: int, first_at: datetime, now: datetime, after: timedelta | None, shake: float
) -> datetime | None:
    """When to try again after `attempts` tries; None: not any more.

    Args:
        first_at: when the first try was due.
        after: how long the other side asks us to wait at least.
        shake: 0 to 1; up to a fifth is added to the pause, so that not all who failed together come back together.
    """
    if now - first_at >= KEPT_TRYING:
        return None
    pause = PAUSES[attempts - 1] if 0 < attempts <= len(PAUSES) else LONGEST_PAUSE
    return now + max(pause * (1 + shake / 5), after or timedelta(0))
