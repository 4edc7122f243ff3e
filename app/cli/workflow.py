"""`assent workflow`: what is wrong with a workflow, before a worker offers it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.cli.context import as_json, print_json
from app.installation import add_folder
from app.runtime.checks.check import check as check_workflow
from app.runtime.checks.loader import NoSuchWorkflowError
from app.web.forms.schemas import shape_of


@click.group()
def workflow() -> None:
    """Check workflows."""


@workflow.command()
@click.argument("path")
@as_json
def check(path: str, as_json: bool) -> None:
    """Say what is wrong with the workflow in PATH, with file and line; exit code 1 if anything is.

    Notes say what is good to know; they leave the exit code at 0.

    PATH is a folder or a file that exports WORKFLOW, or an entry point's module:NAME. The workflow is imported and its
    graph built; nothing is run and no database is needed.
    """
    add_folder(Path.cwd())
    try:
        findings = check_workflow(path, form_problem)
    except NoSuchWorkflowError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            click.echo(str(finding))
        if all(finding.note for finding in findings):
            click.echo(f"{path} can be used.")
    sys.exit(0 if all(finding.note for finding in findings) else 1)


def form_problem(schema: dict[str, Any]) -> str:
    """Why no start form can be drawn from the schema of an input; empty if one can."""
    if schema.get("type") != "object":
        return "an input is an object with named fields."
    for name in schema.get("required", []):
        field = schema.get("properties", {}).get(name, {})
        if field.get("type") == "null" or field.get("not") == {}:
            return f"nothing can be filled in for {name!r}."
    return "" if not schema.get("properties") or shape_of(schema, schema).kind == "group" else "it has no fields."
