"""A request's page, the decision on it, and the preview of an edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, flash, request

from app.domain.ballot import Ballot
from app.domain.errors import AssentError, InvalidInputError, NotFoundError, ReauthenticationError, RiskRaisedError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.policy.verdicts import decided_by
from app.domain.prepared_reasons import ReasonUse
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.approvals.decisions.decision import DecisionResult
from app.services.approvals.decisions.reassessment import ChangePreview
from app.services.people.prepared_reasons import ReasonView
from app.services.reading.pages import RequestView, RunView
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.similar_requests import PendingLike
from app.services.requests.entitlement import HARMLESS
from app.services.requests.votes import decider
from app.web.differences import difference
from app.web.field_text import Submission, submitted_text
from app.web.forms.field_errors import FieldError, field_errors
from app.web.forms.moments import field_value
from app.web.forms.values import REARRANGE, rearranged
from app.web.listing import filter_from, is_grouped, listed, query_here, query_of
from app.web.pages import address, events_position, is_fragment, render, see_other, web
from app.web.requests.basis import basis_view
from app.web.requests.buttons import acts_words, buttons_of
from app.web.requests.changes import Change, answer_of, change_of
from app.web.requests.lessons import lesson_notes, with_undone
from app.web.requests.line_comments import open_count
from app.web.requests.proposals import ProposalView, labels, show
from app.web.requests.readable import changed_text, readable
from assent.contracts import RiskLevel, Verdict
from assent.digests import digest_of

DECIDING = "decisions"
ACTS = (
    "claim, release, snooze, unsnooze, assignment, escalations, extension, withdrawal, reopening, comments, "
    "resolution, cancel, review"
)


@dataclass
class Attempt:
    """A submission that was refused or is only a preview.

    Attributes:
        act: the action, named as in the last part of its path.
        error: why it was refused; None for a preview.
        preview: the risk and rule of the change; for a preview, and for a change refused because it raises the risk.
        change_digest: of that change; sending it again accepts what the page says about this change, and no other.
    """

    sent: Submission
    act: str = DECIDING
    error: AssentError | None = None
    preview: ChangePreview | None = None
    change_digest: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def decides(self) -> bool:
        """True for a decision or preview: the decision's fields then show what was submitted."""
        return self.act in (DECIDING, "preview")

    @property
    def sign_in_first(self) -> bool:
        """True if the person must sign in again first."""
        return isinstance(self.error, ReauthenticationError)

    def typed(self, act: str, name: str, default: str = "") -> str:
        """What the person typed into a field of that action's form."""
        return self.sent.get(name, default) if self.act == act else default


@web.get("/requests/<request_id>")
def request_page(request_id: str) -> Any:
    """The request's page."""
    return page_of(request_id, current_actor())


def page_of(request_id: str, actor: Actor, attempt: Attempt | None = None) -> Response:
    """The page; after a refusal, with what the person submitted in its fields."""
    seq = events_position()
    view = services().views.request(request_id, actor)
    deciding = attempt if attempt and attempt.decides else None
    sent = deciding.sent if deciding else None
    found = attempt.preview.assessment if attempt and attempt.preview else None
    shown = show(view, sent, deciding.problems if deciding else None, found)
    wanted = filter_from(request.args, actor)
    query = query_of(wanted, is_grouped())
    return render(
        "request.html",
        status_of(attempt.error) if attempt and attempt.error else 200,
        seq=seq, view=view, request_row=view.request, shown=shown, attempt=attempt or Attempt(Submission(), act=""),
        now=services().clock(), viewer=actor, error=attempt.error if attempt and not attempt.preview else None,
        problems=deciding.problems if deciding else {},
        field_errors=_field_errors(deciding, shown) if deciding else [],
        comment=sent.get("comment", "") if sent else "",
        prepared_reasons=_prepared_reasons(view, actor),
        open_comments=open_count(view.threads),
        past=services().views.past_like(view.request, actor), alike=_alike(view),
        resolution=resolution_text(view), run_view=_run_view(view, actor), proposed_diff=_proposed_diff(view),
        basis=basis_view(view), lesson_notes=lesson_notes(view, services().lessons.applied(view.request, actor), sent),
        proposed_text="" if view.request.proposed is None else readable(view.request.proposed),
        revision_diff=_revision_diff(view), buttons=buttons_of(view, shown, attempt.preview if attempt else None),
        acts_words=acts_words(view.acts),
        candidates=services().views.candidates(request_id, actor) if view.acts.assign else [],
        new_deadline=field_value(view.request.expires_at),
        listed=None if is_fragment() else listed(wanted), selected=request_id, cursor=None,
        query=query, list_src=address("web.queue", query | {"selected": request_id}),
        live_src=address("web.request_page", query, request_id=request_id),
        preview_diff=_preview_diff(view, attempt.sent) if attempt and attempt.preview else [],
        sample=services().samples.of(request_id, actor) if decided_by(view.request.answered_by) else None,
    )  # fmt: skip


