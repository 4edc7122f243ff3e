"""What a request's page shows in addition to its row: its situation, and what its viewer can do besides deciding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import AssentError
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor, Role, Via
from app.domain.policy.access import PERSON, TEAM, is_approver
from app.domain.policy.calendars import opening_under
from app.domain.policy.fold import rejections
from app.domain.policy.terms import Terms
from app.domain.policy.verdicts import decided_by
from app.domain.policy.words import listing, window_words
from app.domain.ranking import MAX_PRIORITY
from app.domain.snoozing import latest_for_all
from app.services.approvals.deadlines.extension import MAX_EXTENSIONS, latest_extension
from app.services.approvals.decisions.claims import claimant_id
from app.services.approvals.decisions.replies import opening_words
from app.services.approvals.intake.rejection_memory import REJECTION, original_id, refuse_unless_reopenable, rejected_by
from app.services.requests.concern import handles
from app.services.requests.delegation import represented_by
from app.services.requests.entitlement import Seat
from app.services.requests.grace import is_refused
from app.services.requests.requester import askers, own_request
from app.services.requests.situation import (
    StageView,
    UpcomingStep,
    addresses_in,
    ahead_of,
    named,
    names_of,
    next_step_words,
    stage_views,
)
from app.services.requests.votes import vote
from app.services.sight import is_requester
from app.store.people import Person, TeamMember
from app.store.policies import Absence, Grant
from app.store.requests import ApprovalRequest, Decision
from app.store.runs import Run

MAX_CANDIDATES = 200


@dataclass(frozen=True)
class AnsweredBy:
    """What answers a request, or has answered it, instead of people.

    Attributes:
        kind: ``rejection``, ``grant``, or ``policy``.
        id: of the rejected request, or of the grant; the version of the policy.
        words: such as ``the earlier rejection by DBA on call``.
    """

    kind: str
    id: str
    words: str


@dataclass(frozen=True)
class Situation:
    """A request's situation.

    Attributes:
        asked: names of the current approvers (teams and people); empty: any reviewer.
        ahead: what will happen as time passes, soonest first.
        next_step: the approvers that an escalation adds; empty if there is no further step.
        windows: the change windows in words; empty: at any time.
        opens_at: when what is approved now would run; None: immediately.
        opening: the same in words, in the window's time zone.
        claimed: someone has claimed it.
        shortage: why too few people can decide it, as a sentence; empty if enough can.
        rejections: how many people reject it, where the policy requires several rejections.
    """

    stages: tuple[StageView, ...]
    asked: tuple[str, ...]
    ahead: tuple[UpcomingStep, ...]
    next_step: str
    windows: tuple[str, ...]
    opens_at: datetime | None
    opening: str
    claimed: bool
    answered_by: AnsweredBy | None
    shortage: str = ""
    rejections: int = 0


@dataclass(frozen=True)
class Acts:
    """What a viewer can do with a request now, besides deciding. Everything is checked again when it is done.

    Attributes:
        take_over: claiming it takes it over from someone.
        renew: claiming it renews the viewer's own claim.
        extend_until: the latest possible deadline; None: the deadline cannot be extended.
        snooze_all_until: until when it can be snoozed for everyone; None: it cannot.
    """

    claim: bool = False
    take_over: bool = False
    renew: bool = False
    release: bool = False
    assign: bool = False
    escalate: bool = False
    extend_until: datetime | None = None
    withdraw: bool = False
    reopen: bool = False
    cancel: bool = False
    comment: bool = False
    snooze: bool = False
    snooze_all_until: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the possible actions."""
        shown = ("claim", "release", "assign", "escalate", "withdraw", "reopen", "cancel", "comment", "snooze")
        possible = [name for name in shown if getattr(self, name)]
        return tuple(possible + (["extend"] if self.extend_until else []))


def situation_of(
    session: Session, request: ApprovalRequest, decisions: Sequence[Decision], terms: Terms, now: datetime
) -> Situation:
    """The request's situation."""
    pending = request.state == RequestState.PENDING.value
    names = names_of(session, addresses_in(terms, request.addressed_to))
    opens_at = opening_under(terms, now) if pending else request.held_until
    return Situation(
        stages=stage_views(request, decisions, terms, names),
        asked=named(request.addressed_to, names) if pending else (),
        ahead=ahead_of(request, decisions, terms, names),
        next_step=next_step_words(terms, request.escalation, names),
        windows=_windows(terms),
        opens_at=opens_at,
        opening=opening_words(terms.every_window, opens_at, now) if opens_at and terms.windows else "",
        claimed=pending and claimant_id(request, now) is not None,
        answered_by=_answered_by(session, request),
        shortage=request.shortage if pending else "",
        rejections=rejections([vote(decision) for decision in decisions if decision.withdrawn_at is None]),
    )


def _windows(terms: Terms) -> tuple[str, ...]:
    either = (listing([window_words(window) for window in further], "or") for further in terms.further_windows)
    return (*(window_words(window) for window in terms.windows), *(f"and only within {phrase}" for phrase in either))


