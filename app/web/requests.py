"""A request's page, and every way to act on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, flash, request
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError, InvalidInputError, NotFoundError
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.risk import Assessment
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.views import RequestView, RunView
from app.web.pages import address, events_position, is_fragment, render, see_other, web
from app.web.proposals import Shown, answer_of, change_of, changed_text, difference, readable, show
from app.web.queue import filter_from, listed, query_of
from assent.contracts import Verdict

Sent = MultiDict[str, str]


@dataclass
class Attempt:
    """What a person sent that was not taken, or is not to be taken yet.

    Attributes:
        error: why not; None for a preview.
        assessment: the risk of the change, for a preview.
    """

    sent: Sent
    error: AssentError | None = None
    assessment: Assessment | None = None
    problems: Mapping[str, str] = field(default_factory=dict)


@web.get("/requests/<request_id>")
def request_page(request_id: str) -> Any:
    """The request, whole."""
    return _page(request_id, current_actor())


def _page(request_id: str, actor: Actor, attempt: Attempt | None = None) -> Response:
    seq = events_position()
    view = services().views.request(request_id, actor)
    sent = attempt.sent if attempt else None
    shown = show(view, sent, attempt.problems if attempt else None)
    now = services().clock()
    wanted = filter_from(request.args)
    query = query_of(wanted)
    return render(
        "request.html",
        status_of(attempt.error) if attempt and attempt.error else 200,
        seq=seq, view=view, request_row=view.request, shown=shown, attempt=attempt, now=now,
        problems=attempt.problems if attempt else {},
        comment=sent.get("comment", "") if sent else "",
        said=_said(view), run_view=_run_view(view, actor), proposed_diff=_proposed_diff(view),
        revision_diff=_revision_diff(view), buttons=_buttons(view, shown),
        may_comment=actor.may(Action.COMMENT), may_escalate=_open(view) and actor.may(Action.ESCALATE),
        may_cancel=_open(view) and (actor.may(Action.CANCEL_REQUEST) or actor.id == view.request.requester_id),
        listed=None if is_fragment() else listed(wanted), selected=request_id, cursor=None,
        query=query, list_src=address("web.queue", query | {"selected": request_id}),
        live_src=address("web.request_page", query, request_id=request_id),
        preview_diff=_preview_diff(view, attempt.sent) if attempt and attempt.assessment else [],
    )  # fmt: skip


def _open(view: RequestView) -> bool:
    return view.state.value == "pending"


def _run_view(view: RequestView, actor: Actor) -> RunView | None:
    return services().views.run(view.run.id, actor) if view.run is not None else None


def _said(view: RequestView) -> str:
    """What became of the request, in a sentence; empty while it is open."""
    if _open(view):
        return ""
    if view.decisions and view.state.value not in ("expired", "cancelled", "superseded"):
        # Where two were needed, both decided; who changed it is told by the timeline.
        names = list(dict.fromkeys(each.person_name for each in view.decisions))
        if view.state not in (RequestState.APPROVED, RequestState.MODIFIED, RequestState.ANSWERED):
            names = names[-1:]
        return f"{' and '.join(names)} decided: {view.state.words}."
    return view.request.note or f"This request is {view.state.words}."


def _proposed_diff(view: RequestView) -> list[Any]:
    """What reviewers changed so far, against the agent's own proposal."""
    row = view.request
    if row.proposed is None or row.digest == row.proposed_digest:
        return []
    return difference(readable(row.proposed), readable(row.payload))


def _revision_diff(view: RequestView) -> list[Any]:
    if view.previous is None:
        return []
    return difference(readable(view.previous.payload), readable(view.request.payload))


@dataclass(frozen=True)
class Buttons:
    """What the decision bar offers.

    Attributes:
        approve: the approving button's words without JavaScript; empty if there is none.
        have: approvals there will be after this one.
    """

    approve: str = ""
    answer: bool = False
    changes: bool = False
    reject: bool = False
    have: int = 0
    quorum: int = 1


def _buttons(view: RequestView, shown: Shown) -> Buttons:
    verdicts = view.verdicts
    have, quorum = view.request.approvals + 1, view.request.quorum
    words = ""
    if Verdict.APPROVE in verdicts:
        if have < quorum:
            words = f"Approve, as {have} of {quorum}"
        elif shown.kind == "optimizations":
            words = "Approve the chosen items"
        else:
            words = f"Approve and {shown.effect}" if shown.effect else "Approve"
    return Buttons(
        words, Verdict.ANSWER in verdicts, Verdict.REQUEST_CHANGES in verdicts, Verdict.REJECT in verdicts, have, quorum
    )