def _prepared_reasons(view: RequestView, actor: Actor) -> dict[str, list[ReasonView]]:
    """The prepared reasons that the viewer can use, by what they are for."""
    if not {Verdict.REJECT, Verdict.REQUEST_CHANGES} & set(view.verdicts):
        return {}
    offered = services().prepared_reasons.offered(actor, view.request)
    found: dict[str, list[ReasonView]] = {}
    for verdict, words in ((Verdict.REJECT, "For rejecting"), (Verdict.REQUEST_CHANGES, "For requesting changes")):
        fitting = [reason for reason in offered if reason.use in (verdict.value, ReasonUse.BOTH)]
        if fitting and verdict in view.verdicts:
            found[words] = fitting
    return found


def _field_errors(deciding: Attempt, shown: ProposalView) -> list[FieldError]:
    """The problems with fields; a verdict is not a field."""
    not_fields = ("verdict", "acknowledged_risk")
    problems = {name: words for name, words in deciding.problems.items() if name not in not_fields}
    return field_errors(shown.form, problems, labels(shown))


def _alike(view: RequestView) -> list[PendingLike]:
    return services().similar.pending_like(view.request) if view.state is RequestState.PENDING else []


def _run_view(view: RequestView, actor: Actor) -> RunView | None:
    return services().views.run(view.run.id, actor) if view.run is not None else None


def resolution_text(view: RequestView) -> str:
    """How the request ended, in a sentence; empty while it is pending."""
    if view.state is RequestState.PENDING:
        return ""
    standing = [decision for decision in view.decisions if decision.withdrawn_at is None]
    if standing and not view.request.answered_by and view.state.value not in ("expired", "cancelled", "superseded"):
        # With a quorum of two, both decided; the timeline says who changed it.
        names = list(dict.fromkeys(decider(decision) for decision in standing))
        if view.state not in (RequestState.APPROVED, RequestState.MODIFIED, RequestState.ANSWERED):
            names = names[-1:]
        return f"{' and '.join(names)} decided: {view.state.words}."
    return view.request.note or f"This request is {view.state.words}."


def _proposed_diff(view: RequestView) -> list[Any]:
    """What reviewers have changed in the agent's own proposal so far."""
    row = view.request
    if row.proposed is None or row.digest == row.proposed_digest:
        return []
    return difference(readable(row.proposed), readable(row.payload))


def _revision_diff(view: RequestView) -> list[Any]:
    if view.previous is None:
        return []
    return difference(readable(view.previous.payload), readable(view.request.payload))


@web.get(f"/requests/<request_id>/<any({DECIDING}, preview, {ACTS}):act>")
def request_acted(request_id: str, act: str) -> Any:
    """Show the request's page: a refusal is rendered at the action's URL, which people may open again."""
    return see_other("web.request_page", request_id=request_id)


@web.post("/requests/<request_id>/decisions")
def request_decide(request_id: str) -> Any:
    """Record a decision, or show the page again with the problems and everything the person typed."""
    actor, sent = current_actor(), request.form
    change: Change | None = None

    def decide() -> tuple[DecisionResult, str]:
        nonlocal change
        view = services().views.request(request_id, actor)
        acknowledged = _acknowledged(sent)
        verdict = _verdict(sent.get("verdict") or ("approve" if acknowledged else ""))
        answer = None
        if verdict in (Verdict.APPROVE, Verdict.MODIFY) and view.request.digest == sent.get("digest", ""):
            change = with_undone(view, change_of(view, sent), sent)
            verdict = Verdict.APPROVE if change is None else Verdict.MODIFY
            if sent.get("acknowledged_for", "") not in ("", _digest(change)):
                acknowledged = None  # the page has said what another change means
        elif verdict is Verdict.ANSWER and Verdict.ANSWER in view.verdicts:
            answer = answer_of(view, sent)
        # Without a script, a prepared reason does not fill in the comment.
        prepared = sent.get("prepared", "") if verdict in HARMLESS else ""
        comment = submitted_text((sent.get("comment", "").strip() and sent["comment"]) or prepared)
        ballot = Ballot(
            verdict, sent.get("digest", ""), change, answer, comment, acknowledged, read_seconds=_read_seconds(sent)
        )
        return services().checkpoints.decide(request_id, actor, ballot), view.request.title

    try:
        return _decided(*decide())
    except NotFoundError:
        raise
    except RiskRaisedError as error:
        preview = _preview(request_id, actor, change)
        return page_of(request_id, actor, Attempt(sent, error=error, preview=preview, change_digest=_digest(change)))
    except AssentError as error:
        return page_of(request_id, actor, Attempt(sent, error=error, problems=error.extra.get("fields", {})))


