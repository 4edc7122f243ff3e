"""Sessions: begun by signing in, looked up on each request, and ended one by one or all at once.

A person is signed in exactly while the session's row exists, so a copied cookie is worthless once the row is deleted. A
trigger notifies all web processes of every deleted row.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, delete, insert, select, update
from sqlalchemy.orm import Session, joinedload

from app.domain.errors import NotFoundError
from app.domain.links import hashed
from app.domain.people import NOBODY_ELSE, Action, Actor, Makers
from app.domain.text import is_storable
from app.domain.tokens import TokenChoice, TokenKind
from app.services.clock import Clock
from app.services.record.audit import record
from app.store.engine import Sessions
from app.store.failures import unless_writes_fail
from app.store.notify import SlackPerson
from app.store.people import Person, SignIn, SignInLink
from app.store.tokens import ApiToken

ENDED_CHANNEL = "assent_sign_ins_ended"
"""PostgreSQL sends the ids of ended sessions on this channel."""
SEEN_EVERY = timedelta(minutes=1)
"""A session's last use is recorded at most this often."""
_TOKEN_BYTES = 32
_KEPT = timedelta(days=31)
"""Sessions older than any setting allows are deleted."""


@dataclass(frozen=True)
class SignInView:
    """A session as its owner sees it. `seen_at` is exact to the minute; `made_by` created the sign-in link."""

    id: str
    source: str
    browser: str
    began_at: datetime
    seen_at: datetime
    made_by: str


@dataclass(frozen=True)
class SignOutCounts:
    """How much ended when a person was signed out everywhere."""

    sessions: int
    links: int
    tokens: int


@dataclass(frozen=True)
class SignedIn:
    """The person signed in with a session.

    Attributes:
        id: of the session; no secret.
        token: identifies the session in the cookie; a secret.
        began_at: when the person signed in.
        makers: other people who created the sign-in link.
    """

    person: Person
    id: str
    token: str
    began_at: datetime
    makers: Makers = NOBODY_ELSE


class SignIns:
    """Looks up, lists, and ends sessions."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def find(
        self, token: str, lifetime: timedelta, idle: timedelta | None = None, active: bool = True
    ) -> SignedIn | None:
        """The person whose session has this token; None if the session has ended or the account is not active.

        Takes one statement, and at most once a minute a second one that records the use.

        Args:
            idle: how long a session lasts without activity; None: without limit.
            active: the person did something, as opposed to an open page that refreshes itself.
        """
        now = self._clock()
        query = (
            select(SignIn)
            .join(SignIn.person)
            .where(SignIn.token_hash == hashed(token), *_alive(now, lifetime, idle), Person.active)
            .options(joinedload(SignIn.person, innerjoin=True).joinedload(Person.teams))
        )
        with self._sessions.reads() as session:
            found = session.scalars(query).unique().one_or_none()
            if found is None:
                return None
            if active and now - found.seen_at >= SEEN_EVERY:
                stale = SignIn.seen_at <= now - SEEN_EVERY
                noting = update(SignIn).where(SignIn.id == found.id, stale).values(seen_at=now)
                with unless_writes_fail():
                    session.execute(noting.execution_options(synchronize_session=False))
        return SignedIn(found.person, found.id, token, found.began_at, found.made)

    def of(
        self, actor: Actor, lifetime: timedelta, idle: timedelta | None = None, person_id: str = ""
    ) -> list[SignInView]:
        """The sessions of the actor, or of the person with that id, most recently used first.

        Raises:
            ForbiddenError: they are someone else's, and the actor may not manage people.
            NotFoundError: there is no such person.
        """
        now = self._clock()
        with self._sessions.reads() as session:
            owner = _owner(session, actor, person_id)
            query = (
                select(SignIn)
                .where(SignIn.person_id == owner.id, *_alive(now, lifetime, idle))
                .order_by(SignIn.seen_at.desc(), SignIn.began_at.desc(), SignIn.id)
            )
            return [
                SignInView(row.id, row.source, row.browser, row.began_at, row.seen_at, row.made_by)
                for row in session.scalars(query)
            ]

    def living(self, ids: Collection[str], idle: timedelta | None = None) -> set[str]:
        """Those of the sessions that have not ended, are not idle, and whose account is active."""
        query = select(SignIn.id).join(SignIn.person).where(SignIn.id.in_(ids), Person.active)
        if idle is not None:
            query = query.where(SignIn.seen_at > self._clock() - idle)
        with self._sessions.reads() as session:
            return set(session.scalars(query))

    def end(self, actor: Actor, sign_in_id: str, person_id: str = "") -> bool:
        """End one session of the actor, or of the person with that id; False if it does not exist.

        Raises:
            ForbiddenError: it is someone else's, and the actor may not manage people.
            NotFoundError: there is no such person.
        """
        with self._sessions.begin() as session:
            owner = _owner(session, actor, person_id)
            if not is_storable(sign_in_id):
                return False
            ending = (
                delete(SignIn)
                .where(SignIn.id == sign_in_id, SignIn.person_id == owner.id)
                .returning(SignIn.browser, SignIn.source, SignIn.began_at)
            )
            ended = session.execute(ending).one_or_none()
            if ended is None:
                return False
            record(
                session, actor, "person.signed_out", self._clock(), scope="session", browser=ended.browser,
                signed_in_from=ended.source, signed_in_at=ended.began_at.isoformat(timespec="seconds"),
                **_whose(actor, owner),
            )  # fmt: skip
            return True

    def end_all(self, actor: Actor, person_id: str = "", tokens: TokenChoice = TokenChoice.NONE) -> SignOutCounts:
        """Sign the actor, or the person with that id, out everywhere, and invalidate unused sign-in links.

        Args:
            tokens: which tokens end as well; if any do, so does the link with a Slack user.

        Raises:
            ForbiddenError: it is someone else, and the actor may not manage people.
            NotFoundError: there is no such person.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            owner = _owner(session, actor, person_id)
            ended = SignOutCounts(
                end_all_of(session, owner.id), end_links_of(session, owner.id, now),
                _revoke(session, actor, owner, tokens, now),
            )  # fmt: skip
            record(
                session, actor, "person.signed_out", now, scope="everywhere", sessions=ended.sessions,
                links=ended.links, tokens=ended.tokens, **_whose(actor, owner),
            )  # fmt: skip
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
    """Sign a person in, in a transaction that has found them active and holds a lock on their row.

    Args:
        replacing: the previous session of the same browser, which ends.
        makers: who created the link.
    """
    token, sign_in_id = secrets.token_urlsafe(_TOKEN_BYTES), str(uuid.uuid4())
    session.execute(delete(SignIn).where((SignIn.id == replacing) | (SignIn.began_at < at - _KEPT)))
    session.execute(
        insert(SignIn).values(
            id=sign_in_id, token_hash=hashed(token), person_id=person.id, source=source, browser=browser, began_at=at,
            seen_at=at, **makers.columns,
        )
    )  # fmt: skip
    return SignedIn(person, sign_in_id, token, at, makers)


