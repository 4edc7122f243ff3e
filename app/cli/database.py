"""`assent db`: look after the database."""

from __future__ import annotations

import click

from app.cli.context import database_address
from app.cli.schema import upgrade_everything
from app.store import migrate


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.option("--quiet", is_flag=True, help="Say nothing when all is well.")
def upgrade(quiet: bool) -> None:
    """Bring the schema up to date; run it before new versions of web and worker start."""
    with database_address() as (_settings, address):
        upgrade_everything(address)
        revision, _head = migrate.current_and_head(address)
    if not quiet:
        click.echo(f"The database is up to date (revision {revision}).")
