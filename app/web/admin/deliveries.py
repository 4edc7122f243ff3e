"""Deliveries of notifications, for admins, and the stored messages while no mail server is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, flash, request

from app.domain.choices import CHANNELS, FIRST, Way
from app.domain.errors import ConflictError, InvalidInputError, NotFoundError
from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.domain.people import Action
from app.domain.text import plural
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import portal, services
from app.http.security import content_security_policy, csp_nonce
from app.services.notifications.deliveries import DeliveryFilter
from app.web.pages import download, export_format, render, see_other, web

KIND_WORDS = {
    NoticeKind.ASKED: "approval required",
    NoticeKind.ASSIGNED: "assigned",
    NoticeKind.ESCALATED: "escalated",
    NoticeKind.EXPIRING: "deadline near",
    NoticeKind.OUTCOME: "outcome",
    NoticeKind.SETTLED: "settled",
    NoticeKind.RECEIPT: "result of the run",
    NoticeKind.DIGEST: "roundup",
    NoticeKind.DISABLED: "destination disabled",
    NoticeKind.ACCOUNT: "confirmation required",
    NoticeKind.SIGN_IN: "sign-in link",
    NoticeKind.EVENT: "event",
    NoticeKind.TEST: "test",
    NoticeKind.CALLBACK: "agent's callback",
    NoticeKind.CHANNEL_REFUSED: "channel refused",
    NoticeKind.SHORTAGE: "too few approvers",
}
WAY_WORDS = {
    Way.MAIL: "Email", Way.SLACK: "Slack", Way.BOTH: "Email and Slack", Way.BROWSER: "Browser, or else email",
}  # fmt: skip
CHANNEL_WORDS = {channel: channel.words for channel in Channel}
STATE_WORDS = {
    DeliveryState.PENDING: "pending",
    DeliveryState.HELD: "held",
    DeliveryState.SENT: "sent",
    DeliveryState.FAILED: "failed",
    DeliveryState.SUPPRESSED: "not sent",
}
DOTS = {
    DeliveryState.PENDING: "running",
    DeliveryState.HELD: "waiting",
    DeliveryState.SENT: "done",
    DeliveryState.FAILED: "failed",
    DeliveryState.SUPPRESSED: "skipped",
}
_SERVERS = {Channel.MAIL: "The mail server", Channel.SLACK: "Slack"}
_FILTERS = ("state", "kind", "text", "request_id", "destination_id")
_MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""For a stored email: it has its own styles, and cannot run scripts, load anything, or submit forms."""


@web.get("/deliveries")
def deliveries() -> Any:
    """All deliveries, newest first."""
    return _list()


@web.get("/deliveries/export")
def deliveries_export() -> Any:
    """The matching deliveries as a file, streamed."""
    return download(services().deliveries.export(current_actor(), _wanted(), export_format()), "deliveries")


@web.get("/outbox")
def outbox() -> Any:
    """The messages that would have been sent with a mail server."""
    current_actor().require(Action.MANAGE_DELIVERIES)
    page = services().deliveries.page(current_actor(), DeliveryFilter(kept=True), request.args.get("before", ""))
    return render(
        "notify/outbox.html", page=page, kinds=KIND_WORDS, channels=CHANNEL_WORDS, has_server=_has_server(),
        has_slack=_has_slack(), demo=portal().settings.demo,
    )  # fmt: skip


@web.get("/deliveries/<delivery_id>")
def delivery(delivery_id: str) -> Any:
    """One delivery, with its message if it is stored."""
    return _shown(delivery_id)


