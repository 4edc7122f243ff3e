"""Tokens and absences that others created for a person have no effect until that person confirms them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.absences import Period
from app.domain.errors import ConflictError, ForbiddenError, NotFoundError
from app.domain.people import Actor, Makers
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.people.absences import ONE_AT_A_TIME, AbsenceView, one, refuse_circle, refuse_overlap
from app.services.record.audit import record
from app.store.engine import Sessions
from app.store.people import Person
from app.store.policies import Absence
from app.store.tokens import ApiToken


class Confirmations:
    """Confirms and declines. Only the person concerned may do so, and not in a session from a link of the creator."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def confirm_token(self, actor: Actor, token_id: str) -> ApiToken:
        """Confirm a token that someone else created; it works from now on.

        Raises:
            NotFoundError: the actor owns no such token.
            ForbiddenError: the actor is, or may be, its creator.
            ConflictError: it is no longer waiting for confirmation.
        """
        with self._sessions.begin() as session:
            token = _token(session, actor, token_id)
            refuse_maker(actor, token.made)
            token.confirmed_at = self._clock()
            record(session, actor, "token.confirmed", token.confirmed_at, **_about_token(token))
            return token

    def decline_token(self, actor: Actor, token_id: str) -> ApiToken:
        """Decline a token that someone else created; it will never work. Raises NotFoundError, ConflictError."""
        with self._sessions.begin() as session:
            token = _token(session, actor, token_id)
            token.revoked_at = self._clock()
            record(session, actor, "token.declined", token.revoked_at, **_about_token(token))
            return token

    def confirm_absence(self, actor: Actor, absence_id: str) -> AbsenceView:
        """Confirm an absence that someone else added; it takes effect now.

        Raises:
            NotFoundError: the actor has no such absence.
            ForbiddenError: the actor is, or may be, the person who added it.
            ConflictError: it is no longer waiting for confirmation, or overlaps with another.
            InvalidInputError: the chain of delegates would lead back to the actor by now.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            session.execute(ONE_AT_A_TIME)
            absence = self._absence(session, actor, absence_id)
            refuse_maker(actor, absence.made)
            # It does not apply retroactively.
            absence.starts_at = max(absence.starts_at, now)
            person = session.get_one(Person, absence.person_id)
            period = Period(person.id, absence.delegate_id, absence.starts_at, absence.ends_at)
            refuse_overlap(session, period, person, with_waiting=False)
            refuse_circle(session, period, person)
            absence.confirmed_at = now
            session.flush()
            view = one(session, absence_id, now)
            record(session, actor, "absence.confirmed", now, **_about_absence(view))
            return view

    def decline_absence(self, actor: Actor, absence_id: str) -> AbsenceView:
        """Decline an absence that someone else added; it never takes effect. Raises NotFoundError, ConflictError."""
        now = self._clock()
        with self._sessions.begin() as session:
            absence = self._absence(session, actor, absence_id)
            absence.ended_at = now
            session.flush()
            view = one(session, absence_id, now)
            record(session, actor, "absence.declined", now, **_about_absence(view))
            return view

    def _absence(self, session: Session, actor: Actor, absence_id: str) -> Absence:
        _refuse_agent(actor)
        found = session.get(Absence, absence_id, with_for_update=True) if is_storable(absence_id) else None
        if found is None or actor.kind != "person" or found.person_id != actor.id:
            raise NotFoundError("You have no such absence.")
        if found.confirmed_at is not None or found.ended_at is not None or found.ends_at <= self._clock():
            raise ConflictError("This absence is not waiting for confirmation.")
        return found


def _refuse_agent(actor: Actor) -> None:
    if actor.kind == "agent":
        raise ForbiddenError("Only the person concerned can confirm this.")


def refuse_maker(actor: Actor, makers: Makers) -> None:
    """Raise ForbiddenError if the actor may be one of the creators: they cannot confirm what they created."""
    if actor.persons & makers.ids:
        raise ForbiddenError(
            f"You act with a sign-in link or token from {actor.makers.names}, who made this. To confirm it, sign in "
            "with a link from someone else."
        )


def _token(session: Session, actor: Actor, token_id: str) -> ApiToken:
    _refuse_agent(actor)
    query = select(ApiToken).where(ApiToken.id == token_id).with_for_update()
    found = session.scalar(query) if is_storable(token_id) else None
    if found is None or actor.kind != "person" or found.person_id != actor.id:
        raise NotFoundError("You have no such token.")
    if found.confirmed_at is not None or found.revoked_at is not None:
        raise ConflictError("This token is not waiting for confirmation.")
    return found


def _about_token(token: ApiToken) -> dict[str, Any]:
    return {"token": token.name, "kind": token.kind, "token_id": token.id, "made_by": token.made_by}


def _about_absence(view: AbsenceView) -> dict[str, Any]:
    return {
        "absence_id": view.id, "person": view.person_name, "delegate": view.delegate_name,
        "starts_at": view.starts_at.isoformat(), "ends_at": view.ends_at.isoformat(), "made_by": view.made_by,
    }  # fmt: skip
