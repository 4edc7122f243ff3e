"""Email without a mail server: it is stored and shown on the outbox page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.domain.notices import Kept, Notice, Refused, Result, Sent
from app.notify.mail.message import AddressError, mail_of


class OutboxSender:
    """Stores the email that would have been sent.

    Args:
        with_links: keep the links for deciding. Readers of the outbox can use them, so only a demo keeps them.
        reply_to: who reads replies.
    """

    def __init__(self, clock: Callable[[], datetime], with_links: bool, reply_to: str = "") -> None:
        self._clock = clock
        self._with_links = with_links
        self._reply_to = reply_to

    def send(self, notice: Notice) -> Result:
        """Return the email to be stored."""
        try:
            mail = mail_of(notice, self._clock(), with_link=self._with_links, reply_to=self._reply_to)
        except AddressError as error:
            return Refused(str(error))
        return Sent(mail.subject, mail.message_id, Kept(mail.text, mail.html))
