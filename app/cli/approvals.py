"""`assent approvals`: the queue, and deciding in one's own name."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from app.cli.actors import acting, operator, use_cases
from app.cli.context import as_json, moment_of, print_json, print_table
from app.domain.ballot import Ballot
from app.domain.errors import InvalidInputError
from app.domain.policy.words import expiry_words
from app.services.approvals.decisions.claims import CLAIM_MINUTES
from app.services.reading.pages import RequestView
from app.services.reading.queue import MAX_PAGE
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.queue_rows import QueueRow
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict

in_whose_name = click.option("--as", "email", required=True, help="Email address of the person who does it.")


@click.group()
def approvals() -> None:
    """See what waits for a decision, and decide."""


@approvals.command("list")
@click.option(
    "--risk", default="", type=click.Choice(["", *(level.value for level in RiskLevel)]), help="Only this level."
)
@click.option("--workflow", default="", help="Only this workflow.")
@click.option("--mine", default="", metavar="EMAIL", help="Only what is assigned to, claimed by or asks this person.")
@click.option("--team", default="", help="Only what asks the team with this slug.")
@click.option("--unassigned", is_flag=True, help="Only what nobody has claimed or been assigned.")
@click.option("--resolved", is_flag=True, help="What has been resolved, newest first, instead.")
@click.option("--limit", default=50, type=click.IntRange(1, MAX_PAGE), show_default=True)
@as_json
def list_requests(
    risk: str, workflow: str, mine: str, team: str, unassigned: bool, resolved: bool, limit: int, as_json: bool
) -> None:
    """List requests, the most pressing first."""
    with use_cases() as (_settings, services):
        whose = acting(services, mine).member if mine else None
        wanted = QueueFilter(
            risk=risk, workflow=workflow, mine=whose, team=team, unassigned=unassigned, resolved=resolved
        )
        page = services.queue.page(wanted, limit=limit)
    if as_json:
        print_json([_facts(row) for row in page.rows])
        return
    rows = [
        (
            row.id, row.risk.value, row.state.value, row.progress, ", ".join(row.asked) or "anyone",
            row.assigned_to_name or row.claimed_by_name, row.expires_at, row.title,
        )
        for row in page.rows
    ]  # fmt: skip
    heads = ("REQUEST", "RISK", "STATE", "AGREED", "ASKS", "WITH", "EXPIRES", "TITLE")
    print_table(heads, rows, "Nothing waits for a decision.")
    if page.next_cursor:
        click.echo(f"… and more: {'over ' if page.capped else ''}{page.total} in all")


@approvals.command()
@click.argument("request_id")
@as_json
def show(request_id: str, as_json: bool) -> None:
    """Show what a request proposes, its risk, how it stands, and its digest."""
    with use_cases() as (_settings, services):
        view = services.views.request(request_id, operator())
    stands = view.situation
    if as_json:
        print_json(_document(view))
        return
    click.echo(f"{view.request.title}: {view.state.words}")
    rule = f"policy {view.request.policy_version}" if view.request.policy_version else "the strict default"
    click.echo(f"Risk {view.assessment.level.value} ({view.assessment.score}); rule {view.terms.name}, {rule}")
    for finding in view.assessment.findings:
        click.echo(f"  {finding.severity.value}: {finding.message}")
    click.echo(f"Approvals: {' · '.join(stage.words for stage in stands.stages)}")
    if stands.asked:
        click.echo(f"Approval required from: {', '.join(stands.asked)}")
    if view.request.assigned_to_name:
        click.echo(f"Assigned to {view.request.assigned_to_name}")
    if stands.claimed and view.request.claimed_until:
        click.echo(f"Claimed by {view.request.claimed_by_name} until {_local(view.request.claimed_until)}")
    for coming in stands.ahead:
        words = expiry_words(coming.words, f"at {_local(coming.at)}")
        click.echo(f"{words[:1].upper()}{words[1:]}{f' ({coming.why})' if coming.why else ''}")
    if stands.windows:
        click.echo(f"Change window: {'; '.join(stands.windows)}{f'; opens {stands.opening}' if stands.opening else ''}")
    click.echo(f"Digest {view.request.digest}\n")
    click.echo(json.dumps(view.request.payload, indent=2, ensure_ascii=False))


@approvals.command()
@click.argument("request_id")
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]))
@in_whose_name
@click.option("--digest", required=True, help="Digest of the proposal that was seen, from `assent approvals show`.")
@click.option("--comment", default="", help="What to say; some verdicts need it.")
@click.option("--change", default="", help="For modify: the change, as JSON.")
@click.option("--answer", default="", help="For answer: the answer, as JSON.")
@click.option(
    "--acknowledge-risk",
    type=click.Choice([level.value for level in RiskLevel]),
    help="For modify: the level up to which the change is known to raise the risk.",
)
@as_json
def decide(
    request_id: str,
    verdict: str,
    email: str,
    digest: str,
    comment: str,
    change: str,
    answer: str,
    acknowledge_risk: str | None,
    as_json: bool,
) -> None:
    """Decide on REQUEST_ID."""
    with use_cases() as (_settings, services):
        ballot = Ballot(
            Verdict(verdict),
            digest,
            change=_json("--change", change),
            answer=_json("--answer", answer),
            comment=comment,
            acknowledged_risk=RiskLevel(acknowledge_risk) if acknowledge_risk else None,
        )
        result = services.checkpoints.decide(request_id, acting(services, email), ballot)
    _told(result.request, result.words, as_json, resolved=result.resolved, words=result.words)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", default="", help="Why.")
@as_json
def withdraw(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Take back one's own decision on REQUEST_ID."""
    with use_cases() as (_settings, services):
        result = services.checkpoints.withdraw(request_id, acting(services, email), reason)
    _told(result.request, result.words, as_json, resolved=result.resolved, words=result.words)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--minutes", default=CLAIM_MINUTES, show_default=True, help="For how long.")
