"""`assent run`: start, show, and list runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.cli.actors import acting, operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.cli.files import confirm
from app.domain.errors import InvalidInputError
from app.services.reading.pages import RunView
from app.services.usage.figures import ModelFigures
from app.store.runs import Run


@click.group()
def run() -> None:
    """Start, show, and list runs."""


@run.command()
@click.argument("workflow")
@click.option("--input", "text", default="{}", help="JSON object, or @FILE to read one from a file.")
@click.option("--title", default="", help="Title of the run. Default: the workflow's title.")
@click.option(
    "--as",
    "email",
    default="",
    help="Email address of the person who starts the run. They may not approve its requests.",
)
@as_json
def start(workflow: str, text: str, title: str, email: str, as_json: bool) -> None:
    """Start a run of WORKFLOW. A worker executes it."""
    document = _document(text)
    with use_cases() as (settings, services):
        actor = acting(services, email) if email else operator()
        started = services.runs.start(actor, workflow, document, title)
    if as_json:
        print_json(_facts(started))
    else:
        click.echo(f"{started.id}\n{settings.public_url}/runs/{started.id}")


@run.command()
@click.argument("run_id")
@as_json
def show(run_id: str, as_json: bool) -> None:
    """Show a run: its state, steps, requests, and artifacts."""
    with use_cases() as (_settings, services):
        view = services.views.run(run_id, operator())
        models = services.model_figures.of_run(run_id)
    if as_json:
        print_json(_everything(view) | {"models": asdict(models)})
        return
    click.echo(f"{view.run.title}: {view.state.value} ({view.workflow_title}, version {view.run.workflow_version})")
    if view.run.error:
        click.echo(f"Error: {_one_line(view.run.error)}")
    click.echo("")
    steps = [(step.started_at, step.title, step.agent, step.state, _duration(step.duration_ms)) for step in view.steps]
    print_table(("STARTED", "STEP", "AGENT", "STATE", "TOOK"), steps, "No step has started yet.")
    if view.requests:
        click.echo("")
        requests = [(request.id, request.risk, request.state, request.title) for request in view.requests]
        print_table(("REQUEST", "RISK", "STATE", "TITLE"), requests, "")
    if models.nodes:
        click.echo("")
        used = [
            (line.node, line.model, line.figures.calls, line.figures.tokens, _cost(line.figures))
            for line in models.nodes
        ]
        print_table(("STEP", "MODEL", "CALLS", "TOKENS", "COST"), used, "")
    if view.artifacts:
        click.echo("\nArtifacts: " + ", ".join(artifact.name for artifact in view.artifacts))


@run.command("erase")
@click.argument("run_id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def erase(run_id: str, yes: bool) -> None:
    """Delete what the run RUN_ID holds: its input, files, checkpoints, artifacts, and lessons."""
    with use_cases() as (_settings, services):
        confirm(services.erasure.preview(operator(), run_id), yes)
        services.erasure.erase(operator(), run_id)
    click.echo("Deleted.")


@run.command("list")
@click.option("--state", default="", help="Only runs in this state.")
@click.option("--limit", default=50, type=click.IntRange(1, 200), show_default=True)
@as_json
def list_runs(state: str, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    with use_cases() as (_settings, services):
        runs = services.runs.recent(state, limit=limit)
    if as_json:
        print_json([_facts(found) for found in runs])
        return
    rows = [(found.id, found.created_at, found.state, found.started_by_name, found.title) for found in runs]
    print_table(("RUN", "STARTED", "STATE", "BY", "TITLE"), rows, "There are no runs.")


def _document(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise InvalidInputError(f"{text[1:]} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InvalidInputError(f"The input is not valid JSON: {error}.") from None


def _everything(view: RunView) -> dict[str, Any]:
    return {
        **_facts(view.run),
        "steps": [vars(step) for step in view.steps],
        "requests": [
            {"id": request.id, "title": request.title, "risk": request.risk, "state": request.state}
            for request in view.requests
        ],
        "artifacts": [{"name": artifact.name, "media_type": artifact.media_type} for artifact in view.artifacts],
    }


def _facts(found: Run) -> dict[str, Any]:
    return {
        "id": found.id,
        "workflow": found.workflow,
        "workflow_version": found.workflow_version,
        "title": found.title,
        "state": found.state,
        "input": found.input,
        "result": found.result,
        "error": found.error,
        "started_by": found.started_by_name,
        "created_at": found.created_at,
        "finished_at": found.finished_at,
    }


def _cost(figures: ModelFigures) -> str:
    if figures.cost is None:
        return "not known" if figures.unpriced else ""
    return f"{'at least ' if figures.unpriced else ''}${figures.cost:.4f}"


def _duration(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def _one_line(value: Any) -> str:
    text = value.get("message", value) if isinstance(value, dict) else value
    return " ".join(str(text).split())
