"""`assent db`: database maintenance."""

from __future__ import annotations

import click

from app.cli.context import database_address
from app.cli.schema import upgrade_everything
from app.store import migrate


@click.group()
def db() -> None:
    """Maintain the database."""


@db.command()
@click.option("--quiet", is_flag=True, help="Print nothing on success.")
def upgrade(quiet: bool) -> None:
    """Bring the schema up to date. Run this before you start new versions of web and worker processes."""
    with database_address() as (_settings, address):
        upgrade_everything(address)
        revision, _head = migrate.current_and_head(address)
    if not quiet:
        click.echo(f"The database is up to date (revision {revision}).")
