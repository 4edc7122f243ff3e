"""Prepared reasons of teams: everybody sees them; the people of a team, and admins, change them."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request

from app.domain.errors import AssentError, InvalidInputError, NotFoundError
from app.domain.people import Action
from app.domain.prepared_reasons import ReasonUse
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.people.prepared_reasons import LONGEST, may_change
from app.web.field_text import Submission, submitted_text
from app.web.pages import download, export_format, render, see_other, web


@web.get("/reasons")
def reasons() -> Any:
    """The reasons by team, and the form for another one."""
    current_actor().require(Action.SEE)
    return _page()


@web.get("/reasons/export")
def reasons_export() -> Any:
    """All reasons as a file, streamed."""
    return download(services().prepared_reasons.export(current_actor(), export_format()), "prepared-reasons")


@web.post("/reasons")
def reason_add() -> Any:
    """Add a reason."""
    sent = request.form
    try:
        services().prepared_reasons.add(
            current_actor(), sent.get("team", ""), _use(sent), submitted_text(sent.get("text", ""))
        )  # fmt: skip
    except AssentError as error:
        return _page(sent, error)
    flash("The reason is added.")
    return see_other("web.reasons")


@web.post("/reasons/<reason_id>/<any(change, remove):act>")
def reason_act(reason_id: str, act: str) -> Any:
    """Change or remove a reason."""
    actor, sent = current_actor(), request.form
    try:
        if act == "remove":
            services().prepared_reasons.remove(actor, reason_id)
        else:
            text = submitted_text(sent.get("text", ""))
            services().prepared_reasons.change(actor, reason_id, _use(sent), text)
    except NotFoundError:
        raise
    except AssentError as error:
        return _page(sent, error, reason_id)
    flash("The reason is removed." if act == "remove" else "The reason is changed.")
    return see_other("web.reasons")


@web.get("/reasons/<reason_id>/<any(change, remove):act>")
def reason_act_shown(reason_id: str, act: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.reasons")


def _use(sent: Submission) -> ReasonUse:
    try:
        return ReasonUse(sent.get("use", ""))
    except ValueError:
        raise InvalidInputError("Choose what the reason is for.", {"use": "Choose one."}) from None


def _page(sent: Submission | None = None, error: AssentError | None = None, reason_id: str = "") -> Response:
    """Args: `reason_id` is the reason whose form was refused; empty: the one for another reason."""
    actor, book = current_actor(), services().prepared_reasons
    by_team: dict[str, list[Any]] = {}
    for reason in book.all(actor):
        by_team.setdefault(reason.team_name, []).append(reason)
    return render(
        "reasons.html", status_of(error) if error else 200,
        by_team=by_team, teams=book.teams(actor), uses=list(ReasonUse), longest=LONGEST, sent=sent or Submission(),
        error=error, refused=reason_id, wrong=error.extra.get("fields", {}) if error else {},
        changeable={reason.id for some in by_team.values() for reason in some if may_change(actor, reason.team)},
    )  # fmt: skip