def _read_seconds(sent: Any) -> int | None:
    """How long the request was in view, as the page says; None if it does not say."""
    said = sent.get("read_seconds", "")
    return int(said) if said.isdecimal() and len(said) <= 6 else None


@web.post("/requests/<request_id>/preview")
def request_preview(request_id: str) -> Any:
    """Show an edit's risk, its changes, and the approvals it would require, without submitting it."""
    actor, sent = current_actor(), request.form
    if REARRANGE in sent:
        return page_of(request_id, actor, Attempt(rearranged(sent), "preview"))
    view = services().views.request(request_id, actor)
    try:
        change = with_undone(view, change_of(view, sent), sent)
        preview = _preview(request_id, actor, change)
        preview = preview or ChangePreview(view.assessment, view.terms, False)
    except NotFoundError:
        raise
    except AssentError as error:
        problems = error.extra.get("fields", {})
        return page_of(request_id, actor, Attempt(sent, "preview", error, problems=problems))
    return page_of(request_id, actor, Attempt(sent, "preview", preview=preview, change_digest=_digest(change)))


def _preview(request_id: str, actor: Actor, change: Change | None) -> ChangePreview | None:
    return None if change is None else services().checkpoints.preview(request_id, actor, change)


def _digest(change: Change | None) -> str:
    """The digest of a change; empty if there is none, or if it cannot be stored."""
    try:
        return "" if change is None else digest_of(change)
    except ValueError:
        return ""


def act_on(request_id: str, act: str, do: Callable[[Actor], str]) -> Response:
    """Perform an action and go back to the page; a refusal is shown there with what the person typed."""
    actor = current_actor()
    try:
        return done(request_id, do(actor))
    except NotFoundError:
        raise
    except AssentError as error:
        return page_of(request_id, actor, Attempt(request.form, act, error, problems=error.extra.get("fields", {})))


def done(request_id: str, words: str) -> Response:
    """Redirect to the page, which says what was done."""
    flash(words)
    query = query_here()
    return see_other("web.request_page", request_id=request_id, **query)


def _decided(result: DecisionResult, title: str) -> Response:
    """Open the next request if the page named one that still waits, and the decided one otherwise."""
    following = request.form.get("next", "")
    waiting = services().queue.rows(QueueFilter(), [following]) if following else []
    # Somebody else may have decided that one meanwhile: it then only waits for the end of its grace period.
    if not any(row.resolves_at is None for row in waiting):
        return done(result.request.id, result.words)
    told: dict[str, Any] = {"id": result.request.id, "title": title, "words": result.words}
    if due := result.request.resolves_at:
        told |= {"due": due.isoformat(), "left": round((due - services().clock()).total_seconds())}
    flash(told, "decided")  # type: ignore[arg-type]  # a session stores it as it is
    return see_other("web.request_page", request_id=following, **query_here())


def _verdict(given: str) -> Verdict:
    try:
        return Verdict(given)
    except ValueError:
        raise InvalidInputError("Choose a decision.", {"verdict": "unknown"}) from None


def _acknowledged(sent: Submission) -> RiskLevel | None:
    """The risk that the person acknowledged for their edit."""
    given = sent.get("acknowledged_risk", "")
    try:
        return RiskLevel(given) if given else None
    except ValueError:
        raise InvalidInputError("This is not a risk level.", {"acknowledged_risk": "unknown"}) from None


def _preview_diff(view: RequestView, sent: Submission) -> list[Any]:
    """The diff of changed arguments or data; edited texts show their own."""
    if view.request.kind not in ("tool_call", "tool_calls", "plan", "custom"):
        return []
    try:
        change = with_undone(view, change_of(view, sent), sent)
        if change is None:
            return []
        return difference(readable(view.request.payload), changed_text(view.request.payload, change))
    except AssentError:
        return []
