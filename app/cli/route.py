"""`assent route`: which workflow a text wants. Needs no portal and no database."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from typing import TextIO

import click

from app.cli.context import as_json
from app.installation import workflows_folder
from assent.routing.names import title_of
from assent.routing.router import Answer, Router

GROUP = "assent.workflows"


@click.command()
@click.argument("text", required=False)
@click.option(
    "--file", "file", type=click.File(encoding="utf-8", errors="replace"),
    help="Route each line of this file; - reads standard input.",
)  # fmt: skip
@as_json
def route(text: str | None, file: TextIO | None, as_json: bool) -> None:
    """Say which workflow TEXT wants, with confidence, reason, and alternatives.

    With --json, each text becomes one line: text, workflow (null if it is not clear), confidence (0 to 1), stage,
    reason, and alternatives, best first. No portal is needed.
    """
    if (text is None) == (file is None):
        raise click.UsageError("Give either a text or --file.")
    installed = installed_names()
    router = Router({name: title_of(name) for name in installed})
    for line in [text or ""] if file is None else _lines(file):
        answer = router.route(line)
        if as_json:
            click.echo(json.dumps(answer.document(), ensure_ascii=False))
        else:
            click.echo(_described(answer, installed))


def installed_names() -> set[str]:
    """Return the names under which workflows are installed, without importing them."""
    names = {point.name for point in entry_points(group=GROUP)}
    folder = workflows_folder()
    if folder.is_dir():
        names |= {
            entry.parent.name
            for entry in (*folder.glob("*/__init__.py"), *folder.glob("*/workflow.yaml"))
            if entry.parent.name.isidentifier()
        }
    return names


def _lines(file: TextIO) -> list[str]:
    lines = file.read().replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _described(answer: Answer, installed: set[str]) -> str:
    def called(name: str) -> str:
        return name if name in installed else f"{name} (not installed)"

    if answer.workflow:
        lines = [f"{called(answer.workflow)}, {answer.confidence:.0%} sure. {answer.reason}"]
    else:
        lines = [f"Not clear. {answer.reason}"]
    lines += [f"  {called(other.workflow)}: {other.reason}" for other in answer.alternatives]
    return "\n".join(lines)
