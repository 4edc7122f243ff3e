"""`assent db`: database maintenance."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import IO

import click

from app.cli.context import database_address
from app.cli.schema import upgrade_everything
from app.domain.errors import AssentError
from app.embedded import programs
from app.store import migrate


@click.group()
def db() -> None:
    """Maintain the database."""


@db.command()
@click.option("--quiet", is_flag=True, help="Print nothing on success.")
def upgrade(quiet: bool) -> None:
    """Bring the schema up to date. Run this before you start new versions of web and worker processes."""
    with database_address(create=True) as (_settings, address):
        upgrade_everything(address)
        revision, _head = migrate.current_and_head(address)
    if not quiet:
        click.echo(f"The database is up to date (revision {revision}).")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write the whole database to FILE, while the portal runs. Back up the keys as well."""
    with database_address() as (_settings, address):
        scratch = file.with_name(f".{file.name}-{token_hex(4)}")
        try:
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                _run(["pg_dump", "--format=custom", f"--dbname={address}"], out)
            scratch.rename(file)
        except OSError as error:
            raise BackupError(f"{file} cannot be written ({error.strerror}).") from None
        finally:
            scratch.unlink(missing_ok=True)
    click.echo(f"Wrote {file}. Stored files are encrypted in it: back up the keys, too.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def restore(file: Path) -> None:
    """Read FILE, as `assent db backup` or pg_dump wrote it, into an empty database, and bring the schema up to date."""
    with database_address(create=True) as (_settings, address):
        if migrate.current_and_head(address)[0] is not None:
            raise BackupError("The database is not empty. Restore into an empty one, so that nothing is lost.")
        _run(["pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={address}", str(file)])
        upgrade_everything(address)
    click.echo(f"Restored {file}.")


class BackupError(AssentError):
    """A backup could not be written or read; the message is one line."""

    code = "backup"


def _run(command: Sequence[str], out: IO[bytes] | None = None) -> None:
    """Run one of PostgreSQL's programs. Raises BackupError with its first line of error."""
    done = subprocess.run(  # noqa: S603
        [str(programs() / command[0]), *command[1:]], stdout=out or subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise BackupError(migrate.one_line(Exception(lines[0] if lines else f"{command[0]} failed")))
