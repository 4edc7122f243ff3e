"""Tokens for programs: your own, and, for admins, those of agents. A token is shown once, when it is created."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, request
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError, ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.domain.people import Action, Actor
from app.domain.tokens import AGENT_SCOPES, DEFAULT_DAYS, MAX_DAYS, PERSON_SCOPES, Scope, TokenKind, token_terms
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.people.tokens import NOT_CONFIRMED, TokenView
from app.store.tokens import ApiToken
from app.web.pages import download, export_format, render, see_other, web

_NOTHING: MultiDict[str, str] = MultiDict()


@web.get("/profile/tokens")
def tokens() -> Any:
    """Your own tokens."""
    return _page(TokenKind.PERSON)


@web.get("/profile/tokens/export")
def tokens_export() -> Any:
    """Your own tokens as a file, streamed."""
    return download(services().tokens.export(current_actor(), False, export_format()), "your-tokens")


@web.post("/profile/tokens")
def tokens_make() -> Any:
    """Create a token of your own."""
    return _make(TokenKind.PERSON)


@web.post("/profile/tokens/<token_id>/revoke")
def tokens_revoke(token_id: str) -> Any:
    """Revoke one of your own tokens."""
    return _revoke(token_id, "web.tokens")


@web.post("/profile/tokens/<token_id>/confirm")
def tokens_confirm(token_id: str) -> Any:
    """Confirm a token that somebody else created for you."""
    return _answered(services().confirmations.confirm_token, token_id)


@web.post("/profile/tokens/<token_id>/decline")
def tokens_decline(token_id: str) -> Any:
    """Decline a token that somebody else created for you."""
    return _answered(services().confirmations.decline_token, token_id)


@web.get("/profile/tokens/<token_id>/<any(confirm, decline):act>")
def tokens_answer_shown(token_id: str, act: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.tokens")


@web.get("/tokens")
def agents() -> Any:
    """The tokens of all agents."""
    return _page(TokenKind.AGENT)


@web.get("/tokens/export")
def agents_export() -> Any:
    """The tokens of all agents as a file, streamed."""
    return download(services().tokens.export(current_actor(), True, export_format()), "agent-tokens")


@web.post("/tokens")
def agents_make() -> Any:
    """Create an agent's token."""
    return _make(TokenKind.AGENT)


@web.post("/tokens/<token_id>/revoke")
def agents_revoke(token_id: str) -> Any:
    """Revoke an agent's token."""
    current_actor().require(Action.MANAGE_TOKENS)
    return _revoke(token_id, "web.agents")


@web.get("/profile/tokens/<token_id>/revoke")
def tokens_revoke_shown(token_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.tokens")


@web.get("/tokens/<token_id>/revoke")
def agents_revoke_shown(token_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.agents")


def _make(kind: TokenKind) -> Response:
    actor, sent = current_actor(), request.form
    try:
        if kind is TokenKind.AGENT:
            actor.require(Action.MANAGE_TOKENS)
        terms = token_terms(kind, sent.get("name", ""), sent.getlist("scopes"), sent.get("days", ""))
        token, view = services().tokens.make(actor, terms, _owner(actor, kind, sent.get("owner", "")))
    except InvalidInputError as error:
        return _page(kind, sent, error)
    return _page(kind, made=token, view=view)


def _owner(actor: Actor, kind: TokenKind, address: str) -> str:
    """The id of the account responsible for the agent, found by email; for your own token, you."""
    if kind is TokenKind.PERSON:
        return actor.id
    try:
        person = services().people.by_email(address)
    except NotFoundError as error:
        raise InvalidInputError("The token was not created.", {"owner": error.message}) from None
    if not person.active:
        raise InvalidInputError("The token was not created.", {"owner": "This account is not active."})
    return person.id


def _answered(answer: Callable[[Actor, str], ApiToken], token_id: str) -> Response:
    """Confirm or decline a token, or show why that is not possible."""
    try:
        token = answer(current_actor(), token_id)
    except (ConflictError, ForbiddenError) as error:
        return _page(TokenKind.PERSON, error=error)
    flash(f"The token “{token.name}” is {'confirmed; it works now' if token.confirmed_at else 'declined'}.")
    return see_other("web.tokens")


def _revoke(token_id: str, back: str) -> Response:
    revoked = services().tokens.revoke(current_actor(), token_id)
    words = "The token is revoked. Programs that use it are refused from now on."
    flash(words if revoked else "That token had been revoked already.")
    return see_other(back)


def _page(
    kind: TokenKind,
    sent: MultiDict[str, str] = _NOTHING,
    error: AssentError | None = None,
    made: str = "",
    view: TokenView | None = None,
) -> Response:
    actor, all_tokens = current_actor(), services().tokens
    agents = kind is TokenKind.AGENT
    return render(
        "tokens.html", status_of(error) if error else 200,
        listed=all_tokens.of_agents(actor) if agents else all_tokens.own(actor),
        agents=agents, not_confirmed=NOT_CONFIRMED, made=made, view=view, sent=sent, max_days=MAX_DAYS,
        scopes=[scope for scope in Scope if scope in (AGENT_SCOPES if agents else PERSON_SCOPES)],
        chosen=sent.getlist("scopes"), days=sent.get("days", str(DEFAULT_DAYS)),
        owner=sent.get("owner", actor.email),
        people=[person.email for person in services().people.everybody() if person.active] if agents else [],
        error=error, problems=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip
