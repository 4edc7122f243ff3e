"""The addresses and the token that commands acting for an agent need."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from assent.header_values import token_problem

PERSON_TOKEN = "assent_person_"  # noqa: S105 - the beginning of a token, not one


class AgentTokenError(ValueError):
    """There is no token that an agent can use; the message says what to do."""


def checked_token(token: str) -> str:
    """Return the token if an agent may use it. Raises AgentTokenError."""
    if not token:
        raise AgentTokenError(
            "An agent's token is required: in ASSENT_TOKEN, or over HTTP as `Authorization: Bearer …`."
        )
    if problem := token_problem(token):
        raise AgentTokenError(f"The agent's token {problem}.")
    if token.startswith(PERSON_TOKEN):
        # An agent must not have a person's permissions, even if no tool here would use them.
        raise AgentTokenError(
            "This is a person's token. Create one for the agent: assent token add NAME --agent --for MAIL"
        )
    return token


def check_address(setting: str, url: str) -> None:
    """Raises click.UsageError: this is not the address of an HTTP server."""
    if not url:
        raise click.UsageError(f"Set {setting}, such as https://example.com")
    try:
        parts = urlsplit(url)
        # `urlsplit` drops line breaks, and HTTP libraries refuse them only when they send.
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
    except ValueError:
        usable = False
    if not usable:
        raise click.UsageError(f"{setting}: {url!r} is not an address that starts with http:// or https://")
