"""`assent grants`: list, show, and revoke standing grants."""

from __future__ import annotations

from typing import Any

import click

from app.cli.actors import acting, operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.hidden_characters import without_hidden
from app.domain.text import plural
from app.services.grants.lifecycle import GrantView
from app.services.grants.precedents import Precedent


@click.group()
def grants() -> None:
    """List, show, and revoke standing grants."""


@grants.command("list")
@as_json
def list_grants(as_json: bool) -> None:
    """List proposed, active, and recently ended grants."""
    with use_cases() as (_settings, services):
        found = services.grants.list(operator())
    if as_json:
        print_json([_facts(view) for view in found])
        return
    rows = [
        (view.grant.id, view.state.words, f"{view.grant.uses} of {view.grant.max_uses}", view.grant.expires_at,
         view.grant.workflow, view.grant.title)
        for view in found
    ]  # fmt: skip
    print_table(("GRANT", "STATE", "USED", "EXPIRES", "WORKFLOW", "TITLE"), rows, "There are no standing grants.")


@grants.command()
@click.argument("grant_id")
@as_json
def show(grant_id: str, as_json: bool) -> None:
    """Show what GRANT_ID approves, and the requests that it has approved."""
    with use_cases() as (_settings, services):
        detail = services.grants.view(grant_id, operator())
    grant, state = detail.view.grant, detail.view.state
    if as_json:
        past = {"evidence": detail.evidence, "let_through": detail.uses}
        print_json(_facts(detail.view) | {name: [_past(row) for row in rows] for name, rows in past.items()})
        return
    click.echo(f"{grant.title}: {state.words}")
    where = f" in {grant.environment}" if grant.environment else ""
    click.echo(f"{grant.kind} of {grant.workflow}, step {grant.node}{where}, risk at most {grant.max_risk}")
    click.echo(f"Used {grant.uses} of {grant.max_uses}, until {grant.expires_at.astimezone():%Y-%m-%d %H:%M}")
    approver = f", approved by {grant.approved_by_name}" if grant.approved_by_name else ""
    click.echo(f"Proposed by {grant.proposed_by_name}{approver}: {grant.reason}")
    if grant.end_reason:
        click.echo(f"Ended: {grant.end_reason}")
    for line in detail.view.words:
        click.echo(f"  {without_hidden(line)}")
    rows = [(use.id, use.at, use.title) for use in detail.uses]
    print_table(("REQUEST", "APPROVED", "TITLE"), rows, "The grant has not approved any request.")


@grants.command()
@click.argument("grant_id")
@click.option("--reason", required=True, help="Reason, for the audit log.")
@click.option("--as", "email", default="", help="Act as the person with this email address, not as the operator.")
@as_json
def revoke(grant_id: str, reason: str, email: str, as_json: bool) -> None:
    """Revoke GRANT_ID. It approves nothing from now on."""
    with use_cases() as (_settings, services):
        actor = acting(services, email) if email else operator()
        services.grants.revoke(actor, grant_id, reason)
        view = services.grants.view(grant_id, operator()).view
    if as_json:
        print_json(_facts(view))
    else:
        title, uses = without_hidden(view.grant.title), plural(view.grant.uses, "request")
        click.echo(f"“{title}” is {view.state.words}. It has approved {uses}.")


def _past(past: Precedent) -> dict[str, Any]:
    return {"id": past.id, "title": past.title, "at": past.at, "state": past.state.value, "who": past.who}


def _facts(view: GrantView) -> dict[str, Any]:
    grant = view.grant
    same = (
        "id", "title", "workflow", "node", "kind", "environment", "max_risk", "pattern", "max_uses", "uses",
        "expires_at", "reason", "proposed_at", "proposed_by_name", "approved_at", "approved_by_name", "ended_at",
        "ended_by_name", "end_reason",
    )  # fmt: skip
    return {name: getattr(grant, name) for name in same} | {
        "state": view.state.value, "words": view.words, "uses_left": view.uses_left,
    }  # fmt: skip
