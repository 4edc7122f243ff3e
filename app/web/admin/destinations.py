"""Destinations, for admins: webhooks, Slack channels, and services reached through Apprise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, flash, request
from werkzeug.datastructures import MultiDict

from app.domain.destinations import BOTH_SECRETS, PLACES, DestinationTerms, destination_terms, topics_of
from app.domain.errors import AssentError, ConflictError, InvalidInputError
from app.domain.notices import Channel, NoticeKind
from app.domain.people import Action
from app.domain.text import plural
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import portal, services
from app.notify.addresses import shown_address
from app.services.notifications.destinations import DestinationView
from app.web.admin.deliveries import KIND_WORDS
from app.web.pages import download, export_format, render, see_other, web
from assent.contracts import RiskLevel

_NOTHING: MultiDict[str, str] = MultiDict()
CHANNEL_WORDS = {
    Channel.WEBHOOK: "a webhook", Channel.SLACK: "a Slack channel", Channel.APPRISE: "another service, through Apprise",
}  # fmt: skip
REPLAYS = {"1": "the last hour", "24": "the last day", "168": "the last 7 days", "720": "the last 30 days"}
"""How far back missed events can be sent again, in hours."""


@web.get("/destinations")
def destinations() -> Any:
    """All destinations."""
    shown = services().destinations.every(current_actor())
    return render("destinations/list.html", shown=shown, channels=CHANNEL_WORDS, topic_words=topic_words)


@web.get("/destinations/export")
def destinations_export() -> Any:
    """All destinations as a file, streamed."""
    return download(services().destinations.export(current_actor(), export_format()), "destinations")


@web.get("/destinations/new")
def destination_new() -> Any:
    """The form for a new destination."""
    current_actor().require(Action.MANAGE_DESTINATIONS)
    return _form(request.args.get("channel", ""))


@web.post("/destinations")
def destination_add() -> Any:
    """Add a destination, or show the problems with the form."""
    actor, sent = current_actor(), request.form
    actor.require(Action.MANAGE_DESTINATIONS)
    try:
        terms = _terms(sent, sent.get("channel", ""))
        shown = shown_address(terms, portal().settings.networks)
        row, secret = services().destinations.add(actor, terms, shown, sent.get("secret", "").strip())
    except InvalidInputError as error:
        return _form(sent.get("channel", ""), sent, error)
    if secret:
        return _shown(row.id, secret=secret)
    flash("The destination is added. Send a test to check that it works.")
    return see_other("web.destination", destination_id=row.id)


@web.get("/destinations/<destination_id>")
def destination(destination_id: str) -> Any:
    """One destination with its actions."""
    return _shown(destination_id)


@web.post("/destinations/<destination_id>")
def destination_change(destination_id: str) -> Any:
    """Change it. An empty address leaves the current one."""
    actor, sent, all_of_them = current_actor(), request.form, services().destinations
    row = all_of_them.get(actor, destination_id).row
    try:
        kept = all_of_them.address_of(actor, destination_id) if not sent.get("address", "").strip() else ""
        terms = _terms(sent, row.channel, kept)
        shown = row.shown if kept else shown_address(terms, portal().settings.networks)
        all_of_them.change(actor, destination_id, terms, shown)
    except InvalidInputError as error:
        return _shown(destination_id, error, sent)
    flash("The destination is changed.")
    return see_other("web.destination", destination_id=destination_id)


@web.post("/destinations/<destination_id>/test")
def destination_test(destination_id: str) -> Any:
    """Send a test, and redirect to its delivery."""
    try:
        delivery_id = services().destinations.test(current_actor(), destination_id)
    except ConflictError as error:
        return _shown(destination_id, error)
    flash("A test is being sent. Reload this page to see the result.")
    return see_other("web.delivery", delivery_id=delivery_id)


@web.post("/destinations/<destination_id>/secret")
def destination_secret(destination_id: str) -> Any:
    """Rotate its secret. The new one is shown once."""
    try:
        return _shown(destination_id, secret=services().destinations.rotate(current_actor(), destination_id))
    except ConflictError as error:
        return _shown(destination_id, error)


@web.post("/destinations/<destination_id>/switch")
def destination_switch(destination_id: str) -> Any:
    """Enable or disable it."""
    on = request.form.get("on") == "yes"
    missed = services().destinations.switch(current_actor(), destination_id, on)
    sending = f" {plural(missed, 'missed notification')} {'is' if missed == 1 else 'are'} being sent." if missed else ""
    flash(f"The destination is enabled.{sending}" if on else "The destination is disabled. Nothing is sent there.")
    return see_other("web.destination", destination_id=destination_id)


@web.post("/destinations/<destination_id>/replay")
def destination_replay(destination_id: str) -> Any:
    """Send missed events to a webhook again."""
    hours = request.form.get("hours", "")
    try:
        if hours not in REPLAYS:
            raise InvalidInputError("Choose a period.", {"hours": "Choose one of these."})
        since = services().clock() - timedelta(hours=int(hours)) + timedelta(seconds=1)
        count = services().destinations.replay(current_actor(), destination_id, since)
    except (ConflictError, InvalidInputError) as error:
        return _shown(destination_id, error)
    words = f"{count:,} {'event is' if count == 1 else 'events are'} being sent again."
    flash(words if count else "No events were missed.")
    return see_other("web.destination", destination_id=destination_id)


@web.post("/destinations/<destination_id>/remove")
def destination_remove(destination_id: str) -> Any:
    """Remove it."""
    services().destinations.remove(current_actor(), destination_id)
    flash("The destination is removed.")
    return see_other("web.destinations")


@web.get("/destinations/<destination_id>/<any(test, secret, switch, replay, remove):act>")
def destination_act_shown(destination_id: str, act: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.destination", destination_id=destination_id)


def topic_words(channel: str, topic: str) -> str:
    """A topic of notifications, in words."""
    return topic if channel == Channel.WEBHOOK.value else KIND_WORDS[NoticeKind(topic)]


def _terms(sent: MultiDict[str, str], channel: str, kept: str = "") -> DestinationTerms:
    return destination_terms(
        channel, sent.get("name", ""), kept or sent.get("address", ""), sent.getlist("topics"),
        sent.get("least_risk", RiskLevel.SAFE.value), sent.get("team_slug", ""),
    )  # fmt: skip


def _form(channel: str, sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None) -> Response:
    chosen = next((place for place in PLACES if place.value == channel), Channel.WEBHOOK)
    given: dict[str, Any] = {"name": "", "address": "", "least_risk": "safe", "team_slug": "", "secret": ""}
    given |= sent.to_dict() | {"topics": sent.getlist("topics")}
    return render(
        "destinations/new.html", status_of(error) if error else 200, channel=chosen, **_words(chosen), given=given,
        error=error, problems=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip


def _shown(
    destination_id: str, error: AssentError | None = None, sent: MultiDict[str, str] = _NOTHING, secret: str = ""
) -> Response:
    view = services().destinations.get(current_actor(), destination_id)
    channel = Channel(view.row.channel)
    return render(
        "destinations/one.html", status_of(error) if error else 200, view=view, row=view.row, channel=channel,
        given=_given(view, sent), secret=secret, error=error, replays=REPLAYS, **_words(channel),
        both_hours=int(BOTH_SECRETS.total_seconds() // 3600), now=services().clock(),
        problems=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip


def _given(view: DestinationView, sent: MultiDict[str, str]) -> dict[str, Any]:
    row = view.row
    stored: dict[str, Any] = {
        "name": row.name, "address": "", "least_risk": row.least_risk, "team_slug": row.team_slug or "",
        "topics": row.topics,
    }  # fmt: skip
    return stored | sent.to_dict() | {"topics": sent.getlist("topics")} if sent else stored


def _words(channel: Channel) -> dict[str, Any]:
    return {
        "channels": CHANNEL_WORDS, "risks": list(RiskLevel), "teams": services().people.teams(),
        "topics": {topic: topic_words(channel.value, topic) for topic in topics_of(channel)},
    }  # fmt: skip
