"""A real SMTP server for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.store.people import Person


class MailServer:
    """A real SMTP server that does what a test tells it to.

    Attributes:
        mails: what it took, in order.
        answers: what it says to the next mails instead of taking them.
        refused: what it says to receivers, by address.
        refused_sender: what it says to every sender; empty: it takes them.
        return_paths: the senders of the mails it took, where bounces would go.
        on_receiver, on_data: called before a receiver and before a mail is taken; may wait.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.refused: dict[str, str] = {}
        self.refused_sender = ""
        self.return_paths: list[str] = []
        self.on_receiver: Callable[[], None] = lambda: None
        self.on_data: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._controller: Controller | None = None
        self.port = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender unless a test has said otherwise."""
        if self.refused_sender:
            return self.refused_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a receiver unless a test has said otherwise."""
        self.on_receiver()
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail unless a test has said otherwise."""
        with self._lock:
            if self.answers:
                return self.answers.pop(0)
        self.on_data()
        mail = message_from_bytes(envelope.content or b"", policy=default)
        with self._lock:
            self.mails.append(mail)  # type: ignore[arg-type]
            self.return_paths.append(envelope.mail_from or "")
        return "250 taken"

    def start(self) -> None:
        """Listen, on the same port as before if it was stopped."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, server_hostname="mail.test")
        if not self.port:
            self._controller.port = _free_port()
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        """Listen no more."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    def to(self, person: Person | Any) -> list[EmailMessage]:
        """What somebody got."""
        return [mail for mail in self.mails if person.email in mail["To"]]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