@web.get("/requests/<request_id>/<any(decisions, preview, comments, escalations, cancel):act>")
def request_acted(request_id: str, act: str) -> Any:
    """A refusal is shown under the act's own address; whoever opens that address again only wants to look."""
    return see_other("web.request_page", request_id=request_id)


@web.post("/requests/<request_id>/decisions")
def request_decide(request_id: str) -> Any:
    """Take a decision, or show the page again with what is wrong and everything the person wrote."""
    actor, sent = current_actor(), request.form

    def decide() -> str:
        view = services().views.request(request_id, actor)
        verdict = _verdict(sent.get("verdict", ""))
        change = answer = None
        if verdict in (Verdict.APPROVE, Verdict.MODIFY) and view.request.digest == sent.get("digest", ""):
            change = change_of(view, sent)
            verdict = Verdict.APPROVE if change is None else Verdict.MODIFY
        elif verdict is Verdict.ANSWER and Verdict.ANSWER in view.verdicts:
            answer = answer_of(view, sent)
        result = services().checkpoints.decide(
            request_id, actor, verdict, sent.get("digest", ""),
            change=change, answer=answer, comment=_lines(sent.get("comment", "")),
        )  # fmt: skip
        return result.words

    return _act(request_id, actor, decide)


@web.post("/requests/<request_id>/preview")
def request_preview(request_id: str) -> Any:
    """Show the risk of an edit, and what it changes, without sending it."""
    actor, sent = current_actor(), request.form
    view = services().views.request(request_id, actor)
    try:
        change = change_of(view, sent)
        assessment = view.assessment if change is None else services().checkpoints.preview(request_id, actor, change)
    except NotFoundError:
        raise
    except AssentError as error:
        return _page(request_id, actor, Attempt(sent, error, problems=error.extra.get("fields", {})))
    return _page(request_id, actor, Attempt(sent, assessment=assessment))


@web.post("/requests/<request_id>/comments")
def request_comment(request_id: str) -> Any:
    """Say something that decides nothing."""
    actor = current_actor()

    def comment() -> str:
        services().checkpoints.comment(request_id, actor, _lines(request.form.get("body", "")))
        return "Your comment is on the record."

    return _act(request_id, actor, comment)


@web.post("/requests/<request_id>/escalations")
def request_escalate(request_id: str) -> Any:
    """Have the request rank higher."""
    actor = current_actor()

    def escalate() -> str:
        services().checkpoints.escalate(request_id, actor, _lines(request.form.get("reason", "")))
        return "Escalated: it ranks higher now."

    return _act(request_id, actor, escalate)


@web.post("/requests/<request_id>/cancel")
def request_cancel(request_id: str) -> Any:
    """Withdraw the request."""
    actor = current_actor()

    def cancel() -> str:
        services().checkpoints.cancel(request_id, actor, _lines(request.form.get("reason", "")))
        return "Cancelled. The run is told that it was rejected."

    return _act(request_id, actor, cancel)


def _act(request_id: str, actor: Actor, act: Callable[[], str]) -> Response:
    """Do it and go back to the page; a refusal is shown on the page, beside what was sent."""
    try:
        words = act()
    except NotFoundError:
        raise
    except AssentError as error:
        return _page(request_id, actor, Attempt(request.form, error, problems=error.extra.get("fields", {})))
    flash(words)
    return see_other("web.request_page", request_id=request_id, **query_of(filter_from(request.args)))


def _verdict(given: str) -> Verdict:
    try:
        return Verdict(given)
    except ValueError:
        raise InvalidInputError("Choose what you decide.", {"verdict": "unknown"}) from None


def _lines(text: str) -> str:
    """The text with the line ends a person typed, not those that forms send."""
    return text.replace("\r\n", "\n")


def _preview_diff(view: RequestView, sent: Sent) -> list[Any]:
    """A change of arguments or data against what was proposed; edited texts have theirs beside them."""
    if view.request.kind not in ("tool_call", "custom"):
        return []
    try:
        change = change_of(view, sent)
        if change is None:
            return []
        return difference(readable(view.request.payload), changed_text(view.request.payload, change))
    except AssentError:
        return []
