"""Which channels there are, as the settings say. The recipe for a new one is in `docs/notifications.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from app.domain.notices import Channel, Sender
from app.notify.mail.outbox import OutboxSender
from app.notify.mail.smtp import SmtpSender
from app.settings import Settings


def senders(settings: Settings, clock: Callable[[], datetime]) -> Mapping[Channel, Sender]:
    """The transport of each channel."""
    mail: Sender = SmtpSender(settings, clock) if settings.smtp_host else OutboxSender(clock)
    return {Channel.MAIL: mail}
