"""Tokens with which programs sign in: people's own, and those of agents that a person is responsible for.

A token is shown once and stored as its SHA-256. Every call looks up its row, so a token that is revoked, or whose owner
is no longer active, is worthless immediately.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, insert, literal, select, update
from sqlalchemy.orm import joinedload

from app.domain.errors import NotFoundError, TokenError
from app.domain.people import Action, Actor, Makers, Via
from app.domain.text import is_storable
from app.domain.tokens import Scope, TokenKind, TokenTerms, visibility_of
from app.services.clock import Clock
from app.services.notifications.account_notices import TOKEN, announce
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.store.engine import Sessions
from app.store.failures import unless_writes_fail
from app.store.people import Person
from app.store.tokens import ApiToken

SEEN_EVERY = timedelta(minutes=1)
"""A token's last use is recorded at most this often."""
NOT_CONFIRMED = "not confirmed"
"""State of a token that someone else created and that its owner has not confirmed."""
_LETTERS = string.ascii_letters + string.digits
_LENGTH = 43
"""As many letters and digits as 256 bits require."""
_HINT = 6


@dataclass(frozen=True)
class TokenView:
    """A token as people see it: never the token itself.

    Attributes:
        shown: its first characters.
        state: ``active``, ``not confirmed``, ``expired``, ``revoked``, or ``owner not active``.
        made: its creators; its owner has to confirm it.
        last_used_at: exact to the minute.
    """

    id: str
    kind: TokenKind
    name: str
    shown: str
    person_id: str
    person_name: str
    person_email: str
    scopes: tuple[Scope, ...]
    made_by_name: str
    made: Makers
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    state: str


@dataclass(frozen=True)
class Bearer:
    """The identity behind a token.

    Attributes:
        actor: the owner, or for an agent's token the agent, with the owner's id and roles.
        scopes: what the token may be used for.
    """

    token_id: str
    actor: Actor
    scopes: frozenset[Scope]


