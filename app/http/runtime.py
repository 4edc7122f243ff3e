"""What request handlers need of the application, beside the services that `app.extensions["assent"]` holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from app.http.wakeups import Wakeups
from app.notify.slack.client import SlackApi
from app.services.bundle import Services
from app.settings import Settings


@dataclass(frozen=True)
class PortalParts:
    """One application's parts. `slack` is None where no Slack app is set."""

    services: Services
    settings: Settings
    wakeups: Wakeups
    slack: SlackApi | None = None


def keep(app: Flask, parts: PortalParts) -> None:
    """Make the parts available to request handlers."""
    app.extensions["assent"] = parts.services
    app.extensions["assent_portal"] = parts


def portal() -> PortalParts:
    """The portal that serves this request."""
    return cast(PortalParts, current_app.extensions["assent_portal"])


def services() -> Services:
    """The use cases."""
    return portal().services
