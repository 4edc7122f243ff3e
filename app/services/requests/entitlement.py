"""Who may decide on a request now, and how. Both decisions and the pages that offer them use it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.calls import takes_changes
from app.domain.changes import EDITABLE_KINDS
from app.domain.errors import (
    AlreadyDecidedError,
    AssentError,
    DuplicateDecisionError,
    ExpiredError,
    NotAskedError,
    OwnRequestError,
)
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.access import TEAM, Member, is_approver
from app.domain.policy.fold import NO_STAGE
from app.domain.policy.terms import Terms
from app.domain.policy.words import listing
from app.services.requests.delegation import represented_by
from app.services.requests.requester import askers, refuse_own, request_origin
from app.services.requests.situation import named, names_of, stage_name
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import Verdict

ASKING_KINDS = frozenset({"question", "error", "value"})
"""Kinds of requests that require an answer instead of an approval."""
HARMLESS = frozenset({Verdict.REJECT, Verdict.REQUEST_CHANGES})
"""Verdicts that approve nothing; they never require signing in again."""

_CLOCKS_DIFFER = timedelta(seconds=60)


@dataclass(frozen=True)
class Seat:
    """A person's part in a request.

    Attributes:
        verdicts: what they may do, in the order of the buttons.
        stage: the stage for which their decision counts.
        principal: the absent person on whose behalf they decide; None: themselves.
        replaces: their previous answer, which a new one replaces.
    """

    verdicts: tuple[Verdict, ...]
    stage: int
    principal: Member | None = None
    replaces: Decision | None = None


def seat_of(
    session: Session, request: ApprovalRequest, actor: Actor, decisions: Sequence[Decision], now: datetime
) -> Seat:
    """How the actor may decide now. Delegations are only looked up if the actor is not an approver.

    Args:
        decisions: those that have not been withdrawn, oldest first.

    Raises:
        ForbiddenError, OwnRequestError, NotAskedError: the actor may not decide.
        AlreadyDecidedError, ExpiredError: too late.
        DuplicateDecisionError: they have already decided, or someone has on their behalf.
    """
    actor.require(Action.DECIDE)
    if actor.kind != "person" or not actor.id:
        raise OwnRequestError("Only a person can decide.")
    refuse_own(request, actor)
    if request.state != RequestState.PENDING.value:
        state = RequestState(request.state)
        kind = ExpiredError if state is RequestState.EXPIRED else AlreadyDecidedError
        raise kind(f"This request is {state.words}. Your decision was not counted.", state=state.value)
    if now >= request.expires_at:
        past = late_words(request)
        raise ExpiredError(f"{past} Your decision was not counted.", state=request.state)
    member = actor.member
    if is_approver(member, request.addressed_to):
        principal = None
    else:
        # People who have already decided get that error even if they are not among the current approvers.
        _refuse_second(request, actor, decisions)
        principal = _principal(session, request, actor, decisions, now)
    return _seat(request, actor, principal, decisions)


def late_words(request: ApprovalRequest) -> str:
    """Why nobody can decide on a pending request after its deadline."""
    if request.resolves_at is None:
        return "The deadline has passed."
    return "This request is decided. The deadline has passed, so the decision can only be undone until it takes effect."


def sign_in_again(terms: Terms, actor: Actor, now: datetime) -> bool:
    """True if the actor has to sign in again before they can approve."""
    if terms.reauthenticate_seconds is None:
        return False
    since = actor.authenticated_at
    # A sign-in in the future means that the clock was set back, so its age is unknown.
    return since is None or not -_CLOCKS_DIFFER <= now - since <= timedelta(seconds=terms.reauthenticate_seconds)


def fitting_verdicts(request: ApprovalRequest, terms: Terms) -> tuple[Verdict, ...]:
    """The verdicts that this kind of request and its terms allow, in the order of the buttons."""
    if request.kind in ASKING_KINDS:
        return (Verdict.ANSWER, Verdict.REJECT)
    fits = {
        Verdict.APPROVE: True,
        Verdict.MODIFY: request.kind in EDITABLE_KINDS and terms.edit_allowed,
        Verdict.REQUEST_CHANGES: takes_changes(request.dialect, request.payload),
        Verdict.REJECT: True,
    }
    return tuple(verdict for verdict, fit in fits.items() if fit)


def _seat(request: ApprovalRequest, actor: Actor, principal: Member | None, decisions: Sequence[Decision]) -> Seat:
    member, fitting = actor.member, fitting_verdicts(request, Terms.from_json(request.terms))
    ids = actor.persons | ({principal.id} if principal else frozenset())
    stage, replaces = request.stage, None
    for decision in _words_of(ids, decisions):
        if decision.verdict == Verdict.ANSWER.value and decision.person_id == member.id:
            # A new answer replaces the previous one, for the same stage.
            fitting, stage, replaces = (Verdict.ANSWER,), decision.stage, decision
        elif _final(request, decision):
            raise _second(request, decision, actor)
        elif decision.digest == request.digest and decision.stage != NO_STAGE:
            # People who approved at another stage can still object; a second approval would not count.
            fitting = tuple(verdict for verdict in fitting if verdict is not Verdict.APPROVE)
    return Seat(fitting, stage, principal, replaces)


def _words_of(ids: Collection[str], decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions of these people, on their behalf, or of someone who may be one of them (`Actor.persons`)."""
    wanted = frozenset(ids)
    return [
        decision for decision in decisions
        if wanted & {decision.person_id, decision.on_behalf_of_id, *decision.made.ids}
    ]  # fmt: skip


