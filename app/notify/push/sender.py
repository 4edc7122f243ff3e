"""Web Push: notifications that browsers show while the portal is closed (RFC 8030, 8291, and 8292).

The push service of a browser's maker passes them on. It cannot read them, because they are encrypted for the browser,
and they contain no text of a proposal either.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import cached_property

import httpcore

from app.domain.networks import Network
from app.domain.notices import Browser, Later, Notice, NoticeKind, Refused, Result, Sent
from app.notify.push.keys import pem_of
from app.notify.reach import forbidden, guarded
from app.notify.webhook.network import Deadline, TimedBackend

GONE = (404, 410)
"""The browser takes no more notifications: its permission was withdrawn, or its profile deleted."""
LONGEST = timedelta(hours=24)
"""How long a push service keeps a notification for a browser that is not running."""
SECONDS = 15
_URGENT = (NoticeKind.ESCALATED, NoticeKind.EXPIRING)
_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, ValueError)


class PushSender:
    """Sends a notice to all browsers of a person.

    Args:
        private_key: as in `app.notify.push.keys`.
        contact: whom a push service may ask about this portal: an email address, with or without a name.
        allowed: private networks that may be reached.
        seconds: timeout of all calls for one notice.
    """

    def __init__(
        self, clock: Callable[[], datetime], private_key: str, contact: str, allowed: Sequence[Network],
        seconds: int = SECONDS,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._private_key = private_key
        self._contact = parseaddr(contact)[1]
        self._allowed = allowed
        self._seconds = seconds

    def send(self, notice: Notice) -> Result:
        """Send it to each browser once. It counts as sent if one of them has got it."""
        if not self._private_key:
            return Refused("ASSENT_PUSH_KEY is not set.")
        deadline = Deadline(time.monotonic() + self._seconds)
        body = json.dumps(content_of(notice), ensure_ascii=False).encode()
        gone, problems, reached = [], [], 0
        for browser in notice.to.browsers:
            problem = self._send_to(browser, notice, body, deadline)
            if problem is None:
                reached += 1
            elif problem == "":
                gone.append(browser.id)
            else:
                problems.append(problem)
        if reached:
            return Sent(notice.headline, f"{reached} {'browser' if reached == 1 else 'browsers'}", expired=tuple(gone))
        if problems:
            return Later(problems[0], expired=tuple(gone))
        return Refused("None of this person's browsers accepts notifications.", expired=tuple(gone))

    def _send_to(self, browser: Browser, notice: Notice, body: bytes, deadline: Deadline) -> str | None:
        """Return None if it was accepted, why not, or nothing if the browser takes no more notifications."""
        try:
            encrypted, headers = self._encrypted(browser, notice, body)
            with guarded(self._allowed):
                status = self._post(browser.endpoint, headers, encrypted, deadline)
        except _FAILURES as error:
            # Without the address that was found: the host name was chosen by somebody who is signed in.
            return "The address is not allowed." if forbidden(error) else f"It cannot be reached: {error}"
        if status in GONE:
            return ""
        return None if 200 <= status < 300 else f"The push service responded with {status}."

    def _encrypted(self, browser: Browser, notice: Notice, body: bytes) -> tuple[bytes, dict[bytes | str, bytes | str]]:
        # Imported here because it takes 10 MiB, and few portals have a key.
        from webpush import WebPush, WebPushSubscription
        from webpush.types import WebPushKeys

        seconds = int(lifetime(notice, self._clock()).total_seconds())
        private, public = self._pem
        made = WebPush(private_key=private, public_key=public, subscriber=self._contact, ttl=max(seconds, 1))
        keys = WebPushKeys(auth=browser.auth, p256dh=browser.p256dh)
        message = made.get(body, WebPushSubscription.model_validate({"endpoint": browser.endpoint, "keys": keys}))
        headers: dict[bytes | str, bytes | str] = {**message.headers, "content-type": "application/octet-stream"}
        headers["urgency"] = "high" if notice.kind in _URGENT else "normal"
        if topic := topic_of(notice):
            headers["topic"] = topic
        return message.encrypted, headers

    def _post(
        self, address: str, headers: Mapping[bytes | str, bytes | str], body: bytes, deadline: Deadline
    ) -> int:  # fmt: skip
        backend = TimedBackend(deadline)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, retries=0) as pool,
            pool.stream("POST", address, headers=headers, content=body) as answer,
        ):
            return int(answer.status)

    @cached_property
    def _pem(self) -> tuple[bytes, bytes]:
        return pem_of(self._private_key)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def content_of(notice: Notice) -> dict[str, str]:
    """What the service worker shows, as JSON: without the title or any other text of a proposal, or of a comment."""
    heart = notice.heart
    parts: list[str] = []
    if heart is not None:
        parts.append(f"{heart.risk.capitalize()} risk")
        if heart.consequence:
            parts.append(f"{heart.consequence} at {heart.expires_at.astimezone(notice.to.zone):%H:%M %Z}")
    if notice.on_behalf_of:
        parts.append(f"on behalf of {notice.on_behalf_of}")
    return {
        "title": notice.headline, "body": " · ".join(parts), "url": notice.page_url or notice.settings_url,
        "tag": topic_of(notice) or notice.id,
    }  # fmt: skip


def topic_of(notice: Notice) -> str:
    """The same for all notifications of one request, so that a later one replaces those that were not shown yet."""
    return hashlib.sha256(notice.heart.request_id.encode()).hexdigest()[:32] if notice.heart else ""


def lifetime(notice: Notice, now: datetime) -> timedelta:
    """How long the push service keeps it: no longer than the request can be decided."""
    left = notice.heart.expires_at - now if notice.heart and notice.kind.asks else LONGEST
    return min(max(left, timedelta(seconds=1)), LONGEST)
