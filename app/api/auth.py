"""Authentication of API calls. Every route passes through here, and only here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flask import g, request

from app.domain.errors import ScopeError, TokenError
from app.domain.people import Actor, Via
from app.domain.tokens import Scope
from app.http.csrf import SAFE_METHODS, check_csrf
from app.http.errors import RateLimitedError
from app.http.identity import current_actor
from app.http.refusals import before_credentials, refuse
from app.http.runtime import portal, services

_BEARER = "bearer"


@dataclass(frozen=True)
class Client:
    """The caller of the API.

    Attributes:
        token_id: the id of the token; empty for a session.
        scopes: what the token may be used for; empty for a session, which has no such limit.
    """

    actor: Actor
    token_id: str = ""
    scopes: frozenset[Scope] = frozenset()

    @property
    def caller(self) -> str:
        """The owner of idempotency keys, which outlive a replaced token."""
        agent = f":{self.actor.name}" if self.actor.kind == "agent" else ""
        return f"{self.actor.kind}:{self.actor.id}{agent}"


def authenticate(scopes: Collection[Scope]) -> Client:
    """The caller, by a token in `Authorization: Bearer …` or by the session.

    A browser sends cookies automatically, so changes with a session also need the session's CSRF token in
    `X-CSRFToken`. It never sends a bearer token automatically.

    Args:
        scopes: a token needs one of these; if there are none, tokens are refused.

    Raises:
        NotSignedInError: there is neither.
        TokenError: the token does not work.
        TooManyAttemptsError: too many tokens were refused before this one.
        RateLimitedError: the token has used up its calls.
        ScopeError: the token does not have the scope.
        flask_wtf.csrf.CSRFError: the CSRF token is missing or belongs to another session.
    """
    given = request.headers.get("Authorization")
    if given is not None:
        return _by_token(given, scopes)
    actor = current_actor(Via.API)
    if request.method not in SAFE_METHODS:
        check_csrf()
    return Client(actor)


def _by_token(given: str, scopes: Collection[Scope]) -> Client:
    kind, _, token = given.strip().partition(" ")
    before_credentials(token.strip())
    try:
        if kind.lower() != _BEARER or not token.strip():
            raise TokenError("Send the token as `Authorization: Bearer …`.", reason="unknown")
        bearer = services().tokens.find(token.strip(), request.remote_addr or "")
    except TokenError as error:
        refuse(error)
    services().refusals.has_worked(token.strip())
    g.actor = bearer.actor
    _count(bearer.token_id)
    if not bearer.scopes.intersection(scopes):
        needed = [scope.value for scope in Scope if scope in scopes]
        words = f"it requires the scope {' or '.join(needed)}" if needed else "tokens are not accepted here"
        raise ScopeError(f"This token cannot be used here: {words}.", scopes=needed)
    return Client(bearer.actor, bearer.token_id, bearer.scopes)


def _count(token_id: str) -> None:
    """Count the call, and store the remaining calls for the response's headers. Raises RateLimitedError."""
    quota = portal().settings.api_calls_per_minute
    if not quota:
        return
    g.allowance = services().rates.take(token_id, quota)
    if not g.allowance.allowed:
        raise RateLimitedError(
            f"This token has used up its {quota:,} calls for this minute.", retry_after=g.allowance.resets_in
        )