def end_all_of(session: Session, person_id: str) -> int:
    """End all sessions of a person as part of a transaction; returns their number."""
    ended = session.execute(delete(SignIn).where(SignIn.person_id == person_id))
    assert isinstance(ended, CursorResult)
    return ended.rowcount


def end_links_of(session: Session, person_id: str, at: datetime) -> int:
    """Invalidate the person's unused sign-in links; returns their number."""
    ended = session.execute(
        update(SignInLink)
        .where(SignInLink.person_id == person_id, SignInLink.used_at.is_(None), SignInLink.expires_at > at)
        .values(expires_at=at)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(ended, CursorResult)
    return ended.rowcount


def _revoke(session: Session, actor: Actor, owner: Person, tokens: TokenChoice, at: datetime) -> int:
    if tokens is TokenChoice.NONE:
        return 0
    # A Slack user linked in a session that someone else's link began can decide in the person's name, like a token.
    unlinking = delete(SlackPerson).where(SlackPerson.person_id == owner.id).returning(SlackPerson.slack_user)
    if slack_user := session.scalar(unlinking):
        record(session, actor, "person.slack_unlinked", at, person=owner.id, slack_user=slack_user)
    kinds = [TokenKind.PERSON.value, *([TokenKind.AGENT.value] if tokens is TokenChoice.ALL else [])]
    revoked = session.execute(
        update(ApiToken)
        .where(ApiToken.person_id == owner.id, ApiToken.kind.in_(kinds), ApiToken.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(ApiToken.id, ApiToken.name, ApiToken.kind)
        .execution_options(synchronize_session=False)
    ).all()
    for token in revoked:
        record(
            session, actor, "token.revoked", at, token=token.name, kind=token.kind, owner=owner.name, token_id=token.id
        )
    return len(revoked)


def _owner(session: Session, actor: Actor, person_id: str) -> Person:
    """The owner of the sessions: the actor, or a person whom the actor manages."""
    wanted = person_id or actor.id
    if actor.kind != "person" or wanted != actor.id:
        actor.require(Action.MANAGE_PEOPLE)
    owner = session.get(Person, wanted) if is_storable(wanted) else None
    if owner is None:
        raise NotFoundError("There is no such person.")
    return owner


def _whose(actor: Actor, owner: Person) -> dict[str, str]:
    """For the audit log: the person who was signed out, if it was someone else."""
    return {} if actor.id == owner.id else {"person": owner.name, "person_id": owner.id}


def _alive(now: datetime, lifetime: timedelta, idle: timedelta | None) -> list[ColumnElement[bool]]:
    """The condition of sessions that have not ended by themselves."""
    young = SignIn.began_at > now - lifetime
    return [young] if idle is None else [young, SignIn.seen_at > now - idle]
