"""What can be done with a request besides deciding on it."""

from __future__ import annotations

from typing import Any

from flask import request

from app.domain.errors import InvalidInputError
from app.domain.people import Actor
from app.http.runtime import services
from app.services.approvals.decisions.claims import CLAIM_MINUTES
from app.web.field_text import submitted_text
from app.web.forms.moments import moment_of
from app.web.pages import web
from app.web.requests.page import act_on


def _reason() -> str:
    return submitted_text(request.form.get("reason", ""))


@web.post("/requests/<request_id>/claim")
def request_claim(request_id: str) -> Any:
    """Tell the others that one looks at it, or go on doing so."""

    def claim(actor: Actor) -> str:
        minutes = request.form.get("minutes", str(CLAIM_MINUTES))
        if not minutes.isascii() or not minutes.isdigit() or len(minutes) > 5:
            raise InvalidInputError("For how long?", {"minutes": "This is not a number of minutes."})
        take_over = request.form.get("take_over") == "1"
        services().checkpoints.claim(request_id, actor, int(minutes), take_over=take_over)
        return f"Claimed for {int(minutes)} min: the others see that you look at it, and may still decide."

    return act_on(request_id, "claim", claim)


@web.post("/requests/<request_id>/release")
def request_release(request_id: str) -> Any:
    """Give a claim up."""

    def release(actor: Actor) -> str:
        services().checkpoints.release_claim(request_id, actor)
        return "Released: nobody has claimed it now."

    return act_on(request_id, "release", release)


@web.post("/requests/<request_id>/assignment")
def request_assign(request_id: str) -> Any:
    """Say who is to decide, or hand it on."""

    def assign(actor: Actor) -> str:
        assigned = services().checkpoints.assign(
            request_id, actor, request.form.get("person_id") or None, _reason()
        )  # fmt: skip
        who = assigned.assigned_to_name
        return f"Assigned to {who}." if who else "Assigned to nobody in particular."

    return act_on(request_id, "assignment", assign)


@web.post("/requests/<request_id>/escalations")
def request_escalate(request_id: str) -> Any:
    """Ask the next people of the chain, or have it rank higher."""

    def escalate(actor: Actor) -> str:
        before = services().views.request(request_id, actor).situation.next_step
        services().checkpoints.escalate(request_id, actor, _reason())
        return f"Escalated: it goes to {before} as well, and ranks higher." if before else "Escalated: it ranks higher."

    return act_on(request_id, "escalations", escalate)


@web.post("/requests/<request_id>/extension")
def request_extend(request_id: str) -> Any:
    """Give more time."""

    def extend(actor: Actor) -> str:
        services().checkpoints.extend(request_id, actor, moment_of(request.form, "until"), _reason())
        return "The deadline is later now, and the record says why."

    return act_on(request_id, "extension", extend)


@web.post("/requests/<request_id>/withdrawal")
def request_withdraw(request_id: str) -> Any:
    """Take one's own decision back."""

    def withdraw(actor: Actor) -> str:
        return services().checkpoints.withdraw(request_id, actor, _reason()).words

    return act_on(request_id, "withdrawal", withdraw)


@web.post("/requests/<request_id>/reopening")
def request_reopen(request_id: str) -> Any:
    """Have the same proposal go to people again."""

    def reopen(actor: Actor) -> str:
        services().checkpoints.reopen(request_id, actor, _reason())
        return "Reopened: when the run asks for the same again, people decide."

    return act_on(request_id, "reopening", reopen)


@web.post("/requests/<request_id>/comments")
def request_comment(request_id: str) -> Any:
    """Say something that decides nothing."""

    def comment(actor: Actor) -> str:
        services().checkpoints.comment(request_id, actor, submitted_text(request.form.get("body", "")))
        return "Your comment is on the record."

    return act_on(request_id, "comments", comment)


@web.post("/requests/<request_id>/cancel")
def request_cancel(request_id: str) -> Any:
    """Withdraw the request."""

    def cancel(actor: Actor) -> str:
        services().checkpoints.cancel(request_id, actor, _reason())
        return "Canceled. The run is told that it was rejected."

    return act_on(request_id, "cancel", cancel)
