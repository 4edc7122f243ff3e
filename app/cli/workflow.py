"""`assent workflow`: find mistakes in a workflow before a worker offers it."""

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
    """Report problems of the workflow in PATH, with file and line. The exit code is 1 if there are any.

    Notes are hints; they do not change the exit code.

    PATH is a folder or a file that exports WORKFLOW, or an entry point's module:NAME. The workflow is imported and its
    graph is built; no step is executed, and no database is needed.
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
            click.echo(f"{path} is valid.")
    sys.exit(0 if all(finding.note for finding in findings) else 1)


def form_problem(schema: dict[str, Any]) -> str:
    """Return the reason why the input's schema has no start form, or an empty string if it has one."""
    if schema.get("type") != "object":
        return "an input must be an object with named fields."
    for name in schema.get("required", []):
        field = schema.get("properties", {}).get(name, {})
        if field.get("type") == "null" or field.get("not") == {}:
            return f"no value can be entered for {name!r}."
    return "" if not schema.get("properties") or shape_of(schema, schema).kind == "group" else "it has no fields."
