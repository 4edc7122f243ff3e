"""What the commands share: finding the database, and printing results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from app.domain.errors import InvalidInputError
from app.domain.hidden_characters import without_hidden
from app.embedded import EmbeddedError, has_database, running_server
from app.settings import Settings, load_settings, with_secret_key

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@contextmanager
def database_address(*, create: bool = False) -> Iterator[tuple[Settings, str]]:
    """Yield the settings and the database's address. An embedded database that is not running is started meanwhile.

    Args:
        create: Create an embedded database if there is none, provided that a setting names its place: a command that is
            typed in another folder leaves nothing there.

    Raises:
        EmbeddedError: There is no database, or it cannot be started.
    """
    settings = load_settings()
    if settings.database_url:
        yield settings, settings.database_url
        return
    if not (create and "data_dir" in settings.model_fields_set) and not has_database(settings.data_dir):
        raise EmbeddedError(
            f"ASSENT_DATA_DIR: there is no database in {settings.data_dir.resolve()}. Type the command in the folder "
            "in which `assent serve` runs, which also creates it, or set ASSENT_DATA_DIR or ASSENT_DATABASE_URL as it "
            "is there."
        )
    with running_server(settings.data_dir) as address:
        yield with_secret_key(settings), address


def moment_of(option: str, given: str) -> datetime:
    """Parse a time in ISO 8601; one without a time zone is in this machine's zone. Raises InvalidInputError."""
    try:
        return datetime.fromisoformat(given).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(f"{option} is not a time in ISO 8601: {given[:60]}") from None


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str) -> None:
    """Print rows in columns as wide as they need to be, or `nothing` if there are no rows."""
    if not rows:
        click.echo(nothing)
        return
    texts = [list(heads), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    for row in texts:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    # One line per row, without control characters that a terminal would act on.
    return without_hidden(str(value))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