@click.option("--take-over", is_flag=True, help="Also when somebody else holds it.")
@as_json
def claim(request_id: str, email: str, minutes: int, take_over: bool, as_json: bool) -> None:
    """Claim REQUEST_ID for a while: the others see it, and may still decide."""
    with use_cases() as (_settings, services):
        claimed = services.checkpoints.claim(request_id, acting(services, email), minutes, take_over=take_over)
    until = f" until {_local(claimed.claimed_until)}" if claimed.claimed_until else ""
    _told(claimed, f"Claimed by {claimed.claimed_by_name}{until}.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@as_json
def release(request_id: str, email: str, as_json: bool) -> None:
    """Give up the claim on REQUEST_ID."""
    with use_cases() as (_settings, services):
        released = services.checkpoints.release_claim(request_id, acting(services, email))
    _told(released, "Released.", as_json)


@approvals.command()
@click.argument("request_id")
@click.argument("person", default="")
@in_whose_name
@click.option("--reason", default="", help="Why; needed to hand on what is assigned to oneself.")
@as_json
def assign(request_id: str, person: str, email: str, reason: str, as_json: bool) -> None:
    """Assign REQUEST_ID to PERSON (an email address), or without one to nobody in particular."""
    with use_cases() as (_settings, services):
        actor = acting(services, email)
        assigned = services.checkpoints.assign(request_id, actor, services.absences.named(person, "person"), reason)
    _told(assigned, f"Assigned to {assigned.assigned_to_name or 'nobody in particular'}.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", required=True, help="Why.")
@as_json
def escalate(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Ask the next people of REQUEST_ID's chain at once; with nobody left, raise its priority."""
    with use_cases() as (_settings, services):
        raised = services.checkpoints.escalate(request_id, acting(services, email), reason)
        asked = services.views.request(request_id, operator()).situation.asked
    also = f", asked now: {', '.join(asked)}" if asked else ""
    _told(raised, f"Escalated: priority {raised.priority}{also}.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--until", required=True, help="The new deadline: ISO 8601, such as 2026-08-03T09:00+02:00.")
@click.option("--reason", required=True, help="Why.")
@as_json
def extend(request_id: str, email: str, until: str, reason: str, as_json: bool) -> None:
    """Give REQUEST_ID more time. A time without a time zone is this machine's."""
    with use_cases() as (_settings, services):
        extended = services.checkpoints.extend(request_id, acting(services, email), moment_of("--until", until), reason)
    _told(extended, f"The deadline is {_local(extended.expires_at)} now.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", required=True, help="Why.")
@as_json
def reopen(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Have people look again at what was rejected in REQUEST_ID, when the run asks for the same."""
    with use_cases() as (_settings, services):
        reopened = services.checkpoints.reopen(request_id, acting(services, email), reason)
    _told(reopened, "Reopened: when the run asks for the same again, people decide.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", default="", help="Why.")
@as_json
def cancel(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Withdraw REQUEST_ID; the run is told that it was rejected."""
    with use_cases() as (_settings, services):
        cancelled = services.checkpoints.cancel(request_id, acting(services, email), reason)
    _told(cancelled, "Canceled. The run is told that it was rejected.", as_json)


def _told(request: ApprovalRequest, said: str, as_json: bool, **more: Any) -> None:
    if not as_json:
        click.echo(said)
        return
    columns = (
        "state", "approvals", "quorum", "stage", "addressed_to", "priority", "expires_at", "claimed_by_name",
        "claimed_until", "assigned_to_name", "held_until", "reopened_at",
    )  # fmt: skip
    print_json({"id": request.id, **{name: getattr(request, name) for name in columns}, **more})


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _document(view: RequestView) -> dict[str, Any]:
    request, stands = view.request, view.situation
    return {
        "id": request.id,
        "title": request.title,
        "state": view.state.value,
        "digest": request.digest,
        "payload": request.payload,
        "assessment": request.assessment,
        "terms": request.terms,
        "policy_version": request.policy_version,
        "stages": [asdict(stage) for stage in stands.stages],
        "asked": stands.asked,
        "ahead": [asdict(coming) for coming in stands.ahead],
        "windows": stands.windows,
        "opens_at": stands.opens_at,
        "claimed_by_name": request.claimed_by_name if stands.claimed else "",
        "claimed_until": request.claimed_until if stands.claimed else None,
        "assigned_to_name": request.assigned_to_name,
        "expires_at": request.expires_at,
        "held_until": request.held_until,
        "answered_by": request.answered_by,
        "outcome": view.outcome.body if view.outcome else None,
        "receipt": view.receipt.status if view.receipt else None,
    }


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
        "rule": row.rule,
        "policy_version": row.policy_version,
        "stage_name": row.stage_name,
        "asked": row.asked,
        "agreed": row.agreed,
        "claimed_by_name": row.claimed_by_name,
        "assigned_to_name": row.assigned_to_name,
        "held_until": row.held_until,
        "consequence": row.consequence,
        "opened_at": row.opened_at,
        "expires_at": row.expires_at,
        "attention_at": row.attention_at,
        "why_here": row.why_here,
    }
