"""Links between people and Slack users, and which of Slack's calls have already been handled."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.domain.errors import InvalidInputError
from app.domain.people import NOBODY_ELSE, Actor, Makers, Via
from app.domain.text import storable
from app.services.clock import Clock
from app.services.record.audit import record
from app.store.engine import Sessions
from app.store.notify import SlackCall, SlackCode, SlackPerson
from app.store.people import Person

CODE_LIFETIME = timedelta(minutes=10)
CALLS_KEPT = timedelta(minutes=15)
"""Longer than a signature is accepted."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class SlackUser:
    """A user of the workspace, as Slack identifies them."""

    id: str
    name: str = ""


class SlackPeople:
    """Links people with their Slack users."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def linked(self, slack_user: str) -> Actor | None:
        """The person who has linked that Slack user."""
        query = select(Person, SlackPerson).join(SlackPerson, SlackPerson.person_id == Person.id)
        with self._sessions.reads() as session:
            found = session.execute(query.where(SlackPerson.slack_user == storable(slack_user))).one_or_none()
        return _acting(found[0], slack_user, found[1].made) if found else None

    def with_email(self, email: str, slack_user: str) -> Actor | None:
        """The person with that address, unless they have linked another Slack user."""
        query = select(Person).where(func.lower(Person.email) == storable(email.lower()))
        with self._sessions.reads() as session:
            person = session.scalars(query).one_or_none()
            other = session.get(SlackPerson, person.id) if person else None
        return _acting(person, slack_user) if other is None else None

    def link_of(self, actor: Actor) -> SlackPerson | None:
        """The actor's Slack user."""
        with self._sessions.reads() as session:
            return session.get(SlackPerson, actor.id)

    def new_code(self, user: SlackUser) -> str:
        """A code with which a signed-in person links that Slack user; it works once, for ten minutes."""
        code = "".join(secrets.choice(_LETTERS) for _ in range(10))
        now = self._clock()
        with self._sessions.begin() as session:
            session.execute(delete(SlackCode).where((SlackCode.expires_at < now) | (SlackCode.slack_user == user.id)))
            session.add(SlackCode(
                code_hash=_hash(code), slack_user=storable(user.id)[:100], slack_name=storable(user.name)[:200],
                expires_at=now + CODE_LIFETIME,
            ))  # fmt: skip
        return f"{code[:5]}-{code[5:]}"

    def link(self, actor: Actor, code: str) -> SlackPerson:
        """Link the actor with the Slack user who got that code. Raises InvalidInputError: the code is not valid."""
        now = self._clock()
        with self._sessions.begin() as session:
            taken = delete(SlackCode).where(SlackCode.code_hash == _hash(code), SlackCode.expires_at > now)
            found = session.execute(taken.returning(SlackCode.slack_user, SlackCode.slack_name)).one_or_none()
            if found is None:
                raise InvalidInputError(
                    "This code is not valid. Get a new one in Slack with /assent link.",
                    {"code": "Not a code, already used, or older than ten minutes."},
                )
            user, name = found
            session.execute(
                delete(SlackPerson).where((SlackPerson.slack_user == user) | (SlackPerson.person_id == actor.id))
            )
            made = actor.makes_for(actor.id).columns
            link = SlackPerson(person_id=actor.id, slack_user=user, slack_name=name, linked_at=now, **made)
            session.add(link)
            record(session, actor, "person.slack_linked", now, person=actor.id, slack_user=user, slack_name=name)
        return link

    def unlink(self, actor: Actor) -> bool:
        """Remove the actor's link; False: there is none."""
        with self._sessions.begin() as session:
            gone = delete(SlackPerson).where(SlackPerson.person_id == actor.id).returning(SlackPerson.slack_user)
            user = session.scalar(gone)
            if user is not None:
                record(session, actor, "person.slack_unlinked", self._clock(), person=actor.id, slack_user=user)
        return user is not None

    def first_time(self, signature: str) -> bool:
        """True if no call with that signature has been handled yet; it is now recorded."""
        now = self._clock()
        with self._sessions.begin() as session:
            session.execute(delete(SlackCall).where(SlackCall.at < now - CALLS_KEPT))
            taking = insert(SlackCall).values(signature=signature[:200], at=now).on_conflict_do_nothing()
            return session.scalar(taking.returning(SlackCall.signature)) is not None


def _acting(person: Person | None, slack_user: str, makers: Makers = NOBODY_ELSE) -> Actor | None:
    """The person linked with a Slack user; `makers`: of the sign-in link with which they were linked."""
    if person is None or not person.active:
        return None
    return replace(person.as_actor(Via.SLACK, f"Slack user {slack_user}"[:100]), makers=makers.counted)


def _hash(code: str) -> str:
    plain = "".join(char for char in code.upper() if char.isascii() and char.isalnum())
    return hashlib.sha256(f"slack code {plain}".encode()).hexdigest()
