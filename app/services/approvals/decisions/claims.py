"""Who looks after a request: a claim for a while, or an assignment. Neither keeps anybody from deciding."""

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
from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor, Via
from app.domain.policy.terms import Terms
from app.domain.text import is_storable
from app.services.approvals.ground import Ground, get, refuse_unless_open
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.concern import require_handling
from app.services.requests.delegation import current_absence
from app.services.requests.entitlement import HARMLESS, asked_words, seat_of
from app.services.requests.requester import how_they_asked
from app.store.people import Person
from app.store.requests import UNCLAIMED, ApprovalRequest

CLAIM_MINUTES = 30
SHORTEST_CLAIM, LONGEST_CLAIM = 5, 8 * 60
"""Minutes."""
ATTEMPTS = 20
"""How often a claim or an assignment is tried again when something else changes the request at the same moment."""


@dataclass(frozen=True)
class _Change:
    """What to write on a request as it was seen: the columns, what open pages hear, the audit entry, and in whose
    hands it is then."""

    columns: dict[str, Any]
    what: RequestChange
    action: str
    detail: dict[str, Any]
    person_id: str = ""


class Claiming:
    """Takes, renews and gives up claims, and assigns requests."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def claim(
        self, request_id: str, actor: Actor, minutes: int = CLAIM_MINUTES, *, take_over: bool = False
    ) -> ApprovalRequest:
        """Tell the others that one looks at a request; it lapses by itself. A claim of one's own is renewed.

        Args:
            minutes: 5 to 480, from now.
            take_over: also when somebody else holds it, which the record then says.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError, NotAskedError: the actor could not decide it.
            InvalidInputError: `minutes` is out of range.
            ClaimedError: somebody else holds it; `extra` says who and until when.
            AlreadyDecidedError, ExpiredError, DuplicateDecisionError, ConflictError: too late.
        """
        actor.require(Action.CLAIM)
        if isinstance(minutes, bool) or not SHORTEST_CLAIM <= minutes <= LONGEST_CLAIM:
            words = f"A claim lasts {SHORTEST_CLAIM} to {LONGEST_CLAIM} minutes."
            raise InvalidInputError(words, {"minutes": "This is out of range."})

        def change(session: Session, request: ApprovalRequest, first: ApprovalRequest, now: datetime) -> _Change:
            seat_of(session, request, actor, moves.decisions_on(session, request.id), now)
            holder = holder_of(request, now)
            # Taken over is who held it when this was asked, never somebody who came between.
            if holder not in (None, actor.id) and not (take_over and holder == holder_of(first, now)):
                raise _claimed(request)
            until = now + timedelta(minutes=minutes)
            taken_from = request.claimed_by_name if holder not in (None, actor.id) else ""
            columns = {"claimed_by_id": actor.id, "claimed_by_name": actor.name, "claimed_until": until}
            detail = {"until": until.isoformat(), "renewed": holder == actor.id, "taken_from": taken_from}
            return _Change(columns, RequestChange.CLAIMED, "request.claimed", detail, actor.id)

        return self._write(request_id, actor, change)

    def release(self, request_id: str, actor: Actor) -> ApprovalRequest:
        """Give up one's own claim, or, for those who manage people, end anybody's.

        Raises:
            NotFoundError, ForbiddenError: it is somebody else's.
            IllegalTransitionError: nobody holds it.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """

        if actor.kind == "agent":
            raise ForbiddenError("An agent claims nothing.")

        def change(_session: Session, request: ApprovalRequest, _first: ApprovalRequest, _now: datetime) -> _Change:
            if request.claimed_by_id is None:
                raise IllegalTransitionError("This request is not claimed.")
            if request.claimed_by_id != actor.id and not actor.may(Action.MANAGE_PEOPLE):
                raise ForbiddenError(f"{request.claimed_by_name} has claimed this; only an admin may end that.")
            detail = {"claimed_by": request.claimed_by_name}
            return _Change(dict(UNCLAIMED), RequestChange.UNCLAIMED, "request.claim_released", detail)

        return self._write(request_id, actor, change)

    def assign(self, request_id: str, actor: Actor, person_id: str | None, reason: str = "") -> ApprovalRequest:
        """Say who is to decide a request, or with None that nobody in particular is.

        Args:
            person_id: somebody who could decide it now and is not absent.
            reason: why; whoever hands on what is assigned to them has to say.

        Raises:
            NotFoundError, ForbiddenError, NotAskedError: no such request, or the actor may not.
            InvalidInputError: no such person, the person could not decide it or is absent, or a reason is missing;
                `fields` says where, and of somebody absent `delegate_id` and `delegate_name` say who stands in.
            IllegalTransitionError: so it is assigned already.
            AlreadyDecidedError, ExpiredError, ConflictError: too late.
        """
        actor.require(Action.SEE)
        actor.require(Action.ASSIGN)
        words = moves.clean_comment(reason)

        def change(session: Session, request: ApprovalRequest, first: ApprovalRequest, now: datetime) -> _Change:
            require_handling(session, request, actor, Action.ASSIGN, now)
            if request.assigned_to_id != first.assigned_to_id:
                who = request.assigned_to_name or "nobody"
                raise ConflictError(f"Somebody else has just assigned this to {who}.", assigned_to=who)
            if person_id == request.assigned_to_id:
                who = request.assigned_to_name or "nobody"
                raise IllegalTransitionError(f"This is assigned to {who} already.", assigned_to=who)
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
        """Write the change if the request is still as it was seen; otherwise look again and think anew.

        Args:
            change: gets the request as it is, and as it was when it was first looked at.
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
            publish(
                batch,
                event_row(
                    EventKind.REQUEST_CHANGED, now, run_id=request.run_id, request_id=request.id,
                    state=RequestState.PENDING.value, what=wanted.what,
                ),
            )  # fmt: skip
            if batch.run(self._ground.sessions) is not None:
                return self._ground.fresh(request_id)
        raise ConflictError("This request is changing too often right now. Try again.")


