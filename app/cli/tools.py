"""`assent tools`: what is in the toolbox, whether it works, and calls of single tools."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from app.cli.context import as_json, print_json, print_table
from app.cli.recalling import lessons_for
from app.installation import add_folder
from app.runtime.toolbox import opened_toolbox
from app.settings import load_settings
from assent.errors import AssentError
from assent.json_values import JsonError, parse
from assent.toolbox.calls import Limits, ToolResult, call
from assent.toolbox.checks import Finding, check_tool, facts_of
from assent.toolbox.errors import InvalidToolError, UnknownToolError
from assent.toolbox.model import Tool
from assent.toolbox.registry import Registry
from assent.toolbox.uses import log as log_of_calls

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@click.group()
def tools() -> None:
    """List, check, and call tools.

    Tools come from installed packages, from `tools` in the packages of the folder `workflows`, and from the MCP servers
    in the file that ASSENT_TOOL_SERVERS names.
    """


@tools.command("list")
@click.option("--capability", default="", help="Only tools with this capability.")
@as_json
def list_tools(capability: str, as_json: bool) -> None:
    """List the newest version of each tool."""
    registry = _registry()
    found = [tool for tool in registry if not capability or capability in tool.capabilities]
    if as_json:
        print_json({"tools": [facts_of(tool) for tool in found], "broken": registry.broken})
        return
    rows = [(tool.name, tool.version, tool.effect.value, tool.description.split("\n")[0]) for tool in found]
    nothing = f"No tool has the capability {capability!r}." if capability else "No tools are installed."
    print_table(("TOOL", "VERSION", "EFFECT", "DESCRIPTION"), rows, nothing)
    _warn_of_broken(registry)


@tools.command()
@click.argument("tool")
@as_json
def show(tool: str, as_json: bool) -> None:
    """Show TOOL: its facts, schemas, examples, and versions. TOOL may name a version, such as count_rows@>=1.2."""
    registry = _registry()
    found = _find(registry, tool)
    facts = facts_of(found) | {"versions": [other.version for other in registry.versions(found.name)]}
    print_json(facts) if as_json else _print_facts(facts)


@tools.command()
@click.argument("tool", required=False)
@as_json
def check(tool: str | None, as_json: bool) -> None:
    """Check TOOL, or all tools: names, schemas, examples, and whether what they need is there.

    No tool is called. The exit code is 1 if there are problems.
    """
    registry = _registry()
    checked = (
        [_find(registry, tool)] if tool else [version for one in registry for version in registry.versions(one.name)]
    )
    findings = [finding for one in checked for finding in check_tool(one)]
    if not tool:
        findings += [Finding(place, f"It cannot be loaded: {error}") for place, error in registry.broken.items()]
    if as_json:
        print_json({"findings": [{"tool": finding.tool, "problem": finding.problem} for finding in findings]})
    else:
        for finding in findings:
            click.echo(f"{finding.tool}: {finding.problem}")
        if not findings:
            click.echo(f"{checked[0].full_name} is valid." if tool else f"All {len(checked)} tools are valid.")
    sys.exit(1 if findings else 0)


@tools.command()
@click.argument("name", metavar="TOOL_OR_SERVER")
def pin(name: str) -> None:
    """Print the pin of a tool of an MCP server, or of all its tools, for the file in ASSENT_TOOL_SERVERS.

    A pin says that you have read what the server says about the tool; `assent tools show` prints it. The effect in the
    output is the one that counts now: put in what the tool really does.
    """
    registry = _registry()
    found = [tool for tool in registry if tool.pin and tool.name.partition(".")[0] == name]
    try:
        entries = [_entry(tool) for tool in found or [_find(registry, name)]]
    except InvalidToolError as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n\n".join(entries))


def _entry(tool: Tool) -> str:
    """Return the lines of a tool in the file of servers. Raises InvalidToolError: it is not a tool of an MCP server."""
    from assent.toolbox.mcp_tools import pin_of

    pinned = pin_of(tool)
    server, _, own = tool.name.partition(".")
    key = own if _BARE_KEY.fullmatch(own) else json.dumps(own)
    return f'[servers.{server}.tools.{key}]\neffect = "{tool.effect.value}"\npin = "{pinned}"'


@tools.command("call")
@click.argument("tool")
@click.option("--input", "given", default="{}", metavar="JSON", help="The inputs, as JSON. - reads standard input.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds; default: the tool's.")
@click.option("--reason", default="", help="Why, for the people who approve the call.")
@click.option("--environment", default="", help="Where the tool acts, for people and policies, such as production.")
@click.option("--url", envvar="ASSENT_URL", default="", help="Address of the portal (ASSENT_URL).")
def call_tool(tool: str, given: str, timeout: float | None, reason: str, environment: str, url: str) -> None:
    """Call TOOL, and print its output as JSON.

    A tool that only reads needs no portal. A call of any other tool is requested at the portal in ASSENT_URL with the
    token in ASSENT_TOKEN, and made with the inputs that people approve.
    """
    found = _find(_registry(), tool)
    inputs = _inputs(given)
    # What has failed is the command's own error; the log would say it a second time.
    log_of_calls.addHandler(logging.NullHandler())
    limits = Limits(timeout=timeout)
    try:
        if found.reads_only:
            with lessons_for(found, load_settings()):
                result = call(found, inputs, limits=limits)
        else:
            result = _approved(found, inputs, limits, url, reason=reason, environment=environment)
    except AssentError as error:
        raise click.ClickException(str(error)) from None
    for warning in result.warnings:
        click.echo(f"Warning: {warning}", err=True)
    print_json(result.document)


def _approved(tool: Tool, inputs: Any, limits: Limits, url: str, *, reason: str, environment: str) -> ToolResult:
    """Request approval of a call, wait for it, and make the call. Raises click.UsageError, AssentError."""
    from assent.client import Assent
    from assent.connection import AgentTokenError, check_address, checked_token
    from assent.toolbox.approved_calls import ApprovedCall

    if not url:
        notes = "".join(f"\n\n{note}" for note in tool.notes)
        raise click.UsageError(
            f"{tool.name} may change something (effect: {tool.effect.value}), so people have to approve the call. "
            f"Set ASSENT_URL to the portal's address, and ASSENT_TOKEN to an agent's token.{notes}"
        )
    check_address("ASSENT_URL", url)
    try:
        token = checked_token(os.environ.get("ASSENT_TOKEN", "").strip())
    except AgentTokenError as error:
        raise click.UsageError(str(error)) from None
    approved = ApprovedCall(
        tool, inputs, summary=reason, environment=environment, limits=limits,
        on_request=lambda request: click.echo(f"Waiting for approval: {request.url}", err=True),
    )  # fmt: skip
    with Assent(url, token) as client:
        return approved.make(client)


def _registry() -> Registry:
    add_folder(Path.cwd())
    # Servers that are started for this command end with it.
    return click.get_current_context().with_resource(opened_toolbox(load_settings().tool_servers))


def _find(registry: Registry, wanted: str) -> Tool:
    try:
        return registry.get(wanted)
    except UnknownToolError as error:
        _warn_of_broken(registry)
        raise click.UsageError(str(error)) from None


def _warn_of_broken(registry: Registry) -> None:
    for place, error in registry.broken.items():
        click.echo(f"Warning: {place} cannot be loaded: {error}", err=True)


def _inputs(given: str) -> Any:
    text = sys.stdin.read() if given == "-" else given
    try:
        inputs = parse(text)
    except JsonError as error:
        raise click.UsageError(f"--input: {error}") from None
    if not isinstance(inputs, dict):
        raise click.UsageError('--input: this must be a JSON object, such as {"table": "orders"}.')
    return inputs


def _print_facts(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['name']} {facts['version']} — {facts['title']}\n\n{facts['description']}\n")
    rows = {
        "Effect": facts["effect"],
        "Minimum risk": facts["risk"],
        "Idempotent": "yes" if facts["idempotent"] else "no",
        "Capabilities": ", ".join(facts["capabilities"]),
        "Timeout": f"{facts['timeout']:g} s",
        "Sends data to": ", ".join(facts["sends_to"]),
        "Source": facts["source"],
        "Versions": ", ".join(facts["versions"]),
    }
    for label, value in rows.items():
        if value:
            click.echo(f"{label + ':':<15}{value}")
    for note in facts["notes"]:
        click.echo(f"\n{note}")
    for label, key in (("Input schema", "input_schema"), ("Output schema", "output_schema"), ("Examples", "examples")):
        if facts[key]:
            click.echo(f"\n{label}:")
            print_json(facts[key])
