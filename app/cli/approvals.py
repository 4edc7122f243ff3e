"""`assent approvals`: the queue, and deciding in one's own name."""

from __future__ import annotations

import json
from typing import Any

import click

from app.cli.acting import acting, operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.errors import InvalidInputError
from app.services.queue import MAX_PAGE, QueueFilter
from app.services.queue_rows import QueueRow
from assent.contracts import RiskLevel, Verdict


@click.group()
def approvals() -> None:
    """See what waits for a decision, and decide."""


@approvals.command("list")
@click.option(
    "--risk", default="", type=click.Choice(["", *(each.value for each in RiskLevel)]), help="Only this level."
)
@click.option("--workflow", default="", help="Only this workflow.")
@click.option("--resolved", is_flag=True, help="What has been resolved, newest first, instead.")
@click.option("--limit", default=50, type=click.IntRange(1, MAX_PAGE), show_default=True)
@as_json
def list_requests(risk: str, workflow: str, resolved: bool, limit: int, as_json: bool) -> None:
    """List requests, the most pressing first."""
    with use_cases() as (_settings, services):
        page = services.queue.page(QueueFilter(risk=risk, workflow=workflow, resolved=resolved), limit=limit)
    if as_json:
        print_json([_facts(row) for row in page.rows])
        return
    rows = [(row.id, row.risk.value, row.state.value, row.progress, row.expires_at, row.title) for row in page.rows]
    print_table(("REQUEST", "RISK", "STATE", "AGREED", "EXPIRES", "TITLE"), rows, "Nothing waits for a decision.")
    if page.next_cursor:
        click.echo(f"… and more: {'over ' if page.capped else ''}{page.total} in all")


@approvals.command()
@click.argument("request_id")
@as_json
def show(request_id: str, as_json: bool) -> None:
    """Show what a request proposes, its risk and its digest."""
    with use_cases() as (_settings, services):
        view = services.views.request(request_id, operator())
    facts = {
        "id": view.request.id,
        "title": view.request.title,
        "state": view.state.value,
        "digest": view.request.digest,
        "payload": view.request.payload,
        "assessment": view.request.assessment,
        "terms": view.request.terms,
        "expires_at": view.request.expires_at,
        "outcome": view.outcome.body if view.outcome else None,
        "receipt": view.receipt.status if view.receipt else None,
    }
    if as_json:
        print_json(facts)
        return
    click.echo(f"{view.request.title}: {view.state.words}")
    click.echo(f"Risk {view.assessment.level.value} ({view.assessment.score}), needs {view.terms.name}")
    for finding in view.assessment.findings:
        click.echo(f"  {finding.severity.value}: {finding.message}")
    click.echo(f"Digest {view.request.digest}\n")
    click.echo(json.dumps(view.request.payload, indent=2, ensure_ascii=False))


@approvals.command()
@click.argument("request_id")
@click.argument("verdict", type=click.Choice([each.value for each in Verdict]))
@click.option("--as", "email", required=True, help="Mail address of the person who decides.")
@click.option("--digest", required=True, help="Digest of the proposal that was seen, from `assent approvals show`.")
@click.option("--comment", default="", help="What to say; some verdicts need it.")
@click.option("--change", default="", help="For modify: the change, as JSON.")
@click.option("--answer", default="", help="For answer: the answer, as JSON.")
@as_json
def decide(
    request_id: str, verdict: str, email: str, digest: str, comment: str, change: str, answer: str, as_json: bool
) -> None:
    """Decide on REQUEST_ID."""
    with use_cases() as (_settings, services):
        result = services.checkpoints.decide(
            request_id,
            acting(services, email),
            Verdict(verdict),
            digest,
            change=_json("--change", change),
            answer=_json("--answer", answer),
            comment=comment,
        )
    if as_json:
        print_json(
            {"id": request_id, "state": result.request.state, "resolved": result.resolved, "words": result.words}
        )
    else:
        click.echo(result.words)


def _json(option: str, text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{option} is not JSON: {error}.") from None


def _facts(row: QueueRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "risk": row.risk.value,
        "score": row.score,
        "kind": row.kind,
        "state": row.state.value,
        "workflow": row.workflow,
        "agent": row.agent,
        "run_id": row.run_id,
        "approvals": row.approvals,
        "quorum": row.quorum,
        "opened_at": row.opened_at,
        "expires_at": row.expires_at,
        "attention_at": row.attention_at,
        "why_here": row.why_here,
    }
