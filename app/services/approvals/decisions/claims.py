"""Claims (for a limited time) and assignments. Neither prevents others from deciding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import (
    ClaimedError,
    ConflictError,
    DuplicateDecisionError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotAskedError,
    OwnRequestError,
)
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor, Via
from app.domain.policy.terms import Terms
from app.domain.text import is_storable
from app.services.approvals.ground import Ground, get, refuse_unless_open
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.comments import clean_comment
from app.services.requests.concern import require_handling
from app.services.requests.delegation import current_absence
from app.services.requests.entitlement import HARMLESS, approvers_text, seat_of
from app.services.requests.requester import request_origin
from app.services.requests.votes import decisions_on
from app.store.people import Person
from app.store.requests import UNCLAIMED, ApprovalRequest

CLAIM_MINUTES = 30
SHORTEST_CLAIM, LONGEST_CLAIM = 5, 8 * 60
"""Minutes."""
ATTEMPTS = 20
"""How often a claim or an assignment is retried when the request is changed at the same moment."""


@dataclass(frozen=True)
class _Change:
    """What to write to a request: the columns, the update for open pages, the audit entry, and who then holds the
    request."""

    columns: dict[str, Any]
    what: RequestChange
    action: str
    detail: dict[str, Any]
    person_id: str = ""


class Claims:
    """Claims, releases, and assigns requests."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def claim(
        self, request_id: str, actor: Actor, minutes: int = CLAIM_MINUTES, *, take_over: bool = False
    ) -> ApprovalRequest:
        """Claim a request, so that others see who is working on it. The actor's own claim is renewed.

        Args:
            minutes: 5 to 480, from now.
            take_over: also if someone else has claimed the request; the audit log then says so.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor could not decide the request.
            InvalidInputError: `minutes` is out of range.
            ClaimedError: someone else has claimed it; `extra` says who and until when.
            AlreadyDecidedError, ExpiredError, DuplicateDecisionError, ConflictError: too late.
        """
        actor.require(Action.CLAIM)
        if isinstance(minutes, bool) or not SHORTEST_CLAIM <= minutes <= LONGEST_CLAIM:
            words = f"A claim lasts between {SHORTEST_CLAIM} and {LONGEST_CLAIM} minutes."
            raise InvalidInputError(words, {"minutes": "out of range"})

        def change(session: Session, request: ApprovalRequest, first: ApprovalRequest, now: datetime) -> _Change:
            seat_of(session, request, actor, decisions_on(session, request.id), now)
            holder = claimant_id(request, now)
            # Only the claim that the actor saw is taken over, never a newer one of someone else.
            if holder not in (None, actor.id) and not (take_over and holder == claimant_id(first, now)):
                raise _claimed(request)
            until = now + timedelta(minutes=minutes)
            taken_from = request.claimed_by_name if holder not in (None, actor.id) else ""
            columns = {"claimed_by_id": actor.id, "claimed_by_name": actor.name, "claimed_until": until}
            detail = {"until": until.isoformat(), "renewed": holder == actor.id, "taken_from": taken_from}
            return _Change(columns, RequestChange.CLAIMED, "request.claimed", detail, actor.id)

        return self._write(request_id, actor, change)

    def release(self, request_id: str, actor: Actor) -> ApprovalRequest:
        """Release the actor's own claim. People who manage accounts can release anyone's.

        Raises:
            NotFoundError, ForbiddenError: the claim is someone else's.
            IllegalTransitionError: the request is not claimed.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """

        if actor.kind == "agent":
            raise ForbiddenError("Agents cannot claim requests.")

        def change(_session: Session, request: ApprovalRequest, _first: ApprovalRequest, _now: datetime) -> _Change:
            if request.claimed_by_id is None:
                raise IllegalTransitionError("This request is not claimed.")
            if request.claimed_by_id != actor.id and not actor.may(Action.MANAGE_PEOPLE):
                raise ForbiddenError(
                    f"{request.claimed_by_name} has claimed this. Only an admin can release the claim."
                )
            detail = {"claimed_by": request.claimed_by_name}
            return _Change(dict(UNCLAIMED), RequestChange.UNCLAIMED, "request.claim_released", detail)

        return self._write(request_id, actor, change)

    def assign(self, request_id: str, actor: Actor, person_id: str | None, reason: str = "") -> ApprovalRequest:
        """Name the person who should decide a request; None removes the assignment.

        Args:
            person_id: someone who could decide it now and is not absent.
            reason: required of people who reassign what is assigned to them.

        Raises:
            NotFoundError, ForbiddenError, NotAskedError: no such request, or the actor may not assign it.
            InvalidInputError: no such person, the person could not decide it or is absent, or a reason is missing;
                `fields` says where. For an absent person, `delegate_id` and `delegate_name` name the delegate.
            IllegalTransitionError: the request is already assigned like this.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        actor.require(Action.SEE)
        actor.require(Action.ASSIGN)
        words = clean_comment(reason)

        def change(session: Session, request: ApprovalRequest, first: ApprovalRequest, now: datetime) -> _Change:
            require_handling(session, request, actor, Action.ASSIGN, now)
            if request.assigned_to_id != first.assigned_to_id:
                who = request.assigned_to_name or "nobody"
                raise ConflictError(f"Someone else has just assigned this to {who}.", assigned_to=who)
            if person_id == request.assigned_to_id:
                who = request.assigned_to_name or "nobody"
                raise IllegalTransitionError(f"This is already assigned to {who}.", assigned_to=who)
            if person_id is not None and request.assigned_to_id == actor.id and actor.id and not words:
                raise InvalidInputError("Give a reason for handing this over.", {"reason": "This field is required."})
            person = _assignee(session, request, person_id, now) if person_id is not None else None
            to_id, to_name = (person.id, person.name) if person else (None, "")
            detail = {
                "from": request.assigned_to_name, "from_id": request.assigned_to_id,
                "to": to_name, "to_id": to_id, "reason": words,
            }  # fmt: skip
            columns = {"assigned_to_id": to_id, "assigned_to_name": to_name}
            if person is None:
                return _Change(columns, RequestChange.UNASSIGNED, "request.unassigned", detail)
            return _Change(columns, RequestChange.ASSIGNED, "request.assigned", detail, person.id)

        return self._write(request_id, actor, change)

    def _write(
        self,
        request_id: str,
        actor: Actor,
        change: Callable[[Session, ApprovalRequest, ApprovalRequest, datetime], _Change],
    ) -> ApprovalRequest:
        """Write the change if the request has not changed since it was read; otherwise read it again and start over.

        Args:
            change: receives the request as it is now, and as it was when it was first read.
        """
        first: ApprovalRequest | None = None
        for _ in range(ATTEMPTS):
            now = self._ground.clock()
            with self._ground.sessions.reads() as session:
                request = get(session, request_id)
                refuse_unless_open(request, now)
                first = first or request
                wanted = change(session, request, first, now)
            batch = moves.move(
                request, RequestState.PENDING, now, wanted.person_id, **wanted.columns,
                **due_values(request, **wanted.columns),
            )  # fmt: skip
            record(batch, actor, wanted.action, now, request_id=request.id, run_id=request.run_id, **wanted.detail)
            publish(batch, moves.changed(request, now, wanted.what))
            if batch.run(self._ground.sessions) is not None:
                return self._ground.fresh(request_id)
        raise ConflictError("This request is changing too often right now. Try again.")


def claimant_id(request: ApprovalRequest, now: datetime) -> str | None:
    """The id of the person who has claimed the request; None if nobody has, or if the claim or the request expired."""
    over = request.claimed_until is None or request.claimed_until <= now
    if over or request.state != RequestState.PENDING.value:
        return None
    return request.claimed_by_id


def let_go(request: ApprovalRequest, person_id: str, terms: Terms, others_asked: bool = False) -> dict[str, Any]:
    """The columns that end a person's claim and assignment after they decided, if the request waits for others.

    Args:
        terms: those in force from now on.
        others_asked: the request has moved to a stage with other approvers, so all claims and assignments end.
    """
    columns: dict[str, Any] = {}
    if request.assigned_to_id is not None and (others_asked or request.assigned_to_id == person_id):
        columns |= {"assigned_to_id": None, "assigned_to_name": ""}
    if request.claimed_by_id is not None and (others_asked or request.claimed_by_id == person_id):
        columns |= {**UNCLAIMED, **due_values(request, **UNCLAIMED, terms=terms)}
    return columns


def _claimed(request: ApprovalRequest) -> ClaimedError:
    until = request.claimed_until
    return ClaimedError(
        f"{request.claimed_by_name} has claimed this. You may take over the claim.",
        claimed_by=request.claimed_by_name, claimed_until=until.isoformat() if until else None,
    )  # fmt: skip


def _assignee(session: Session, request: ApprovalRequest, person_id: str, now: datetime) -> Person:
    """The person, if they could decide now. Raises InvalidInputError."""
    person = session.get(Person, person_id) if is_storable(person_id) else None
    if person is None:
        raise InvalidInputError("There is no such person.", {"person_id": "no such person"})
    why_not = _why_not(session, request, person, now)
    if why_not:
        raise InvalidInputError(f"{person.name} {why_not}", {"person_id": "This person cannot decide it."})
    absence = current_absence(session, person.id, now)
    if absence is not None:
        instead = f"{absence.delegate_name} is their delegate." if absence.delegate_id else "They have no delegate."
        raise InvalidInputError(
            f"{person.name} is absent. {instead}",
            {"person_id": "This person is absent."},
            delegate_id=absence.delegate_id, delegate_name=absence.delegate_name,
            absent_until=absence.ends_at.isoformat(),
        )  # fmt: skip
    return person


def _why_not(session: Session, request: ApprovalRequest, person: Person, now: datetime) -> str:
    """Why the person could not decide, as a predicate that follows the name; empty if they could."""
    if not person.active:
        return "has no active account."
    try:
        seat = seat_of(session, request, person.as_actor(Via.PAGE), decisions_on(session, request.id), now)
    except OwnRequestError:
        return f"{request_origin(request)}, or is the delegate of the person who did."
    except NotAskedError:
        return f"is not an approver: {approvers_text(session, request)} must decide now."
    except DuplicateDecisionError:
        return "has already decided, or a delegate has decided for them."
    except ForbiddenError:
        return "may not decide."
    return "" if set(seat.verdicts) - HARMLESS else "has already decided for another stage."