def _standing_words(request: ApprovalRequest, ids: Collection[str], decisions: Sequence[Decision]) -> list[Decision]:
    """Those of these people's decisions that still count, without approvals of an older payload."""
    lasting = (Verdict.REJECT.value, Verdict.ANSWER.value)
    return [
        decision
        for decision in _words_of(ids, decisions)
        if decision.verdict in lasting or decision.digest == request.digest
    ]


def _final(request: ApprovalRequest, decision: Decision) -> bool:
    """True if this decision prevents its author from deciding at the current stage until they withdraw it."""
    if decision.verdict == Verdict.REJECT.value:
        return True  # it counts whatever others change
    if decision.verdict == Verdict.ANSWER.value:
        return True
    return decision.digest == request.digest and decision.stage == request.stage


def _second(request: ApprovalRequest, decision: Decision, actor: Actor) -> DuplicateDecisionError:
    needed = needed_words(request)
    if actor.id == decision.person_id:
        words = (
            "You have rejected this; withdraw your rejection first to approve it."
            if decision.verdict == Verdict.REJECT.value
            else f"You have decided; {needed}."
        )
    elif actor.id == decision.on_behalf_of_id:
        words = f"{decision.person_name} has decided on your behalf; {needed}."
    elif _words_of(actor.persons, [decision]):
        maker = decision.made.names or actor.makers.names
        words = (
            f"{decision.person_name} has decided, and you may be the same person: {maker} made the sign-in link or "
            "token of one of you, or of both. Another person must decide, or use a link from someone else."
        )
    else:
        words = f"The person whose delegate you are has decided; {needed}."
    return DuplicateDecisionError(words, state=RequestState.PENDING.value)


def needed_words(request: ApprovalRequest) -> str:
    """What a request still needs, for someone whose part in it is decided."""
    if request.resolves_at is not None:
        return "the decision takes effect soon unless it is undone"
    return "another person must decide as well"


def _refuse_second(request: ApprovalRequest, actor: Actor, decisions: Sequence[Decision]) -> None:
    for decision in _standing_words(request, actor.persons, decisions):
        raise _second(request, decision, actor)


def _principal(
    session: Session, request: ApprovalRequest, actor: Actor, decisions: Sequence[Decision], now: datetime
) -> Member:
    """The absent person on whose behalf the actor decides.

    Raises:
        NotAskedError, OwnRequestError, DuplicateDecisionError: there is none, or they could not decide either.
    """
    represented = represented_by(session, actor.id, now)
    absent = [absentee for absentee in represented if is_approver(absentee, request.addressed_to)]
    refusal: AssentError | None = None
    for absentee in absent:
        if absentee.id in askers(request):
            refusal = OwnRequestError(f"{absentee.name}, whose delegate you are, {request_origin(request)}.")
        elif _standing_words(request, {absentee.id}, decisions):
            refusal = DuplicateDecisionError(
                f"{absentee.name}, whose delegate you are, has decided; {needed_words(request)}.",
                state=request.state,
            )
        else:
            return absentee
    raise refusal or not_approver_error(session, request, actor)


def not_approver_error(session: Session, request: ApprovalRequest, actor: Actor) -> NotAskedError:
    """The error for a person who is not an approver; it names the approvers."""
    who = approvers_text(session, request)
    if len(request.addressed_to) > 1:
        because = "; you are not among them"
    else:
        because = "; you are not in that team" if request.addressed_to[0].startswith(TEAM) else ", not you"
    return NotAskedError(f"{who} must decide now{because}.", asked=list(request.addressed_to))


def approvers_text(session: Session, request: ApprovalRequest) -> str:
    """The current approvers in words; empty: any reviewer."""
    names = names_of(session, request.addressed_to)
    terms = Terms.from_json(request.terms)
    stage = terms.stages[min(request.stage, len(terms.stages) - 1)]
    if stage.name and not request.escalated_to:
        return stage.name
    words = named(request.addressed_to, names)
    return listing(words, "or") or stage_name(terms, request.stage, names)
