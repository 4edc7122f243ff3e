"""Addresses that a person gives to a command."""

from __future__ import annotations

from urllib.parse import urlsplit

import click


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
