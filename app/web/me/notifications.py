"""Your notification settings: which events, by which channel, and when."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from app.domain.choices import CHOOSABLE, Choices, Rhythm, Way, choices_from
from app.domain.errors import AssentError
from app.domain.hidden_characters import plain_text
from app.domain.notices import Channel, NoticeKind, Refused
from app.http.errors import status_of
from app.http.identity import current_actor, current_sign_in
from app.http.runtime import portal, services
from app.notify.slack.client import SlackError
from app.web.me.browsers import application_key
from app.web.pages import render, see_other, web
from assent.contracts import RiskLevel

_KINDS = {
    NoticeKind.ASKED: ("My approval is required", "or my team's"),
    NoticeKind.ASSIGNED: ("A request is assigned to me", ""),
    NoticeKind.ESCALATED: ("A request is escalated to me", "sent immediately, even in quiet hours"),
    NoticeKind.EXPIRING: ("A deadline is near", "for a request that requires my approval"),
    NoticeKind.OUTCOME: ("My request is decided", ""),
    NoticeKind.SETTLED: ("Others have decided", "a request that required my approval"),
    NoticeKind.RECEIPT: ("The run reports its result", "for requests that I made or that required my approval"),
}
_WAYS = {
    Way.MAIL: "Email immediately", Way.SLACK: "Slack immediately", Way.BOTH: "Email and Slack immediately",
    Way.BROWSER: "Browser immediately", Way.DIGEST: "In the roundup", Way.OFF: "Never",
}  # fmt: skip
_ROUNDUP_WAYS = {Way.MAIL: "Email", Way.SLACK: "Slack", Way.BOTH: "Email and Slack"}
_RISKS = {
    RiskLevel.SAFE: "any risk",
    RiskLevel.LOW: "low risk or higher",
    RiskLevel.MEDIUM: "medium risk or higher",
    RiskLevel.HIGH: "high risk or higher",
    RiskLevel.CRITICAL: "critical risk",
}
_RHYTHMS = {Rhythm.DAILY: "Once a day", Rhythm.HOURLY: "Every hour, if there is anything new"}
_NOTHING: MultiDict[str, str] = MultiDict()


@web.get("/profile/notifications")
def notifications() -> Any:
    """The settings."""
    return page()


@web.post("/profile/notifications")
def notifications_change() -> Any:
    """Save the settings, or show the problems with them."""
    actor, sent = current_actor(), request.form
    try:
        wanted = choices_from(sent)
    except AssentError as error:
        return page(sent, error)
    services().preferences.choose(actor, wanted)
    flash(f"Your settings are saved. They apply to future notifications.{_unknown_in_slack(wanted)}")
    return see_other("web.notifications")


def _unknown_in_slack(wanted: Choices) -> str:
    """What somebody has to know who chooses Slack, but whom Slack does not know; empty if it does, or is not chosen."""
    api, email = portal().slack, current_user.person.email
    if api is None or not wanted.uses(Channel.SLACK) or services().slack_people.link_of(current_actor()) is not None:
        return ""
    try:
        api.user_with(email)
    except SlackError as error:
        if isinstance(error.result, Refused):
            return (
                f" Slack has no user with the address {plain_text(email)}. Link your account under Profile, Slack; "
                "until then, email takes the place of Slack."
            )
    return ""


def page(sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None) -> Response:
    """The page, with what was sent and the problems with it, if there are any."""
    stored = as_form(services().preferences.of(current_actor()))
    given = {name: sent.get(name, "") for name in stored} if sent else stored
    return render(
        "notify/choices.html", status_of(error) if error else 200,
        browsers=services().browsers.listed(current_actor(), current_sign_in()), push_key=application_key(),
        given=given, kinds={kind: _KINDS[kind] for kind in CHOOSABLE}, ways=_WAYS, risks=_RISKS,
        rhythms=_RHYTHMS, roundup_ways=_ROUNDUP_WAYS,
        slack_failure=services().preferences.slack_failure(current_actor()),
        person=current_user.person, now=services().clock(), error=error,
        wrong=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip


def as_form(choices: Choices) -> dict[str, str]:
    """The settings as form fields; `choices_from` is the inverse."""
    form: dict[str, str] = {}
    for kind in CHOOSABLE:
        choice = choices.kinds[kind]
        form |= {
            f"{kind.value}.way": choice.way.value,
            f"{kind.value}.least": choice.least.value,
            f"{kind.value}.below": choice.below.value,
        }
    begin, end = choices.quiet or (None, None)
    return form | {
        "rhythm": choices.rhythm.value,
        "digest_by": choices.digest_by.value,
        "digest_at": choices.digest_at.strftime("%H:%M"),
        "quiet_from": begin.strftime("%H:%M") if begin else "",
        "quiet_until": end.strftime("%H:%M") if end else "",
    }
