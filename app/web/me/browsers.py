"""The browsers that show your notifications."""

from __future__ import annotations

from typing import Any

from flask import flash, request

from app.domain.browsers import browser_words
from app.domain.notices import Browser
from app.http.identity import current_actor, current_sign_in
from app.http.runtime import portal, services
from app.notify.addresses import check_push_endpoint
from app.notify.push.keys import public_key
from app.web.pages import see_other, web


@web.post("/profile/notifications/browsers")
def browser_allow() -> Any:
    """Show your notifications in this browser, as its script asks for."""
    sent = request.form
    settings = portal().settings
    endpoint = sent.get("endpoint", "")[:2000]
    check_push_endpoint(endpoint, settings.networks)
    browser = Browser("", endpoint, sent.get("p256dh", ""), sent.get("auth", ""))
    name = browser_words(request.headers.get("User-Agent", ""))
    services().browsers.allow(current_actor(), current_sign_in(), name, browser)
    return "", 204


@web.post("/profile/notifications/browsers/test")
def browser_test() -> Any:
    """Show a test notification in all of your browsers."""
    services().browsers.test(current_actor())
    flash("A test notification is on its way to your browsers.")
    return see_other("web.notifications")


@web.post("/profile/notifications/browsers/<browser_id>/remove")
def browser_remove(browser_id: str) -> Any:
    """Turn off notifications in one of your browsers."""
    services().browsers.remove(current_actor(), browser_id)
    flash("Notifications are off in that browser.")
    return see_other("web.notifications")


def application_key() -> str:
    """The key that a browser needs to take notifications while no page is open; empty if the portal has none."""
    private = portal().settings.push_key
    return public_key(private) if private else ""
