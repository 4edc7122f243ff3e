"""`assent workflow`: find mistakes in a workflow before a worker offers it, and draw its graph."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.cli.context import as_json, print_json
from app.installation import add_folder
from app.runtime.checks.check import check as check_workflow
from app.runtime.checks.check import loaded
from app.runtime.checks.loader import NoSuchWorkflowError
from app.runtime.drawing import mermaid
from app.runtime.loading import told
from app.runtime.toolbox import opened_toolbox
from app.settings import load_settings
from app.web.forms.schemas import shape_of


@click.group()
def workflow() -> None:
    """Check and draw workflows."""


@workflow.command()
@click.argument("path")
@as_json
def check(path: str, as_json: bool) -> None:
    """Report problems of the workflow in PATH, with file and line. The exit code is 1 if there are any.

    Notes are hints; they do not change the exit code.

    PATH is a workflow file in YAML or its folder, a folder or a file that exports WORKFLOW, or an entry point's
    module:NAME. The workflow is imported and its graph is built; no step is executed, and no database is needed.
    """
    _open_toolbox()
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


@workflow.command()
@click.argument("path")
def draw(path: str) -> None:
    """Print the graph of the workflow in PATH as a Mermaid diagram.

    PATH is as for `assent workflow check`. No step is executed.
    """
    _open_toolbox()
    try:
        found = loaded(path)
    except NoSuchWorkflowError as error:
        raise click.UsageError(str(error)) from None
    if isinstance(found, list):
        raise click.ClickException("\n".join(map(str, found)))
    try:
        click.echo(mermaid(found), nl=False)
    except Exception as error:
        raise click.ClickException(f"The graph cannot be built: {told(error)}") from error


def _open_toolbox() -> None:
    """Find the tools that steps may name: those of the MCP servers that the operator lists are among them."""
    add_folder(Path.cwd())
    click.get_current_context().with_resource(opened_toolbox(load_settings().tool_servers))


def form_problem(schema: dict[str, Any]) -> str:
    """Return the reason why the input's schema has no start form, or an empty string if it has one."""
    if schema.get("type") != "object":
        return "an input must be an object with named fields."
    for name in schema.get("required", []):
        field = schema.get("properties", {}).get(name, {})
        if field.get("type") == "null" or field.get("not") == {}:
            return f"no value can be entered for {name!r}."
    return "" if not schema.get("properties") or shape_of(schema, schema).kind == "group" else "it has no fields."
