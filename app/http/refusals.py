"""Refused attempts: written to the audit log, and answered with 429 once there are too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from flask import Flask, g, has_request_context, request
from flask_login import current_user

from app.domain.errors import LinkError, TokenError
from app.domain.people import Actor, Via
from app.http.errors import WATCH, TooManyAttemptsError
from app.http.runtime import portal, services
from app.services.refusals import Refusal, Refusals, RefusedAction

HEARD = "assent.refused"
"""Key in the environment of an HTTP request in a helper process: its refusals, for the web process to count and store.
A helper process ends soon, and does not know of others."""


def register_refusals(app: Flask) -> None:
    """Count every response with status 403."""
    app.extensions[WATCH] = note_forbidden


def before_credentials(credential: str) -> None:
    """Raise TooManyAttemptsError if too much was refused from this address to look up the credential.

    Args:
        credential: a token that has worked recently is always looked up.
    """
    if not portal().settings.refusals_per_minute or HEARD in request.environ:
        return
    if wait := services().refusals.wait_before(request.remote_addr or "", credential):
        raise too_many(wait)


def refuse(error: TokenError) -> NoReturn:
    """Record a refused token, and raise the error or TooManyAttemptsError."""
    note(RefusedAction.TOKEN, str(error.extra.get("reason", error.code)), _stranger(Via.API), error.account)
    raise error


def note_link(error: LinkError) -> None:
    """Record a refused sign-in link. Raises TooManyAttemptsError."""
    reason = str(error.extra.get("reason", error.code))
    note(RefusedAction.SIGN_IN, reason, _stranger(Via.PAGE), error.account)


def note(action: RefusedAction, reason: str, actor: Actor, account: tuple[str, str] = ("", "")) -> None:
    """Record a refusal. Raises TooManyAttemptsError."""
    rule = request.url_rule.rule if request.url_rule is not None else ""
    refusal = Refusal(action, reason, actor, rule, *account)
    if HEARD in request.environ:
        request.environ[HEARD].append(refusal)
        return
    if wait := services().refusals.note(refusal, portal().settings.refusals_per_minute):
        raise too_many(wait)


def note_stranger(action: RefusedAction, reason: str, via: Via) -> None:
    """Record a refusal of somebody who is not signed in. Raises TooManyAttemptsError."""
    note(action, reason, _stranger(via))


def note_forbidden(code: str) -> TooManyAttemptsError | None:
    """Record a forbidden action; returns the error to answer with instead, if this actor had too many."""
    if not has_request_context():
        return None
    actor = _actor()
    try:
        note(RefusedAction.ACT, code, actor, (actor.id, "") if actor.id else ("", ""))
    except TooManyAttemptsError as error:
        return error
    return None


def wait_before_handing_over(refusals: Refusals, environ: Mapping[str, Any]) -> int:
    """Seconds for which HTTP requests with a token are not passed to a helper process; 0 if they may be."""
    given = str(environ.get("HTTP_AUTHORIZATION", "")).strip()
    token = given.partition(" ")[2].strip() or given
    return refusals.wait_before(str(environ.get("REMOTE_ADDR", "")), token) if given else 0


def _actor() -> Actor:
    known: Any = g.get("actor")
    if isinstance(known, Actor):
        return known
    if current_user.is_authenticated:
        actor: Actor = current_user.person.as_actor(Via.PAGE, request.remote_addr or "")
        return actor
    return _stranger(Via.PAGE)


def _stranger(via: Via) -> Actor:
    return Actor(kind="unknown", id="", name="Somebody not signed in", via=via, source=request.remote_addr or "")


def too_many(wait: int) -> TooManyAttemptsError:
    """The error to answer with for that many seconds."""
    return TooManyAttemptsError(
        f"Too many attempts from this address or account were refused in the last minute. Try again in {wait} s.",
        retry_after=wait,
    )
