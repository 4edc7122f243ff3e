"""A notice as an email: headers, a text part, and an HTML part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from app.domain.hidden_characters import plain_text
from app.domain.notices import Notice, NoticeKind
from app.domain.risk import NOT_UNDERSTOOD, mark_unread
from app.domain.text import beginning, span_words
from assent.contracts import RiskLevel

SUBJECT_LENGTH = 110
_TEMPLATES = Path(__file__).parent / "templates"


class AddressError(Exception):
    """The recipient's address cannot be used in a header."""


@dataclass(frozen=True)
class Mail:
    """The parts of an email. `text` and `html` have the same content."""

    to: Address
    subject: str
    text: str
    html: str
    message_id: str
    thread: str
    settings_url: str
    at: datetime
    reply_to: str = ""

    def put_together(self, sender: str) -> EmailMessage:
        """The complete message for a server.

        Args:
            sender: the From address, with or without a name.
        """
        message = EmailMessage(policy=SMTP)
        message["From"] = _box(sender)
        message["To"] = self.to
        if self.reply_to:
            message["Reply-To"] = _box(self.reply_to)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.at.astimezone(UTC))
        message["Message-ID"] = self.message_id
        if self.thread:
            message["In-Reply-To"] = self.thread
            message["References"] = self.thread
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message["List-Unsubscribe"] = f"<{self.settings_url}>"
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        return message


def mail_of(notice: Notice, now: datetime, with_link: bool = True, reply_to: str = "") -> Mail:
    """The notice as an email.

    Args:
        with_link: include the link for deciding without a sign-in; otherwise the email says that it is left out.
        reply_to: who reads replies; empty: nobody, which the email says.

    Raises:
        AddressError: the recipient's address cannot be used.
    """
    subject = subject_of(notice)
    values: dict[str, Any] = {
        "notice": notice, "heart": notice.heart, "zone": notice.to.zone, "subject": subject,
        "not_understood": NOT_UNDERSTOOD,
        "risk_words": {level.value: level.value.capitalize() for level in RiskLevel},
        "decide_url": notice.decide_url if with_link else "",
        "link_left_out": bool(notice.decide_url) and not with_link, "reply_to": parseaddr(reply_to)[1],
    }  # fmt: skip
    host = urlsplit(notice.settings_url).hostname or "localhost"
    # The same for every attempt, so that recipients can recognize a repeated email.
    thread = f"<request.{notice.heart.request_id}@{host}>" if notice.heart else ""
    return Mail(
        to=_address(notice.to.name, notice.to.address),
        subject=subject,
        text=_environment().get_template("notice.txt").render(values).strip() + "\n",
        html=_environment().get_template("notice.html").render(values),
        message_id=f"<{notice.id}@{host}>",
        thread=thread,
        settings_url=notice.settings_url,
        at=now,
        reply_to=reply_to,
    )


def subject_of(notice: Notice) -> str:
    """A short subject with the risk. It is the same for all emails about a request, so mail programs group them."""
    if notice.heart is None:
        return f"Assent: {notice.headline}"
    subject = f"{notice.heart.risk.capitalize()} risk: {one_line(notice.heart.title)}"
    if len(subject) > SUBJECT_LENGTH:
        subject = f"{beginning(subject, SUBJECT_LENGTH - 1).rstrip()}…"
    return subject if notice.kind is NoticeKind.ASKED else f"Re: {subject}"


def one_line(text: str) -> str:
    """A text for a header: in one line, with hidden and direction-changing characters made visible."""
    return plain_text(" ".join(text.split()))


def _box(given: str) -> Address:
    """An address from the settings, with or without a name."""
    name, spec = parseaddr(given)
    return Address(display_name=name, addr_spec=spec)


def _address(name: str, spec: str) -> Address:
    try:
        return Address(display_name=one_line(name), addr_spec=spec)
    except (ValueError, IndexError) as error:
        raise AddressError(f"The address {spec!r} cannot be used: {error}") from error
    except Exception as error:  # the header parser raises several kinds of errors
        raise AddressError(f"The address {spec!r} cannot be used.") from error


def _moment(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {local.tzname()}"


def _shown(value: Any) -> Any:
    """The output of a template expression, with hidden characters made visible everywhere, without opting in."""
    return plain_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(["html"]), undefined=StrictUndefined,
        finalize=_shown, auto_reload=False, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "moment": _moment, "span_words": span_words, "one_line": one_line, "mark_unread": mark_unread,
    }  # fmt: skip
    return environment
