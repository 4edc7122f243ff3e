"""`assent push-key`: a key for notifications in browsers."""

from __future__ import annotations

import click

from app.notify.push.keys import new_key


@click.command("push-key")
def push_key() -> None:
    """Print a new ASSENT_PUSH_KEY, with which browsers show notifications while the portal is closed."""
    click.echo(f"ASSENT_PUSH_KEY={new_key()}")
