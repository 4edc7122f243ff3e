"""What commands that speak for an agent are given: where things are, and the token."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

PERSON_TOKEN = "assent_person_"  # noqa: S105 - the beginning of a token, not one


class TokenError(ValueError):
    """There is no token that an agent may use; the message says what to do."""


def checked_token(token: str) -> str:
    """A token that an agent may use. Raises TokenError."""
    if not token:
        raise TokenError("An agent's token is needed: in ASSENT_TOKEN, or over HTTP as `Authorization: Bearer …`.")
    if token.startswith(PERSON_TOKEN):
        # What a person may do must not be in an agent's hands, not even where no tool here would make use of it.
        raise TokenError("This is a person's token. Make one for the agent: assent token add NAME --agent --for MAIL")
    return token


def check_address(setting: str, url: str) -> None:
    """Raises click.UsageError: it is no address of an HTTP server."""
    if not url:
        raise click.UsageError(f"Set {setting}, such as https://example.com")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise click.UsageError(f"{setting}: {url!r} is no address that starts with http:// or https://")
