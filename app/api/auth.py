"""Who calls the API. Every route passes here and nowhere else."""

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
    """Who calls.

    Attributes:
        token_id: of the token that speaks; empty: a session does.
    """

    actor: Actor
    token_id: str = ""

    @property
    def caller(self) -> str:
        """Whose idempotency keys these are: they outlive a token that is replaced."""
        agent = f":{self.actor.name}" if self.actor.kind == "agent" else ""
        return f"{self.actor.kind}:{self.actor.id}{agent}"


def authenticate(scopes: Collection[Scope]) -> Client:
    """The caller: by a token in `Authorization: Bearer …`, or else by the session.

    A browser sends its cookie by itself, so with a session what changes something also needs the session's token in
    `X-CSRFToken`. It never sends a bearer token by itself.

    Args:
        scopes: of which a token needs one; without any, tokens are refused.

    Raises:
        NotSignedInError: there is neither.
        TokenError: the token does not work.
        TooManyAttemptsError: so did too many before it.
        RateLimitedError: the token has made as many calls as it may.
        ScopeError: the token may not be used for this.
        flask_wtf.csrf.CSRFError: the session's token is missing or not this session's.
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
        words = f"it needs the scope {' or '.join(needed)}" if needed else "no token can be used for it"
        raise ScopeError(f"This token may not be used for this: {words}.", scopes=needed)
    return Client(bearer.actor, bearer.token_id)


def _count(token_id: str) -> None:
    """Count the call, and keep what is left for the answer's headers. Raises RateLimitedError."""
    quota = portal().settings.api_calls_per_minute
    if not quota:
        return
    g.allowance = services().rates.take(token_id, quota)
    if not g.allowance.allowed:
        raise RateLimitedError(
            f"This token may make {quota:,} calls a minute, and has made them.", retry_after=g.allowance.resets_in
        )
