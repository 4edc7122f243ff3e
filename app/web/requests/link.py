"""Deciding with a link from an email, without signing in. Opening the link decides nothing; a button does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, flash, request
from flask_login import current_user

from app.domain.ballot import Ballot
from app.domain.errors import AssentError, InvalidInputError
from app.domain.people import Actor, Via
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.refusals import before_credentials, note_stranger
from app.http.runtime import portal, services
from app.services.notifications.links import LinkState, OpenedLink
from app.services.reading.pages import RequestView
from app.services.refusals import RefusedAction
from app.services.requests.entitlement import HARMLESS
from app.web.field_text import Submission, submitted_text
from app.web.pages import render, see_other, web
from app.web.requests.buttons import buttons_of
from app.web.requests.changes import answer_of
from app.web.requests.lessons import lesson_notes
from app.web.requests.page import Attempt, resolution_text
from app.web.requests.proposals import show
from assent.contracts import Verdict

_REFUSED: Mapping[LinkState, int] = {
    LinkState.UNKNOWN: 404,
    LinkState.ANOTHERS: 403,
    LinkState.EXPIRED: 410,
    LinkState.INACTIVE: 410,
    LinkState.NOT_SENT: 410,
}
"""HTTP status of each page that shows nothing about the request."""
_NOT_BY_LINK = (Verdict.MODIFY,)
"""Changing a proposal takes the editors of the request's own page."""


@web.get("/decide/<token>")
def by_link(token: str) -> Any:
    """Show the request. Mail scanners and previews open links, so opening one changes nothing."""
    opened = _open(token)
    if opened.state is not LinkState.USABLE or opened.view is None:
        return _explanation(opened)
    return _page(token, opened.view, opened.actor)


@web.post("/decide/<token>")
def by_link_decide(token: str) -> Any:
    """Record the decision of the link's owner."""
    opened, sent = _open(token), request.form
    view, actor = opened.view, opened.actor
    if opened.state is not LinkState.USABLE or view is None or actor is None:
        return _explanation(opened, late=True)
    try:
        verdict = _verdict(sent.get("verdict", ""))
        answer = answer_of(view, sent) if verdict is Verdict.ANSWER and Verdict.ANSWER in view.verdicts else None
        comment = submitted_text(sent.get("comment", ""))
        ballot = Ballot(verdict, view.request.digest, answer=answer, comment=comment)
        result = services().checkpoints.decide(view.request.id, actor, ballot)
    except AssentError as error:
        again = _open(token)
        if again.state is not LinkState.USABLE or again.view is None:
            return _explanation(again, late=True)
        return _page(token, again.view, again.actor, Attempt(sent, error=error, problems=_fields(error)))
    flash(result.words)
    return see_other("web.by_link", token=token)


def _open(token: str) -> OpenedLink:
    visitor = current_actor() if current_user.is_authenticated else None
    secret_key = portal().settings.secret_key
    before_credentials(token)
    opened = services().links.open(secret_key, token, request.remote_addr or "", visitor)
    if opened.state is LinkState.UNKNOWN:
        note_stranger(RefusedAction.LINK, opened.state.value, Via.MAIL)
    return opened


def _verdict(given: str) -> Verdict:
    try:
        verdict = Verdict(given)
    except ValueError:
        raise InvalidInputError("Choose a decision.", {"verdict": "unknown"}) from None
    if verdict in _NOT_BY_LINK:
        raise InvalidInputError("To change the proposal, open the request and sign in.", {"verdict": "not by link"})
    return verdict


def _fields(error: AssentError) -> Mapping[str, str]:
    found: Mapping[str, str] = error.extra.get("fields", {})
    return found


def _page(token: str, view: RequestView, actor: Actor | None, attempt: Attempt | None = None) -> Response:
    """The request with its buttons; `attempt` is a submission that was refused."""
    verdicts = tuple(verdict for verdict in view.verdicts if verdict not in _NOT_BY_LINK)
    view = replace(view, verdicts=verdicts, editable=False)
    sent: Submission | None = attempt.sent if attempt else None
    # A link is good for a decision, not for comments.
    view = replace(view, acts=replace(view.acts, comment=False), settleable=frozenset())
    shown = show(view, sent, attempt.problems if attempt else None)
    harmless = tuple(verdict for verdict in view.verdicts if verdict in HARMLESS)
    offered = replace(view, verdicts=harmless) if view.sign_in_first else view
    return render(
        "links/decide.html", status_of(attempt.error) if attempt and attempt.error else 200,
        token=token, view=view, request_row=view.request, row=view.request, shown=shown,
        buttons=buttons_of(offered, shown), viewer=actor, now=services().clock(), comment=_comment(sent),
        attempt=attempt or Attempt(_nothing(), act=""), error=attempt.error if attempt else None,
        problems=attempt.problems if attempt else {},
        lesson_notes=lesson_notes(view, services().lessons.applied(view.request, actor)) if actor else [],
    )  # fmt: skip


def _comment(sent: Submission | None) -> str:
    return sent.get("comment", "") if sent else ""


def _nothing() -> Submission:
    return Submission()


def _explanation(opened: OpenedLink, late: bool = False) -> Response:
    """Why the link does not work, or no longer works, and what to do instead.

    Args:
        late: a decision was submitted and did not count.
    """
    view = opened.view if opened.state not in _REFUSED else None
    status = _REFUSED.get(opened.state) or (409 if late else 200)
    return render(
        "links/result.html", status, state=opened.state.value, view=view, late=late, request_id=opened.request_id,
        resolution=resolution_text(view) if view is not None else "", signed_in=current_user.is_authenticated,
    )  # fmt: skip
