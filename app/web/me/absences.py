"""Absences: your own with a form, who is away now, and, for admins, everybody's."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError, ConflictError, InvalidInputError, NotFoundError
from app.domain.people import Action
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.people.absences import AbsenceState, require_absence
from app.web.forms.moments import field_value, moment_of
from app.web.pages import download, export_format, render, see_other, web

_NOTHING: MultiDict[str, str] = MultiDict()
_FIELDS = ("starts_at", "ends_at")


@web.get("/absences")
def absences() -> Any:
    """The lists and the form."""
    current_actor().require(Action.SEE)
    return _page()


@web.get("/absences/export")
def absences_export() -> Any:
    """The absences of the page as a file, streamed."""
    return download(services().absences.export(current_actor(), export_format()), "absences")


@web.post("/absences")
def absence_add() -> Any:
    """Add an absence, or show the problems with it."""
    actor, sent = current_actor(), request.form
    person_id = sent.get("person_id") or actor.id
    require_absence(actor, person_id)
    try:
        added = services().absences.add(
            actor,
            person_id,
            sent.get("delegate_id") or None,
            moment_of(sent, "starts_at"),
            moment_of(sent, "ends_at"),
            sent.get("note", ""),
        )
    except AssentError as error:
        return _page(sent, error)
    if added.state is AbsenceState.WAITING:
        flash(f"The absence is added. It has no effect until {added.person_name} confirms it. They are notified.")
        return see_other("web.absences")
    name, delegate = added.person_name, added.delegate_name
    who = f"{delegate} may decide on behalf of {name}." if delegate else f"{name} has no delegate."
    flash(f"The absence is added. {who}")
    return see_other("web.absences")


@web.post("/absences/<absence_id>/end")
def absence_end(absence_id: str) -> Any:
    """End an absence now."""
    try:
        ended = services().absences.end(current_actor(), absence_id)
    except ConflictError as error:
        return _page(error=error)
    flash(f"The absence of {ended.person_name} has ended.")
    return see_other("web.absences")


@web.post("/absences/<absence_id>/confirm")
def absence_confirm(absence_id: str) -> Any:
    """Confirm an absence that somebody else added for you."""
    try:
        confirmed = services().confirmations.confirm_absence(current_actor(), absence_id)
    except NotFoundError:
        raise
    except AssentError as error:
        return _page(error=error)
    delegate = confirmed.delegate_name
    who = f"{delegate} may decide on your behalf." if delegate else "You have no delegate."
    flash(f"The absence is confirmed. {who}")
    return see_other("web.absences")


@web.post("/absences/<absence_id>/decline")
def absence_decline(absence_id: str) -> Any:
    """Decline an absence that somebody else added for you."""
    try:
        services().confirmations.decline_absence(current_actor(), absence_id)
    except ConflictError as error:
        return _page(error=error)
    flash("The absence is declined.")
    return see_other("web.absences")


@web.get("/absences/<absence_id>/<any(end, confirm, decline):act>")
def absence_act_shown(absence_id: str, act: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.absences")


def _page(sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None) -> Response:
    actor, all_absences = current_actor(), services().absences
    manages = actor.may(Action.MANAGE_PEOPLE)
    return render(
        "absences.html", status_of(error) if error else 200,
        me=actor, manages=manages, may_be_absent=actor.may(Action.BE_ABSENT),
        own=all_absences.of(actor.id), delegated=all_absences.for_whom(actor), away=all_absences.current(actor),
        everybody=all_absences.upcoming(actor) if manages else [],
        deciders=all_absences.deciders(), sent=sent, given=_given(sent), error=error,
        wrong=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip


def _given(sent: MultiDict[str, str]) -> dict[str, str]:
    """The values of the form's fields, in the time zone of `field_zone`."""
    if not sent:
        return {"starts_at": field_value(services().clock()), "ends_at": ""}
    given = {}
    for name in _FIELDS:
        try:
            given[name] = field_value(moment_of(sent, name))
        except InvalidInputError:
            given[name] = ""
    return given
