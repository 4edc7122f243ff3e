"""Mails without a mail server: they are kept, to be looked at on the outbox page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.domain.notices import Kept, Notice, Refused, Result, Sent
from app.notify.mail.message import AddressError, mail_of


class OutboxSender:
    """Makes the mail that would have been sent."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def send(self, notice: Notice) -> Result:
        """Keep it."""
        try:
            mail = mail_of(notice, self._clock())
        except AddressError as error:
            return Refused(str(error))
        return Sent(mail.subject, mail.message_id, Kept(mail.text, mail.html))
