"""The browsers in which people are signed in: begun with a sign-in, looked up on each request, ended one by one or all.

Whether somebody is signed in is a row and nothing else, so a cookie that somebody copied is worth nothing once the row
is gone. A trigger notifies all web processes of each row that goes, whoever removes it.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, delete, insert, select, update
from sqlalchemy.orm import Session, joinedload

from app.domain.people import NOBODY_ELSE, Actor, Makers
from app.services.clock import Clock
from app.services.record.audit import record
from app.store.engine import Sessions
from app.store.people import Person, SignIn

ENDED_CHANNEL = "assent_sign_ins_ended"
"""PostgreSQL tells the ids of ended sessions here."""
SEEN_EVERY = timedelta(minutes=1)
"""How often it is noted at most that a session is used."""
_TOKEN_BYTES = 32
_KEPT = timedelta(days=31)
"""What no setting lets live that long is cleared away."""


@dataclass(frozen=True)
class SignInView:
    """A session as its owner sees it. `seen_at` is exact to the minute; `made_by` made the link that began it."""

    id: str
    source: str
    browser: str
    began_at: datetime
    seen_at: datetime
    made_by: str


@dataclass(frozen=True)
class SignedIn:
    """Whom a session belongs to.

    Attributes:
        id: of the session; no secret.
        token: what the cookie names the session by; a secret.
        began_at: when the person proved who they are.
        makers: the others who made the link that began it.
    """

    person: Person
    id: str
    token: str
    began_at: datetime
    makers: Makers = NOBODY_ELSE


class SignIns:
    """Looks sessions up, lists and ends them."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def find(self, token: str, lifetime: timedelta) -> SignedIn | None:
        """Whose session the token names, and that it is used now; None if it has ended, or the account has.

        One statement; at most once a minute a second one.
        """
        now = self._clock()
        query = (
            select(SignIn)
            .join(SignIn.person)
            .where(SignIn.token_hash == _hash(token), SignIn.began_at > now - lifetime, Person.active)
            .options(joinedload(SignIn.person, innerjoin=True).joinedload(Person.teams))
        )
        with self._sessions.reads() as session:
            found = session.scalars(query).unique().one_or_none()
            if found is None:
                return None
            if now - found.seen_at >= SEEN_EVERY:
                stale = SignIn.seen_at <= now - SEEN_EVERY
                noting = update(SignIn).where(SignIn.id == found.id, stale).values(seen_at=now)
                session.execute(noting.execution_options(synchronize_session=False))
        return SignedIn(found.person, found.id, token, found.began_at, found.made)

    def of(self, actor: Actor, lifetime: timedelta) -> list[SignInView]:
        """The actor's own sessions, the one that was used last first."""
        query = (
            select(SignIn)
            .where(SignIn.person_id == actor.id, SignIn.began_at > self._clock() - lifetime)
            .order_by(SignIn.seen_at.desc(), SignIn.began_at.desc(), SignIn.id)
        )
        with self._sessions.reads() as session:
            return [
                SignInView(each.id, each.source, each.browser, each.began_at, each.seen_at, each.made_by)
                for each in session.scalars(query)
            ]

    def living(self, ids: Collection[str]) -> set[str]:
        """Those of the sessions that have not been ended and whose account is active."""
        query = select(SignIn.id).join(SignIn.person).where(SignIn.id.in_(ids), Person.active)
        with self._sessions.reads() as session:
            return set(session.scalars(query))

    def end(self, actor: Actor, sign_in_id: str) -> bool:
        """End one of the actor's own sessions; False if there is none of that id, or none any more."""
        ending = (
            delete(SignIn)
            .where(SignIn.id == sign_in_id, SignIn.person_id == actor.id)
            .returning(SignIn.browser, SignIn.source, SignIn.began_at)
        )
        with self._sessions.begin() as session:
            ended = session.execute(ending).one_or_none()
            if ended is None:
                return False
            record(
                session, actor, "person.signed_out", self._clock(), scope="session", browser=ended.browser,
                signed_in_from=ended.source, signed_in_at=ended.began_at.isoformat(timespec="seconds"),
            )  # fmt: skip
            return True

    def end_all(self, actor: Actor) -> int:
        """End all sessions of the actor, copied ones too; returns how many there were."""
        with self._sessions.begin() as session:
            ended = end_all_of(session, actor.id)
            record(session, actor, "person.signed_out", self._clock(), scope="everywhere", sessions=ended)
            return ended


def begin(
    session: Session,
    person: Person,
    source: str,
    browser: str,
    at: datetime,
    replacing: str = "",
    makers: Makers = NOBODY_ELSE,
) -> SignedIn:
    """Sign somebody in, as part of a transaction that has found them active and keeps them so.

    Args:
        replacing: the session that the same browser had until now, which ends.
        makers: of the link.
    """
    token, sign_in_id = secrets.token_urlsafe(_TOKEN_BYTES), str(uuid.uuid4())
    session.execute(delete(SignIn).where((SignIn.id == replacing) | (SignIn.began_at < at - _KEPT)))
    session.execute(
        insert(SignIn).values(
            id=sign_in_id, token_hash=_hash(token), person_id=person.id, source=source, browser=browser, began_at=at,
            seen_at=at, **makers.columns,
        )
    )  # fmt: skip
    return SignedIn(person, sign_in_id, token, at, makers)


def end_all_of(session: Session, person_id: str) -> int:
    """End all sessions of a person as part of a transaction; returns how many there were."""
    ended = session.execute(delete(SignIn).where(SignIn.person_id == person_id))
    assert isinstance(ended, CursorResult)
    return ended.rowcount


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
