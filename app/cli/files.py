"""`assent files`: deleting files with everything derived from them."""

from __future__ import annotations

import click

from app.cli.actors import operator, use_cases
from app.services.erasure import Holdings


@click.group()
def files() -> None:
    """Stored files."""


@files.command("delete")
@click.argument("file_id")
@click.option("--derived", is_flag=True, help="Also delete what the runs hold that used it.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete(file_id: str, derived: bool, yes: bool) -> None:
    """Delete the file FILE_ID. One that runs have used is deleted only together with what is derived from it."""
    with use_cases() as (_settings, services):
        found = services.erasure.preview_file(operator(), file_id)
        if found.runs and not derived:
            raise click.ClickException(f"{len(found.runs)} runs have used this file: add --derived.")
        confirm(found, yes)
        services.erasure.erase_file(operator(), file_id)
    click.echo("Deleted.")


def confirm(found: Holdings, yes: bool) -> None:
    """Print what would be deleted, and ask. Raises click.ClickException, click.Abort."""
    for run in found.runs:
        click.echo(f"run   {run.id}  {run.title}")
    for file in found.deleted:
        click.echo(f"file  {file.id}  {file.name} ({file.size:,} bytes)")
    for file in found.kept:
        click.echo(f"kept  {file.id}  {file.name}, because other runs use it")
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(found.counts.items()) if count)
    if counts:
        click.echo(counts)
    if found.refusal:
        raise click.ClickException(found.refusal)
    if not yes:
        click.confirm("Delete all of this? It cannot be undone", abort=True)
