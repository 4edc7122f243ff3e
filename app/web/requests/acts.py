"""Actions on a request besides deciding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request

from app.domain.errors import InvalidInputError
from app.domain.people import Actor
from app.domain.snoozing import WakesOn
from app.http.runtime import services
from app.services.approvals.decisions.claims import CLAIM_MINUTES
from app.services.approvals.decisions.remarks import CommentPlace
from app.web.field_text import submitted_text
from app.web.forms.moments import moment_of, zone_of
from app.web.pages import web
from app.web.requests.page import act_on

_SPANS = ("60", "240")
"""Minutes that the menu offers."""


def _reason() -> str:
    return submitted_text(request.form.get("reason", ""))


@web.post("/requests/<request_id>/claim")
def request_claim(request_id: str) -> Any:
    """Claim the request, or renew the claim."""

    def claim(actor: Actor) -> str:
        minutes = request.form.get("minutes", str(CLAIM_MINUTES))
        if not minutes.isascii() or not minutes.isdigit() or len(minutes) > 5:
            raise InvalidInputError("Say for how many minutes.", {"minutes": "This is not a number of minutes."})
        take_over = request.form.get("take_over") == "1"
        services().checkpoints.claim(request_id, actor, int(minutes), take_over=take_over)
        return f"Claimed for {int(minutes)} min: others see that you are working on it, and can still decide."

    return act_on(request_id, "claim", claim)


@web.post("/requests/<request_id>/release")
def request_release(request_id: str) -> Any:
    """Release the claim."""

    def release(actor: Actor) -> str:
        services().checkpoints.release_claim(request_id, actor)
        return "Claim released."

    return act_on(request_id, "release", release)


@web.post("/requests/<request_id>/assignment")
def request_assign(request_id: str) -> Any:
    """Assign the request, or remove the assignment."""

    def assign(actor: Actor) -> str:
        assigned = services().checkpoints.assign(
            request_id, actor, request.form.get("person_id") or None, _reason()
        )  # fmt: skip
        who = assigned.assigned_to_name
        return f"Assigned to {who}." if who else "The assignment is removed."

    return act_on(request_id, "assignment", assign)


@web.post("/requests/<request_id>/escalations")
def request_escalate(request_id: str) -> Any:
    """Escalate to the next step of the rule's chain, or only raise the priority."""

    def escalate(actor: Actor) -> str:
        before = services().views.request(request_id, actor).situation.next_step
        services().checkpoints.escalate(request_id, actor, _reason())
        return f"Escalated to {before}, with higher priority." if before else "Escalated: the priority is higher now."

    return act_on(request_id, "escalations", escalate)


@web.post("/requests/<request_id>/extension")
def request_extend(request_id: str) -> Any:
    """Extend the deadline."""

    def extend(actor: Actor) -> str:
        services().checkpoints.extend(request_id, actor, moment_of(request.form, "until"), _reason())
        return "The deadline is extended. The audit log has the reason."

    return act_on(request_id, "extension", extend)


@web.post("/requests/<request_id>/snooze")
def request_snooze(request_id: str) -> Any:
    """Take the request out of the queue for a while, for the viewer or for everyone."""

    def snooze(actor: Actor) -> str:
        sent, for_all = request.form, request.form.get("for_all") == "1"
        known = set(WakesOn)
        wakes = [WakesOn(value) for value in sent.getlist("wakes") if value in known]
        until = _snoozed_until(sent)
        services().checkpoints.snooze(request_id, actor, until, wakes, for_all=for_all, reason=_reason())
        return "Snoozed for everyone." if for_all else "Snoozed: it is out of your queue. Others still see it."

    return act_on(request_id, "snooze", snooze)


def _snoozed_until(sent: Any) -> datetime | None:
    """The chosen end; None: until something happens. Raises InvalidInputError."""
    span, now = sent.get("span", "until"), services().clock()
    if span == "event":
        return None
    if span == "tomorrow":
        there = now.astimezone(zone_of(sent))
        morning = (there + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
        return morning.astimezone(UTC)
    if span in _SPANS:
        return now + timedelta(minutes=int(span))
    return moment_of(sent, "until")


@web.post("/requests/<request_id>/unsnooze")
def request_unsnooze(request_id: str) -> Any:
    """Bring the request back to the queue."""

    def end(actor: Actor) -> str:
        for_all = request.form.get("for_all") == "1"
        services().checkpoints.end_snooze(request_id, actor, for_all=for_all)
        return "It is in everyone's queue again." if for_all else "It is in your queue again."

    return act_on(request_id, "unsnooze", end)


@web.post("/requests/<request_id>/withdrawal")
def request_withdraw(request_id: str) -> Any:
    """Withdraw the viewer's own decision."""

    def withdraw(actor: Actor) -> str:
        return services().checkpoints.withdraw(request_id, actor, _reason()).words

    return act_on(request_id, "withdrawal", withdraw)


@web.post("/requests/<request_id>/reopening")
def request_reopen(request_id: str) -> Any:
    """Reopen a rejection, so that people decide if the same proposal comes again."""

    def reopen(actor: Actor) -> str:
        services().checkpoints.reopen(request_id, actor, _reason())
        return "Reopened: people decide if the run proposes the same again."

    return act_on(request_id, "reopening", reopen)


@web.post("/requests/<request_id>/comments")
def request_comment(request_id: str) -> Any:
    """Add a comment."""

    def comment(actor: Actor) -> str:
        sent = request.form
        line = sent.get("line", "").strip()
        if line and not (line.isascii() and line.isdigit() and 0 < len(line) < 8):
            raise InvalidInputError("Enter the number of a line.", {"line": "This is not the number of a line."})
        place = CommentPlace(
            submitted_text(sent.get("part", "")), int(line) if line else None, sent.get("seen", ""),
            sent.get("reply_to", ""),
        )  # fmt: skip
        services().checkpoints.comment(request_id, actor, submitted_text(sent.get("body", "")), place=place)
        return "Your comment is added."

    return act_on(request_id, "comments", comment)


@web.post("/requests/<request_id>/resolution")
def request_resolution(request_id: str) -> Any:
    """Resolve or reopen a comment at a line."""

    def settle(actor: Actor) -> str:
        resolve = {"resolve": True, "reopen": False}.get(request.form.get("act", ""))
        if resolve is None:
            raise InvalidInputError("Choose whether to resolve or to reopen it.", {"act": "unknown"})
        comment_id = request.form.get("comment_id", "")
        services().checkpoints.settle_comment(request_id, comment_id, actor, resolve=resolve)
        return "The comment is resolved." if resolve else "The comment is open again."

    return act_on(request_id, "resolution", settle)


@web.post("/requests/<request_id>/cancel")
def request_cancel(request_id: str) -> Any:
    """Cancel the request."""

    def cancel(actor: Actor) -> str:
        services().checkpoints.cancel(request_id, actor, _reason())
        return "Canceled. The run receives a rejection."

    return act_on(request_id, "cancel", cancel)


@web.post("/requests/<request_id>/review")
def request_review(request_id: str) -> Any:
    """Review what a policy decided, if it was drawn as a sample."""

    def review(actor: Actor) -> str:
        opinion = {"agree": True, "disagree": False}.get(request.form.get("opinion", ""))
        if opinion is None:
            raise InvalidInputError("Choose whether you agree.", {"opinion": "unknown"})
        comment = submitted_text(request.form.get("comment", ""))
        services().samples.review(actor, request_id, opinion, comment)
        return "Your review is recorded. It changes nothing for the agent."

    return act_on(request_id, "review", review)