def holder_of(request: ApprovalRequest, now: datetime) -> str | None:
    """The id of whoever has claimed the request; None if nobody has, the claim's time is over, or the request's."""
    over = request.claimed_until is None or request.claimed_until <= now
    if over or request.state != RequestState.PENDING.value:
        return None
    return request.claimed_by_id


def let_go(request: ApprovalRequest, person_id: str, terms: Terms, others_asked: bool = False) -> dict[str, Any]:
    """The columns with which a request that waits for others leaves the hands of somebody who has decided.

    Args:
        terms: those that hold from now on.
        others_asked: another stage asks others now, so it leaves everybody's hands.
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
        raise InvalidInputError("There is no such person.", {"person_id": "This is nobody."})
    why_not = _why_not(session, request, person, now)
    if why_not:
        raise InvalidInputError(f"{person.name} {why_not}", {"person_id": "This person cannot decide it."})
    absence = current_absence(session, person.id, now)
    if absence is not None:
        instead = f"{absence.delegate_name} stands in." if absence.delegate_id else "They have no delegate."
        raise InvalidInputError(
            f"{person.name} is absent now. {instead}",
            {"person_id": "This person is absent."},
            delegate_id=absence.delegate_id, delegate_name=absence.delegate_name,
            absent_until=absence.ends_at.isoformat(),
        )  # fmt: skip
    return person


def _why_not(session: Session, request: ApprovalRequest, person: Person, now: datetime) -> str:
    """Why the person could not decide, to be put after the name; empty if they could."""
    if not person.active:
        return "has no active account."
    try:
        seat = seat_of(session, request, person.as_actor(Via.PAGE), moves.decisions_on(session, request.id), now)
    except OwnRequestError:
        return f"{how_they_asked(request)}, or stands in for who did."
    except NotAskedError:
        return f"is not asked: {asked_words(session, request)[0]}."
    except DuplicateDecisionError:
        return "has decided already, or somebody for them has."
    except ForbiddenError:
        return "may not decide."
    return "" if set(seat.verdicts) - HARMLESS else "has decided already for another stage."
