"""The parts of the application that views need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from app.http.wakeups import Wakeups
from app.notify.slack.client import SlackApi
from app.services.bundle import Services
from app.settings import Settings


@dataclass(frozen=True)
class PortalParts:
    """The parts of one application.

    Attributes:
        slack: None if no Slack app is configured.
        lock_key: gives the key of the advisory lock that shows that this process is alive; None while it holds none.
    """

    services: Services
    settings: Settings
    wakeups: Wakeups
    slack: SlackApi | None = None
    lock_key: Callable[[], int | None] = lambda: None


def keep(app: Flask, parts: PortalParts) -> None:
    """Make the parts available to views."""
    app.extensions["assent"] = parts.services
    app.extensions["assent_portal"] = parts


def portal() -> PortalParts:
    """The parts of the current application."""
    return cast(PortalParts, current_app.extensions["assent_portal"])


def services() -> Services:
    """The use cases of the current application."""
    return portal().services