class Tokens:
    """Creates, looks up, lists, and revokes tokens."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def find(self, token: str, source: str) -> Bearer:
        """Look up a token and record its use. Takes one statement, and at most once a minute a second one.

        Args:
            source: network address, for the audit log.

        Raises:
            TokenError: it is unknown, expired, revoked, or not confirmed, or its owner is no longer active; `reason`
                says which.
        """
        now = self._clock()
        query = (
            select(ApiToken)
            .where(ApiToken.token_hash == _hash(token))
            .options(joinedload(ApiToken.person, innerjoin=True).joinedload(Person.teams))
        )
        with self._sessions.reads() as session:
            found = session.scalars(query).unique().one_or_none()
            if found is None:
                raise TokenError("This token is not valid.", reason="unknown")
            state = _state(found, now)
            if state != "active":
                words = f"This token no longer works: {state}."
                if state == NOT_CONFIRMED:
                    words = "This token does not work yet: its owner must confirm it first."
                error = TokenError(words, reason=state.replace(" ", "_"))
                error.account = (found.person_id, found.person.name)
                raise error
            if found.last_used_at is None or now - found.last_used_at >= SEEN_EVERY:
                stale = ApiToken.last_used_at.is_(None) | (ApiToken.last_used_at <= now - SEEN_EVERY)
                noting = update(ApiToken).where(ApiToken.id == found.id, stale).values(last_used_at=now)
                with unless_writes_fail():
                    session.execute(noting.execution_options(synchronize_session=False))
        return Bearer(found.id, _actor(found, source), frozenset(Scope(scope) for scope in found.scopes))

    def acting_for(self, person_id: str, agent: str, scope: Scope) -> Actor | None:
        """The agent of that name with the newest token that works and has the scope; None: there is none.

        Args:
            agent: the name of the agent that the person is responsible for; empty: the person.
        """
        kind = TokenKind.AGENT if agent else TokenKind.PERSON
        query = (
            select(ApiToken)
            .where(ApiToken.person_id == person_id, ApiToken.kind == kind.value)
            .options(joinedload(ApiToken.person, innerjoin=True).joinedload(Person.teams))
            .order_by(ApiToken.created_at.desc())
        )
        if agent:
            query = query.where(ApiToken.name == agent)
        with self._sessions.reads() as session:
            for found in session.scalars(query).unique():
                if _state(found, self._clock()) == "active" and scope.value in found.scopes:
                    return _actor(found, "")
        return None

    def make(self, actor: Actor, terms: TokenTerms, person_id: str) -> tuple[str, TokenView]:
        """Create a token, which is returned only this time.

        A token for someone else has no effect until that person confirms it (`app.services.people.confirmations`),
        unless the operator creates it.

        Args:
            person_id: the owner, in whose name it acts, or who is responsible for the agent and cannot approve its
                requests.

        Raises:
            ForbiddenError: it is an agent's or someone else's, and the actor may not manage tokens.
            NotFoundError: there is no such active person.
        """
        # A person's token acts in that person's name: only they create it, or the operator, who has the database
        # anyway.
        if terms.kind is TokenKind.AGENT or actor.kind != "person" or actor.id != person_id:
            actor.require(Action.MANAGE_TOKENS)
        if terms.kind is TokenKind.PERSON and actor.kind == "person" and actor.id != person_id:
            raise NotFoundError("Only you can create your own tokens.")
        now = self._clock()
        secret = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        token, token_id = terms.kind.prefix + secret, str(uuid.uuid4())
        makers = actor.makes_for(person_id)
        with self._sessions.begin() as session:
            person = session.get(Person, person_id) if is_storable(person_id) else None
            if person is None or not person.active:
                raise NotFoundError("There is no such person.")
            session.execute(
                insert(ApiToken).values(
                    id=token_id, token_hash=_hash(token), kind=terms.kind.value, name=terms.name,
                    hint=secret[:_HINT], person_id=person_id, scopes=[scope.value for scope in terms.scopes],
                    made_by_name=actor.name, created_at=now, expires_at=now + terms.lifetime,
                    confirmed_at=None if makers.ids else now, **makers.columns,
                )
            )  # fmt: skip
            if makers.ids:
                announce(session, TOKEN, token_id, person_id, now)
            record(
                session, actor, "token.made", now, token=terms.name, kind=terms.kind.value, owner=person.name,
                scopes=[scope.value for scope in terms.scopes],
                expires_at=(now + terms.lifetime).isoformat(timespec="seconds"), token_id=token_id,
                confirmed=not makers.ids,
            )  # fmt: skip
        return token, self._get(token_id)

    def own(self, actor: Actor) -> list[TokenView]:
        """The actor's own tokens, and those of agents they are responsible for, newest first."""
        return self._list(select(ApiToken).where(ApiToken.person_id == actor.id))

    def of_agents(self, actor: Actor) -> list[TokenView]:
        """All agents' tokens, newest first. Raises ForbiddenError."""
        actor.require(Action.MANAGE_TOKENS)
        return self._list(select(ApiToken).where(ApiToken.kind == TokenKind.AGENT.value))

    def every(self, actor: Actor) -> list[TokenView]:
        """All tokens of people and agents, newest first. Raises ForbiddenError."""
        actor.require(Action.MANAGE_TOKENS)
        return self._list(select(ApiToken))

    def export(self, actor: Actor, of_agents: bool, form: ExportFormat) -> Iterator[str]:
        """The tokens of `of_agents` or of `own` as pieces of a file, newest first: never the tokens themselves.

        Raises:
            ForbiddenError: they are those of all agents, and the actor may not manage tokens.
        """
        if of_agents:
            actor.require(Action.MANAGE_TOKENS)
        token = ApiToken
        which = token.kind == TokenKind.AGENT.value if of_agents else token.person_id == actor.id
        query = select(
            token.id, token.kind, token.name, _shown_prefix(), Person.name.label("person"), Person.email,
            token.scopes, token.made_by_name, token.created_at, token.expires_at, token.last_used_at, token.revoked_at,
            _state_column(self._clock()),
        ).join(Person, Person.id == token.person_id)  # fmt: skip
        name = "agents’ tokens" if of_agents else "their own tokens"
        listed = ListExport(name, query.where(which), (token.created_at, token.id))
        return exported(self._sessions, self._clock, actor, listed, form, {})

    def revoke(self, actor: Actor, token_id: str) -> bool:
        """Revoke a token immediately; False if it was already revoked.

        Its owner may do this, also for their agents, and people who manage tokens may for anyone's.

        Raises:
            NotFoundError: there is no such token that the actor may revoke.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            query = select(ApiToken).where(ApiToken.id == token_id).with_for_update()
            found = session.scalar(query) if is_storable(token_id) else None
            owns = found is not None and found.person_id == actor.id
            if found is None or actor.kind == "agent" or not (owns or actor.may(Action.MANAGE_TOKENS)):
                raise NotFoundError("There is no such token.")
            if found.revoked_at is not None:
                return False
            found.revoked_at = now
            owner = session.get_one(Person, found.person_id).name
            record(
                session, actor, "token.revoked", now, token=found.name, kind=found.kind, owner=owner, token_id=token_id
            )
            return True

    def _get(self, token_id: str) -> TokenView:
        return self._list(select(ApiToken).where(ApiToken.id == token_id))[0]

    def _list(self, query: object) -> list[TokenView]:
        now = self._clock()
        ordered = query.order_by(ApiToken.created_at.desc(), ApiToken.id).options(joinedload(ApiToken.person))  # type: ignore[attr-defined]
        with self._sessions.reads() as session:
            return [_view(token, now) for token in session.scalars(ordered).unique()]


def _view(token: ApiToken, now: datetime) -> TokenView:
    kind = TokenKind(token.kind)
    return TokenView(
        id=token.id,
        kind=kind,
        name=token.name,
        shown=f"{kind.prefix}{token.hint}…",
        person_id=token.person_id,
        person_name=token.person.name,
        person_email=token.person.email,
        scopes=tuple(Scope(scope) for scope in token.scopes),
        made_by_name=token.made_by_name,
        made=token.made,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
        state=_state(token, now),
    )


def _state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at <= now:
        return "expired"
    if token.confirmed_at is None:
        return NOT_CONFIRMED
    return "active" if token.person.active else "owner not active"


def _state_column(now: datetime) -> ColumnElement[Any]:
    """The same as `_state`, as a column."""
    return case(
        (ApiToken.revoked_at.is_not(None), "revoked"),
        (ApiToken.expires_at <= now, "expired"),
        (ApiToken.confirmed_at.is_(None), NOT_CONFIRMED),
        (Person.active, "active"),
        else_="owner not active",
    ).label("state")


def _shown_prefix() -> ColumnElement[Any]:
    prefix = case(*((ApiToken.kind == kind.value, literal(kind.prefix)) for kind in TokenKind))
    return (prefix + ApiToken.hint).label("prefix")


def _actor(token: ApiToken, source: str) -> Actor:
    """The actor: never with more than the owner's roles, and as an agent if it is an agent's token."""
    owner = replace(token.person.as_actor(Via.API, f"{source}, token {token.hint}"), makers=token.made.counted)
    if token.kind == TokenKind.PERSON.value:
        return owner
    return Actor(
        kind="agent", id=owner.id, name=token.name, roles=owner.roles, teams=frozenset(), via=Via.API,
        source=owner.source, makers=owner.makers, sight=visibility_of([Scope(scope) for scope in token.scopes]),
    )  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
