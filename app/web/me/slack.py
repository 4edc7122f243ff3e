"""Linking your Slack user with your account, if your email in Slack is a different one."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request
from flask_login import current_user

from app.domain.errors import AssentError
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import portal, services
from app.web.pages import render, see_other, web


@web.get("/profile/slack")
def slack_profile() -> Any:
    """The linked Slack user, and a field for a code."""
    return _page()


@web.post("/profile/slack")
def slack_link() -> Any:
    """Link the Slack user with a code from `/assent link`."""
    given = request.form.get("code", "")
    try:
        link = services().slack_people.link(current_actor(), given)
    except AssentError as error:
        return _page(given, error)
    flash(f"Linked with the Slack user {link.slack_name or link.slack_user}.")
    return see_other("web.slack_profile")


@web.post("/profile/slack/unlink")
def slack_unlink() -> Any:
    """Remove the link."""
    gone = services().slack_people.unlink(current_actor())
    flash("The link is removed." if gone else "There was no link.")
    return see_other("web.slack_profile")


@web.get("/profile/slack/unlink")
def slack_unlink_shown() -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.slack_profile")


def _page(given: str = "", error: AssentError | None = None) -> Response:
    return render(
        "notify/slack.html", status_of(error) if error else 200, link=services().slack_people.link_of(current_actor()),
        person=current_user.person, given=given[:100], error=error, set_up=bool(portal().settings.slack_bot_token),
        wrong=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip
