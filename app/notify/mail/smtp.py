"""Email over SMTP."""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage

from app.domain.notices import Later, Notice, Refused, Result, Sent
from app.notify.mail.message import AddressError, mail_of
from app.settings import Settings

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_WAIT = re.compile(r"(?i)(?:retry[- ]after[: =]+|(?:in|after) )(\d{1,5})(?: ?s(?:ec(?:ond)?s?)?)\b")
_OURS = frozenset({530, 534, 535, 538})
"""Codes about our account, never about the particular email: an operator can fix that."""
_ABOUT_US = re.compile(r"\b5\.(?:7\.\d{1,3}|4\.5|1\.[78])\b")
"""Enhanced codes (RFC 3463) about us: security and policy, a full quota, or our sender's address."""
_ABOUT_MAIL = re.compile(r"\b5\.(?:2\.3|3\.4|6\.\d{1,3})\b")
"""Enhanced codes about the email itself, such as its size, which a server may give as soon as it sees the sender."""
MAILS_PER_CONNECTION = 100
KEPT_SECONDS = 10.0
"""How long an idle connection is reused."""


@dataclass
class _Kept:
    """A connection, how many emails it has sent, and when it sent the last one."""

    connection: smtplib.SMTP
    mails: int = 0
    used: float = 0.0


class SmtpSender:
    """Sends emails through the configured server; each thread keeps its connection for the next email."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._port = settings.smtp_port or _PORTS[settings.smtp_tls]
        self._kept = threading.local()
        # Created once: loading all certificate authorities takes longer than sending an email.
        self._context = ssl.create_default_context() if settings.smtp_tls != "none" else None

    def send(self, notice: Notice) -> Result:
        """Send it. It counts as sent once the server has accepted it; without a response, it is retried."""
        try:
            mail = mail_of(notice, self._clock(), reply_to=self._settings.mail_reply_to)
        except AddressError as error:
            return Refused(str(error))
        message = mail.put_together(self._settings.mail_from)
        try:
            kept = self._connect()
        except smtplib.SMTPException as error:
            words = f"The mail server rejected our sign-in: {_words(error)}"
            return Later(words, _asked_to_wait(error), ours=not _is_temporary(error))
        except (OSError, ssl.SSLError) as error:
            return Later(f"The mail server cannot be reached: {_words(error)}")
        against = _hand_over(kept.connection, message, self._settings.mail_return_path or None)
        if against is None:
            kept.mails, kept.used = kept.mails + 1, time.monotonic()
            self._kept.connection = kept
            return Sent(mail.subject, mail.message_id)
        # The server has said why it refused; errors while disconnecting do not matter.
        with suppress(OSError, smtplib.SMTPException):
            kept.connection.quit()
        return against

    def _connect(self) -> _Kept:
        """The connection that this thread has kept, if it still works, or a new one."""
        kept: _Kept | None = getattr(self._kept, "connection", None)
        self._kept.connection = None
        if kept is not None and kept.mails < MAILS_PER_CONNECTION and time.monotonic() - kept.used < KEPT_SECONDS:
            with suppress(OSError, smtplib.SMTPException):
                if kept.connection.noop()[0] == 250:
                    return kept
        if kept is not None:
            kept.connection.close()
        return _Kept(self._new())

    def _new(self) -> smtplib.SMTP:
        wanted = self._settings
        seconds = wanted.smtp_timeout_seconds
        connection: smtplib.SMTP
        if wanted.smtp_tls == "tls":
            connection = smtplib.SMTP_SSL(wanted.smtp_host, self._port, context=self._context, timeout=seconds)
        else:
            connection = smtplib.SMTP(wanted.smtp_host, self._port, timeout=seconds)
        try:
            if wanted.smtp_tls == "starttls":
                connection.starttls(context=self._context)
            if wanted.smtp_user:
                connection.login(wanted.smtp_user, wanted.smtp_password)
        except BaseException:
            connection.close()
            raise
        return connection


def _hand_over(connection: smtplib.SMTP, message: EmailMessage, return_path: str | None) -> Later | Refused | None:
    """Why the server did not accept the email; None: it did.

    Args:
        return_path: where bounces go; None: to the From address.
    """
    try:
        connection.send_message(message, return_path)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        return _judge(code, said, error)
    except smtplib.SMTPNotSupportedError as error:
        return Refused(f"The mail server cannot deliver to this address: {error}")
    except smtplib.SMTPResponseException as error:
        return _judge(error.smtp_code, error.smtp_error, error)
    except (smtplib.SMTPException, OSError) as error:
        return Later(f"The mail server did not answer: {_words(error)}")
    return None


def _judge(code: int, said: bytes | str, error: Exception) -> Later | Refused:
    words = f"The mail server said: {code} {_text(said)}"
    if _is_about_us(code, _text(said), isinstance(error, smtplib.SMTPSenderRefused)):
        return Later(words, _asked_to_wait(error), ours=True)
    if 400 <= code < 500:
        return Later(words, _asked_to_wait(error))
    return Refused(words)


def _is_temporary(error: smtplib.SMTPException) -> bool:
    """True if a connection was refused for a while, such as because there are too many."""
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    return isinstance(error, smtplib.SMTPServerDisconnected)


def _is_about_us(code: int, said: str, about_sender: bool) -> bool:
    """True if a permanent answer would be the same for every email, until an operator changes something.

    Args:
        about_sender: it is the answer to MAIL FROM, before the server knows the recipient.
    """
    if code in _OURS:
        return True
    return code >= 500 and not _ABOUT_MAIL.search(said) and (about_sender or bool(_ABOUT_US.search(said)))


def _asked_to_wait(error: Exception) -> timedelta | None:
    found = _WAIT.search(_words(error))
    return timedelta(seconds=int(found[1])) if found else None


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(said)}" for code, said in error.recipients.values())
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