@web.get("/deliveries/<delivery_id>/message")
def delivery_message(delivery_id: str) -> Any:
    """The stored email by itself, for the frame on its page."""
    found = services().deliveries.get(current_actor(), delivery_id).delivery
    if found.html is None:
        raise NotFoundError("This message is not stored.")
    response = Response(found.html.encode("utf-8", "replace"), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _MESSAGE_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@web.post("/deliveries/<delivery_id>/again")
def delivery_again(delivery_id: str) -> Any:
    """Send a delivery now that failed or is being retried, or one to a webhook again."""
    try:
        services().deliveries.again(current_actor(), delivery_id)
    except ConflictError as error:
        return _shown(delivery_id, error)
    flash("It is being sent. Reload this page to see the result.")
    return see_other("web.delivery", delivery_id=delivery_id)


@web.post("/deliveries/first-channel")
def deliveries_first_channel() -> Any:
    """Choose the channel that comes first for everybody who has not chosen."""
    try:
        services().preferences.choose_first(current_actor(), request.form.get("way", ""), _first_ways())
    except InvalidInputError as error:
        return _list(error)
    flash("The choice is saved. It applies to future notifications to everybody who has not changed their settings.")
    return see_other("web.deliveries")


@web.get("/deliveries/first-channel")
def deliveries_first_channel_shown() -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.deliveries")


@web.post("/deliveries/again")
def deliveries_again() -> Any:
    """Send all deliveries now that match the filter and failed or are being retried."""
    count = services().deliveries.all_again(current_actor(), _wanted(request.form))
    sending = f"{plural(count, 'notification')} {'is' if count == 1 else 'are'} being sent again."
    flash(sending if count else "No notifications failed or are being retried.")
    return see_other("web.deliveries")


@web.get("/deliveries/again")
def deliveries_again_shown() -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.deliveries")


@web.get("/deliveries/<delivery_id>/again")
def delivery_again_shown(delivery_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.delivery", delivery_id=delivery_id)


def _list(error: InvalidInputError | None = None) -> Response:
    actor = current_actor()
    actor.require(Action.MANAGE_DELIVERIES)
    return render(
        "notify/deliveries.html", status_of(error) if error else 200, error=error, problems={},
        page=services().deliveries.page(actor, _wanted(), request.args.get("before", "")),
        counts=services().deliveries.counts(actor), kinds=KIND_WORDS, states=STATE_WORDS, dots=DOTS,
        query={name: value for name in _FILTERS if (value := request.args.get(name, ""))},
        has_server=_has_server(), demo=portal().settings.demo,
        unsent={
            words: services().deliveries.unsent(actor, channel)
            for channel, words in _SERVERS.items()
        },
        first=services().preferences.first(), first_ways=_first_ways(),
    )  # fmt: skip


def _wanted(given: Mapping[str, str] | None = None) -> DeliveryFilter:
    """What the filters ask for, those of the address by default; unknown values do not restrict the list."""
    given = request.args if given is None else given
    state, kind = given.get("state", ""), given.get("kind", "")
    return DeliveryFilter(
        DeliveryState(state) if state in set(DeliveryState) else None,
        NoticeKind(kind) if kind in set(NoticeKind) else None,
        given.get("text", "")[:200],
        given.get("request_id", "")[:200],
        destination_id=given.get("destination_id", "")[:200],
    )


def _shown(delivery_id: str, error: ConflictError | None = None) -> Response:
    found = services().deliveries.get(current_actor(), delivery_id)
    response = render(
        "notify/delivery.html", status_of(error) if error else 200, found=found, row=found.delivery, error=error,
        problems={}, kinds=KIND_WORDS, channels=CHANNEL_WORDS, states=STATE_WORDS, dots=DOTS, has_server=_has_server(),
        demo=portal().settings.demo,
    )  # fmt: skip
    # Only this page embeds another one: the stored email.
    response.headers["Content-Security-Policy"] = f"{content_security_policy(csp_nonce())}; frame-src 'self'"
    return response


def _first_ways() -> dict[Way, str]:
    """The ways that can come first here: without a Slack app, messages to Slack would reach nobody."""
    return {way: WAY_WORDS[way] for way in FIRST if _has_slack() or Channel.SLACK not in CHANNELS.get(way, ())}


def _has_server() -> bool:
    return bool(portal().settings.smtp_host)


def _has_slack() -> bool:
    return bool(portal().settings.slack_bot_token)
