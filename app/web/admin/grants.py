"""Standing grants: suggestions, proposed ones, active ones, and ended ones."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError, ConflictError, InvalidInputError, NotFoundError
from app.domain.grants import MAX_DAYS, MAX_RISK, MAX_USES, GrantState, Limits
from app.domain.people import Action
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.grants.lifecycle import GrantDraft
from app.services.grants.precedents import Suggestion
from app.web.pages import address, download, events_position, export_format, render, see_other, web
from assent.contracts import RiskLevel

_NOTHING: MultiDict[str, str] = MultiDict()
_USUAL = {"max_uses": "20", "days": "30"}
"""The form's initial values."""
DOTS = {
    GrantState.PROPOSED: "waiting", GrantState.ACTIVE: "running", GrantState.USED_UP: "done",
    GrantState.DECLINED: "failed", GrantState.REVOKED: "failed", GrantState.EXPIRED: "pending",
}  # fmt: skip


@web.get("/grants")
def grants() -> Any:
    """All grants by state, and suggestions."""
    return _list()


@web.get("/grants/export")
def grants_export() -> Any:
    """All grants as a file, streamed."""
    return download(services().grants.export(current_actor(), export_format()), "standing-grants")


def _list(error: AssentError | None = None) -> Response:
    actor = current_actor()
    actor.require(Action.SEE)
    seq = events_position()
    shown = services().grants.list(actor)
    may_propose = actor.may(Action.PROPOSE_GRANT)
    return render(
        "grants.html", status_of(error) if error else 200,
        seq=seq, live_src=address("web.grants", {}), may_propose=may_propose, dots=DOTS, error=error,
        suggestions=services().grants.suggestions(actor) if may_propose else [],
        proposed=[view for view in shown if view.state is GrantState.PROPOSED],
        active=[view for view in shown if view.state is GrantState.ACTIVE],
        ended=[view for view in shown if view.state.ended],
    )  # fmt: skip


@web.get("/grants/suggestions/<key>")
def grant_suggestion(key: str) -> Any:
    """A suggestion with its evidence, what it would have approved, and the form."""
    try:
        return _suggestion(services().grants.suggestion(key, current_actor()))
    except ConflictError as error:
        return _list(error)


@web.post("/grants/suggestions/<key>")
def grant_propose(key: str) -> Any:
    """Propose the grant, or show the problems with the form."""
    actor, sent = current_actor(), request.form
    try:
        suggestion = services().grants.suggestion(key, actor)
    except ConflictError as error:
        return _list(error)
    try:
        grant = services().grants.propose(actor, _draft(suggestion, sent), sent.get("reason", ""))
    except ConflictError as error:
        return _list(error)
    except InvalidInputError as error:
        return _suggestion(suggestion, sent, error)
    flash("The standing grant is proposed. It approves nothing until a second person approves it.")
    return see_other("web.grant", grant_id=grant.id)


def _suggestion(suggestion: Suggestion, sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None) -> Any:
    actor = current_actor()
    rehearsal = services().grants.rehearse(actor, suggestion.scope, suggestion.pattern, suggestion.max_risk)
    given = _USUAL | {"title": suggestion.title, "max_risk": suggestion.max_risk.value, "reason": ""} | sent.to_dict()
    risks = [level for level in RiskLevel if suggestion.max_risk.rank <= level.rank <= MAX_RISK.rank]
    return render(
        "grants_suggestion.html", status_of(error) if error else 200,
        suggestion=suggestion, rehearsal=rehearsal, given=given, risks=risks, most_uses=MAX_USES, most_days=MAX_DAYS,
        error=error, problems=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip


def _draft(suggestion: Suggestion, sent: MultiDict[str, str]) -> GrantDraft:
    try:
        risk = RiskLevel(sent.get("max_risk", suggestion.max_risk.value))
    except ValueError:
        raise InvalidInputError("This is not a risk level.", {"max_risk": "not a risk level"}) from None
    limits = Limits(risk, _number(sent, "max_uses"), _number(sent, "days"))
    evidence = [precedent.id for precedent in suggestion.evidence]
    return GrantDraft(suggestion.scope, suggestion.pattern, limits, sent.get("title", ""), evidence)


def _number(sent: MultiDict[str, str], name: str) -> int:
    text = sent.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidInputError("Enter whole numbers for uses and days.", {name: "Enter a whole number."})
    return int(text)


@web.get("/grants/<grant_id>")
def grant(grant_id: str) -> Any:
    """One grant with its uses."""
    return _shown(grant_id)


def _shown(grant_id: str, error: AssentError | None = None, act: str = "") -> Response:
    seq = events_position()
    detail = services().grants.view(grant_id, current_actor())
    return render(
        "grants_one.html", status_of(error) if error else 200,
        seq=seq, live_src=address("web.grant", {}, grant_id=grant_id), detail=detail, view=detail.view,
        row=detail.view.grant, dots=DOTS, error=error, act=act, reason=request.form.get("reason", ""),
    )  # fmt: skip


@web.post("/grants/<grant_id>/approve")
def grant_approve(grant_id: str) -> Any:
    """Approve it, as the second person."""
    try:
        given = services().grants.approve(current_actor(), grant_id)
    except NotFoundError:
        raise
    except AssentError as error:
        return _shown(grant_id, error, "approve")
    flash(f"“{given.title}” is active: matching requests are approved until it is used up, expires, or is revoked.")
    return see_other("web.grant", grant_id=grant_id)


@web.post("/grants/<grant_id>/<any(decline, revoke):act>")
def grant_end(grant_id: str, act: str) -> Any:
    """Decline a proposed grant, or revoke one at once."""
    end = services().grants.decline if act == "decline" else services().grants.revoke
    try:
        ended = end(current_actor(), grant_id, request.form.get("reason", ""))
    except NotFoundError:
        raise
    except AssentError as error:
        return _shown(grant_id, error, act)
    flash(f"“{ended.title}” is {GrantState(ended.state).words}. It approves nothing.")
    return see_other("web.grant", grant_id=grant_id)


@web.get("/grants/<grant_id>/<any(approve, decline, revoke):act>")
def grant_acted(grant_id: str, act: str) -> Any:
    """Show the grant: a refusal is rendered at the action's URL, which people may open again."""
    return see_other("web.grant", grant_id=grant_id)
