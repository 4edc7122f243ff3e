"""The channels that the settings enable. `docs/notifications.md` says how to add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from app.domain.notices import Channel, Sender
from app.notify.apprise.sender import AppriseSender
from app.notify.mail.outbox import OutboxSender
from app.notify.mail.smtp import SmtpSender
from app.notify.push.sender import PushSender
from app.notify.slack.client import slack_api
from app.notify.slack.outbox import SlackOutbox
from app.notify.slack.sender import SlackSender
from app.notify.webhook.sender import WebhookSender
from app.settings import Settings


def senders(settings: Settings, clock: Callable[[], datetime]) -> Mapping[Channel, Sender]:
    """The transport of each channel."""
    mail: Sender = (
        SmtpSender(settings, clock) if settings.smtp_host
        else OutboxSender(clock, settings.demo, settings.mail_reply_to)
    )  # fmt: skip
    api = slack_api(settings, settings.slack_timeout_seconds)
    slack: Sender = SlackSender(api) if api else SlackOutbox()
    allowed = settings.networks
    webhook = WebhookSender(clock, allowed, settings.webhook_timeout_seconds)
    return {
        Channel.MAIL: mail, Channel.SLACK: slack, Channel.WEBHOOK: webhook, Channel.APPRISE: AppriseSender(allowed),
        Channel.BROWSER: PushSender(clock, settings.push_key, settings.mail_from, allowed),
    }  # fmt: skip
