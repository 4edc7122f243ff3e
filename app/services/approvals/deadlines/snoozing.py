"""Snoozing: a request leaves the queue for a while, for one person or for everyone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.domain.errors import ForbiddenError, IllegalTransitionError, InvalidInputError
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.terms import Terms
from app.domain.snoozing import MOST, WakesOn, latest_for_all
from app.services.approvals.ground import Ground, get, refuse_unless_open
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.comments import clean_comment
from app.services.requests.entitlement import seat_of
from app.services.requests.votes import decisions_on
from app.store.batch import Batch
from app.store.requests import ApprovalRequest
from app.store.snoozes import Snooze

_FORGET = "delete from snoozes where person_id = %(person)s and request_id = %(request)s returning request_id as id"


class Snoozes:
    """Snoozes requests, and brings them back."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def snooze(
        self, request_id: str, actor: Actor, until: datetime | None, wakes: Collection[WakesOn], for_all: bool,
        reason: str,
    ) -> ApprovalRequest:  # fmt: skip
        """Snooze a request, as `CheckpointManager.snooze` describes."""
        actor.require(Action.CLAIM if for_all else Action.SEE)
        if actor.kind != "person" or not actor.id:
            raise ForbiddenError("Only people can snooze requests.")
        if until is None and not wakes:
            raise InvalidInputError("Choose a time, or an event that ends the snooze.", {"until": "missing"})
        words, now = clean_comment(reason), self._ground.clock()
        if for_all and not words:
            raise InvalidInputError("Snoozing for everyone needs a reason.", {"reason": "missing"})
        with self._ground.sessions.reads() as session:
            request = get(session, request_id, actor)
            refuse_unless_open(request, now)
            if for_all:
                seat_of(session, request, actor, decisions_on(session, request_id), now)
            elif session.scalar(_others_of(actor, request_id, now)) >= MOST:
                raise InvalidInputError(f"At most {MOST} requests can be snoozed at a time.", {"until": "too many"})
        until = _end(request, until, for_all, now)
        detail = {"until": until.isoformat(), "wakes": [wake.value for wake in WakesOn if wake in wakes]}
        if for_all:
            return self._for_all(request, actor, until, wakes, words, detail, now)
        batch = Batch()
        batch.put(
            Snooze, "person_id,request_id", person_id=actor.id, request_id=request_id, until=until,
            wakes=detail["wakes"], digest=request.digest, approvals=request.approvals, expires_at=request.expires_at,
            priority=request.priority, at=now,
        )  # fmt: skip
        self._note(batch, request, actor, "request.snoozed", now, RequestChange.SNOOZED, scope="person", **detail)
        batch.run(self._ground.sessions)
        return request

    def end(self, request_id: str, actor: Actor, for_all: bool) -> ApprovalRequest:
        """Bring a request back, as `CheckpointManager.end_snooze` describes."""
        actor.require(Action.CLAIM if for_all else Action.SEE)
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            request = get(session, request_id, actor)
            if for_all:
                refuse_unless_open(request, now)
                if request.snoozed_until is None:
                    raise IllegalTransitionError("This request is not snoozed for everyone.")
                seat_of(session, request, actor, decisions_on(session, request_id), now)
        if for_all:
            columns: dict[str, Any] = {"snoozed_until": None}
            batch = moves.move(request, RequestState.PENDING, now, **columns, **due_values(request, **columns))
            moves.note_return(batch, request, now, actor)
            return self._ground.written(batch)
        own = Batch(_FORGET, {"person": actor.id, "request": request_id})
        self._note(own, request, actor, "request.unsnoozed", now, RequestChange.UNSNOOZED, scope="person")
        if own.run(self._ground.sessions) is None:
            raise IllegalTransitionError("You have not snoozed this request.")
        return request

    def _for_all(
        self, request: ApprovalRequest, actor: Actor, until: datetime, wakes: Collection[WakesOn], reason: str,
        detail: dict[str, Any], now: datetime,
    ) -> ApprovalRequest:  # fmt: skip
        columns = {
            "snoozed_until": until, "snooze_wakes": detail["wakes"], "snoozed_by_name": actor.name,
            "snooze_reason": reason, "was_snoozed": True,
        }  # fmt: skip
        batch = moves.move(request, RequestState.PENDING, now, actor.id, **columns, **due_values(request, **columns))
        self._note(
            batch, request, actor, "request.snoozed", now, RequestChange.SNOOZED, scope="all", reason=reason, **detail
        )
        return self._ground.written(batch)

    @staticmethod
    def _note(
        batch: Batch, request: ApprovalRequest, actor: Actor, action: str, now: datetime, what: RequestChange,
        **detail: Any,
    ) -> None:  # fmt: skip
        record(batch, actor, action, now, request_id=request.id, run_id=request.run_id, **detail)
        publish(batch, moves.changed(request, now, what))


def _end(request: ApprovalRequest, until: datetime | None, for_all: bool, now: datetime) -> datetime:
    """Until when a request is snoozed. Raises InvalidInputError if that is not possible."""
    warned = latest_for_all(request.opened_at, request.expires_at, Terms.from_json(request.terms))
    if for_all and warned <= now:
        words = "It is too late to snooze this request for everyone: its deadline is near."
        raise InvalidInputError(words, {"until": "too late"})
    latest = warned if for_all else request.expires_at
    if until is None:
        return warned if warned > now else latest
    if not now < until <= latest + timedelta(minutes=1):
        if until <= now:
            raise InvalidInputError("Choose a time in the future.", {"until": "in the past"})
        words = "until its approvers are warned of the deadline" if for_all else "until its deadline"
        raise InvalidInputError(
            f"This request can be snoozed {words} at most.",
            {"until": f"no later than {latest.isoformat(timespec='minutes')}"},
        )
    return min(until, latest)


def _others_of(actor: Actor, request_id: str, now: datetime) -> Any:
    others = (Snooze.person_id == actor.id, Snooze.request_id != request_id, Snooze.until > now)
    return select(func.count()).select_from(Snooze).where(*others)
