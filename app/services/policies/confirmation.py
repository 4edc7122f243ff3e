"""The second person of a policy version that decides more without reviewers than the one in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.orm import Session

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.people import Action, Actor, Via
from app.domain.text import capitalized
from app.services.notifications.account_notices import POLICY, announce
from app.services.record.audit import record
from app.services.requests.comments import clean_comment
from app.store.people import Person
from app.store.policies import PolicyVersion

_ONE_AT_A_TIME = 0x61737065_706F6C69


def one_at_a_time(session: Session) -> None:
    """Keep other versions from being loaded, confirmed, or declined until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(literal(_ONE_AT_A_TIME))))


def confirm(session: Session, actor: Actor, number: int, now: datetime) -> PolicyVersion:
    """Put a version into force, as its second person.

    Raises:
        NotFoundError, ForbiddenError: there is no such version, or the actor may not confirm it.
        OwnRequestError: the actor loaded it.
        IllegalTransitionError: it does not wait for anybody.
        ConflictError: a newer version was loaded.
    """
    stored = _waiting(session, actor, number)
    if why_not := own_version(stored, actor):
        raise OwnRequestError(f"This version needs a second person: {why_not}.")
    _decide(session, stored, actor, now, in_force_at=now)
    record(session, actor, "policy.confirmed", now, version=number, digest=stored.digest, widens=stored.widens)
    return stored


def decline(session: Session, actor: Actor, number: int, reason: str, now: datetime) -> PolicyVersion:
    """Keep a version from coming into force; the person who loaded it can also withdraw it this way.

    Raises:
        NotFoundError, ForbiddenError, InvalidInputError, IllegalTransitionError, ConflictError.
    """
    said = clean_comment(reason)
    stored = _waiting(session, actor, number)
    if not said:
        raise InvalidInputError("Give a reason.", {"reason": "empty"})
    _decide(session, stored, actor, now, declined=True, decline_reason=said)
    record(session, actor, "policy.declined", now, version=number, digest=stored.digest, reason=said)
    return stored


def _waiting(session: Session, actor: Actor, number: int) -> PolicyVersion:
    actor.require(Action.MANAGE_POLICIES)
    if actor.kind != "person" or not actor.id or actor.via is Via.COMMAND_LINE:
        raise ForbiddenError("A policy version is confirmed or declined by a person who is signed in.")
    one_at_a_time(session)
    stored = session.get(PolicyVersion, number, populate_existing=True) if 0 < number < 2**31 else None
    if stored is None:
        raise NotFoundError("There is no such version.", version=number)
    if not stored.waits:
        state = "declined" if stored.declined else "in force already, or was"
        raise IllegalTransitionError(f"This version does not wait for a second person: it is {state}.", state=state)
    if session.scalar(select(func.max(PolicyVersion.version))) != number:
        raise ConflictError("A newer version was loaded, so this one can no longer come into force.")
    return stored


def _decide(session: Session, stored: PolicyVersion, actor: Actor, now: datetime, **values: Any) -> None:
    session.execute(
        update(PolicyVersion)
        .where(PolicyVersion.version == stored.version)
        .values(
            decided_at=now, decided_by_id=actor.id, decided_by_name=actor.name,
            decided_makers=sorted(actor.makers.ids), **values,
        )
    )  # fmt: skip
    session.refresh(stored)


def own_version(stored: PolicyVersion, actor: Actor) -> str:
    """Why the actor is, or may be, the person who loaded a version, as a clause; empty: somebody else did."""
    if actor.id and actor.id == stored.loaded_by_id:
        return "you loaded it"
    if actor.id in stored.loaders:
        return "you made the sign-in link or token with which it was loaded"
    if actor.persons & stored.loaders:
        return f"you act with a sign-in link or token from {actor.makers.names}, who counts as having loaded it"
    if actor.account.ids & stored.loaders:
        return (
            f"{actor.account.names}, who counts as having loaded it, added your account or made it active again, and "
            "nobody else has made a sign-in link for it since"
        )
    return ""


def why_not(stored: PolicyVersion, actor: Actor) -> str:
    """Why the actor may not confirm a version that waits, as a sentence; empty if they may."""
    if not actor.may(Action.MANAGE_POLICIES) or actor.kind != "person":
        return "An administrator who did not load it must confirm it."
    own = own_version(stored, actor)
    return f"{capitalized(own)}, so a second person must confirm it." if own else ""


def notify_others(session: Session, stored: PolicyVersion, now: datetime) -> int:
    """Notify everybody who may confirm a version; returns how many people these are."""
    found = 0
    for person in session.scalars(select(Person).where(Person.active).order_by(Person.id)):
        actor = person.as_actor(Via.PAGE)
        if actor.may(Action.MANAGE_POLICIES) and not own_version(stored, actor):
            announce(session, POLICY, f"{stored.version}.{person.id}", person.id, now)
            found += 1
    return found
