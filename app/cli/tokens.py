"""`assent token`: tokens with which programs sign in."""

from __future__ import annotations

from typing import Any

import click

from app.cli.actors import operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.tokens import DEFAULT_DAYS, MAX_DAYS, Scope, TokenKind, token_terms
from app.services.people.tokens import TokenView


@click.group()
def token() -> None:
    """Create, list, and revoke tokens of programs."""


@token.command()
@click.argument("name")
@click.option(
    "--for",
    "email",
    required=True,
    help="Email address of the owner. For an agent's token: the person responsible for the agent.",
)
@click.option("--agent", is_flag=True, help="Create an agent's token. It can request approval, and can never decide.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]),
    help="Scope of the token. Repeatable.",
)  # fmt: skip
@click.option("--days", default=DEFAULT_DAYS, type=click.IntRange(1, MAX_DAYS), show_default=True, help="Lifetime.")
@as_json
def add(name: str, email: str, agent: bool, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """Create a token named NAME, and print it. It is never shown again."""
    terms = token_terms(TokenKind.AGENT if agent else TokenKind.PERSON, name, scopes, days)
    with use_cases() as (_settings, services):
        made, view = services.tokens.make(operator(), terms, services.people.by_email(email).id)
    if as_json:
        print_json({**_facts(view), "token": made})
    else:
        click.echo(made)
        expiry = f"{view.expires_at:%Y-%m-%d}"
        click.echo(f"Shown only once. Token {view.id} of {view.person_name} expires on {expiry}.", err=True)


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
    print_table(heads, rows, "There are no tokens yet: see assent token add --help.")


@token.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """Revoke TOKEN_ID. It stops working at once."""
    with use_cases() as (_settings, services):
        revoked = services.tokens.revoke(operator(), token_id)
    click.echo("The token is revoked." if revoked else "The token was already revoked.")


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