def _answered_by(session: Session, request: ApprovalRequest) -> AnsweredBy | None:
    kind, _, source = request.answered_by.partition(":")
    if not source:
        return None
    if kind == REJECTION:
        who, _why = rejected_by(session, source)
        return AnsweredBy(kind, source, f"the earlier rejection by {who}" if who else "an earlier rejection")
    if (decided := decided_by(request.answered_by)) is not None:
        version, rule = decided
        return AnsweredBy(kind, str(version), f"the rule “{rule}” of policy version {version}")
    grant = session.get(Grant, source)
    return AnsweredBy(kind, source, f"the standing grant “{grant.title}”" if grant else "a standing grant")


def acts_of(
    session: Session,
    request: ApprovalRequest,
    viewer: Actor,
    seat: Seat | None,
    withdrawable: bool,
    now: datetime,
) -> Acts:
    """What the viewer can do with the request now.

    Args:
        seat: how the viewer can decide on it; None: not at all.
        withdrawable: the viewer has a decision that can be withdrawn.
    """
    comment = viewer.may(Action.COMMENT) and (viewer.kind != "agent" or is_requester(request, viewer))
    if request.state != RequestState.PENDING.value or now >= request.expires_at:
        return Acts(reopen=_may_reopen(session, request, viewer, now), withdraw=withdrawable, comment=comment)
    holder = claimant_id(request, now)
    own = bool(viewer.id) and holder == viewer.id
    handled = handles(session, request, viewer, now)
    steps_left = request.escalation < len(Terms.from_json(request.terms).escalation)
    return Acts(
        claim=seat is not None and viewer.may(Action.CLAIM),
        take_over=holder is not None and not own,
        renew=own,
        release=holder is not None and (own or viewer.may(Action.MANAGE_PEOPLE)),
        assign=handled and viewer.may(Action.ASSIGN),
        escalate=handled and viewer.may(Action.ESCALATE) and (steps_left or request.priority < MAX_PRIORITY),
        extend_until=latest_extension(request) if _may_extend(session, request, viewer, now) else None,
        withdraw=withdrawable,
        cancel=(is_requester(request, viewer) or (handled and viewer.may(Action.CANCEL_REQUEST)))
        and not is_refused(session, request),
        comment=comment,
        snooze=viewer.kind == "person" and bool(viewer.id) and viewer.may(Action.SEE),
        snooze_all_until=_snooze_all_until(request, now) if seat is not None and viewer.may(Action.CLAIM) else None,
    )


def _snooze_all_until(request: ApprovalRequest, now: datetime) -> datetime | None:
    latest = latest_for_all(request.opened_at, request.expires_at, Terms.from_json(request.terms))
    return latest if latest > now else None


def _may_extend(session: Session, request: ApprovalRequest, viewer: Actor, now: datetime) -> bool:
    if not viewer.may(Action.EXTEND) or not viewer.id or own_request(request, viewer):
        return False
    if request.extended >= MAX_EXTENSIONS or latest_extension(request) <= request.expires_at:
        return False
    if is_approver(viewer.member, request.addressed_to) or Role.ADMIN in viewer.roles:
        return True
    principals = represented_by(session, viewer.id, now)
    return any(
        is_approver(principal, request.addressed_to) and principal.id not in askers(request) for principal in principals
    )


def _may_reopen(session: Session, request: ApprovalRequest, viewer: Actor, now: datetime) -> bool:
    if request.state != RequestState.REJECTED.value or not viewer.may(Action.REOPEN):
        return False
    original = session.get(ApprovalRequest, original_id(request))
    run = session.get(Run, original.run_id) if original is not None and original.run_id else None
    if original is None:
        return False
    try:
        refuse_unless_reopenable(session, original, run, viewer, now)
    except AssentError:
        return False
    return True


def candidates(session: Session, request: ApprovalRequest, now: datetime) -> list[Person]:
    """People whom a pending request can be assigned to: approvers who could decide, are present, and have not decided.

    Sorted by name, at most `MAX_CANDIDATES`.
    """
    away = select(Absence.person_id).where(Absence.starts_at <= now, Absence.ends_at > now, Absence.ended_at.is_(None))
    away = away.where(Absence.confirmed_at.is_not(None))
    said = select(Decision.person_id).where(Decision.request_id == request.id, Decision.withdrawn_at.is_(None))
    query = select(Person).where(Person.active, Person.id.not_in(away), Person.id.not_in(said))
    query = query.where(Person.id.not_in(askers(request)))
    if request.addressed_to:
        slugs = [address.removeprefix(TEAM) for address in request.addressed_to if address.startswith(TEAM)]
        emails = [address.removeprefix(PERSON) for address in request.addressed_to if address.startswith(PERSON)]
        members = select(TeamMember.person_id).where(TeamMember.team_slug.in_(slugs))
        query = query.where(or_(Person.id.in_(members), func.lower(Person.email).in_(emails)))
    found = session.scalars(query.order_by(Person.name, Person.id).limit(MAX_CANDIDATES))
    return [person for person in found if person.as_actor(Via.PAGE).may(Action.DECIDE)]
