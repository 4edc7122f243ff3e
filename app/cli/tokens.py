"""`assent token`: what programs sign in with."""

from __future__ import annotations

from typing import Any

import click

from app.cli.actors import operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.tokens import DEFAULT_DAYS, MAX_DAYS, Scope, TokenKind, token_terms
from app.services.people.tokens import TokenView


@click.group()
def token() -> None:
    """Make, list and revoke tokens of programs."""


@token.command()
@click.argument("name")
@click.option("--for", "email", required=True, help="Email address of its owner; of an agent's: of who answers for it.")
@click.option("--agent", is_flag=True, help="It is an agent's: it asks and waits, and can never decide.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]),
    help="What it may be used for. Repeatable.",
)  # fmt: skip
@click.option("--days", default=DEFAULT_DAYS, type=click.IntRange(1, MAX_DAYS), show_default=True, help="It lives.")
@as_json
def add(name: str, email: str, agent: bool, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make a token called NAME, and print it this one time."""
    terms = token_terms(TokenKind.AGENT if agent else TokenKind.PERSON, name, scopes, days)
    with use_cases() as (_settings, services):
        made, view = services.tokens.make(operator(), terms, services.people.by_email(email).id)
    if as_json:
        print_json({**_facts(view), "token": made})
    else:
        click.echo(made)
        click.echo(f"Shown once. Token {view.id} of {view.person_name}, until {view.expires_at:%Y-%m-%d}.", err=True)


@token.command("list")
@as_json
def list_tokens(as_json: bool) -> None:
    """List all tokens of people and agents, newest first."""
    with use_cases() as (_settings, services):
        found = services.tokens.every(operator())
    if as_json:
        print_json([_facts(view) for view in found])
        return
    rows = [
        (
            view.id, view.kind.value, view.name, view.person_email, view.shown, ", ".join(view.scopes),
            view.last_used_at, view.expires_at, view.state,
        )
        for view in found
    ]  # fmt: skip
    heads = ("TOKEN", "KIND", "NAME", "OWNER", "BEGINS WITH", "SCOPES", "LAST USED", "EXPIRES", "STATE")
    print_table(heads, rows, "There are no tokens yet: assent token add --help")


@token.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """End TOKEN_ID at once."""
    with use_cases() as (_settings, services):
        revoked = services.tokens.revoke(operator(), token_id)
    click.echo("The token is revoked." if revoked else "That token was revoked already.")


def _facts(view: TokenView) -> dict[str, Any]:
    return {
        "id": view.id,
        "kind": view.kind.value,
        "name": view.name,
        "owner": view.person_email,
        "begins_with": view.shown,
        "scopes": [scope.value for scope in view.scopes],
        "created_at": view.created_at,
        "expires_at": view.expires_at,
        "last_used_at": view.last_used_at,
        "revoked_at": view.revoked_at,
        "state": view.state,
    }
