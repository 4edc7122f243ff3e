"""`assent approvals`: the queue of approval requests, and decisions on them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from app.cli.actors import acting, operator, signed_in, use_cases
from app.cli.context import as_json, moment_of, print_json, print_table
from app.domain.ballot import Ballot
from app.domain.errors import InvalidInputError, ReauthenticationError
from app.domain.hidden_characters import plain_text
from app.domain.policy.words import expiry_words
from app.domain.risk import NOT_UNDERSTOOD, Finding, mark_unread
from app.services.approvals.decisions.claims import CLAIM_MINUTES
from app.services.reading.pages import RequestView
from app.services.reading.queue import MAX_PAGE
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.queue_rows import QueueRow
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Urgency, Verdict

in_whose_name = click.option("--as", "email", required=True, help="Email address of the person who acts.")


@click.group()
def approvals() -> None:
    """List, show, and decide approval requests."""


@approvals.command("list")
@click.option(
    "--risk",
    default="",
    type=click.Choice(["", *(level.value for level in RiskLevel)]),
    help="Only requests with this risk level.",
)
@click.option(
    "--urgency",
    default="",
    type=click.Choice(["", *(urgency.value for urgency in Urgency)]),
    help="Only requests with this urgency.",
)
@click.option("--workflow", default="", help="Only requests of this workflow.")
@click.option(
    "--mine",
    default="",
    metavar="EMAIL",
    help="Only requests that this person is assigned, has claimed, or must approve.",
)
@click.option("--team", default="", help="Only requests that require approval from this team (a slug).")
@click.option("--unassigned", is_flag=True, help="Only requests that are neither claimed nor assigned.")
@click.option("--resolved", is_flag=True, help="List resolved requests instead, newest first.")
@click.option("--limit", default=50, type=click.IntRange(1, MAX_PAGE), show_default=True)
@as_json
def list_requests(
    risk: str, urgency: str, workflow: str, mine: str, team: str, unassigned: bool, resolved: bool, limit: int,
    as_json: bool,
) -> None:  # fmt: skip
    """List pending requests, the most urgent first."""
    with use_cases() as (_settings, services):
        whose = acting(services, mine).member if mine else None
        wanted = QueueFilter(
            risk=risk, urgency=urgency, workflow=workflow, mine=whose, team=team, unassigned=unassigned,
            resolved=resolved,
        )  # fmt: skip
        page = services.queue.page(wanted, limit=limit)
    if as_json:
        print_json([_facts(row) for row in page.rows])
        return
    rows = [
        (
            row.id, mark_unread(row.risk.value, row.understood), row.state.value, row.progress,
            ", ".join(row.asked) or "anyone", row.assigned_to_name or row.claimed_by_name, row.expires_at, row.title,
        )
        for row in page.rows
    ]  # fmt: skip
    heads = ("REQUEST", "RISK", "STATE", "APPROVALS", "REQUIRED FROM", "ASSIGNEE", "EXPIRES", "TITLE")
    print_table(heads, rows, "No requests are waiting for a decision.")
    if page.next_cursor:
        click.echo(f"… and more: {'over ' if page.capped else ''}{page.total} in total")


@approvals.command()
@click.argument("request_id")
@as_json
def show(request_id: str, as_json: bool) -> None:
    """Show a request: its proposal, risk, state, and digest."""
    with use_cases() as (_settings, services):
        view = services.views.request(request_id, operator())
    situation = view.situation
    if as_json:
        print_json(_document(view))
        return
    click.echo(f"{view.request.title}: {view.state.words}")
    rule = f"policy {view.request.policy_version}" if view.request.policy_version else "the strict default"
    click.echo(f"Risk {view.assessment.level.value} ({view.assessment.score}); rule {view.terms.name}, {rule}")
    for finding in view.assessment.findings:
        click.echo(f"  {_finding_words(finding)}")
    if not view.assessment.is_clear(view.request.kind):
        click.echo(f"Not understood: {NOT_UNDERSTOOD}")
    for kind, names in view.assessment.touches.named.items():
        click.echo(f"{kind}: {', '.join(_one_line(name) for name in names)}")
    click.echo(f"Approvals: {' · '.join(stage.words for stage in situation.stages)}")
    if situation.asked:
        click.echo(f"Approval required from: {', '.join(situation.asked)}")
    if situation.shortage:
        click.echo(_one_line(situation.shortage))
    if view.request.assigned_to_name:
        click.echo(f"Assigned to {view.request.assigned_to_name}")
    if situation.claimed and view.request.claimed_until:
        click.echo(f"Claimed by {view.request.claimed_by_name} until {_local(view.request.claimed_until)}")
    for coming in situation.ahead:
        words = expiry_words(coming.words, f"at {_local(coming.at)}")
        click.echo(f"{words[:1].upper()}{words[1:]}{f' ({coming.why})' if coming.why else ''}")
    if situation.windows:
        opens = f"; opens {situation.opening}" if situation.opening else ""
        click.echo(f"Change window: {'; '.join(situation.windows)}{opens}")
    click.echo(f"Digest {view.request.digest}\n")
    click.echo(json.dumps(view.request.payload, indent=2, ensure_ascii=False))


@approvals.command()
@click.argument("request_id")
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]))
@in_whose_name
@click.option("--digest", required=True, help="Digest of the proposal that you reviewed, from `assent approvals show`.")
@click.option("--comment", default="", help="Comment for the agent and the audit log. Some verdicts require one.")
@click.option("--change", default="", help="For modify: the change, in JSON.")
@click.option("--answer", default="", help="For answer: the answer, in JSON.")
@click.option(
    "--acknowledge-risk",
    type=click.Choice([level.value for level in RiskLevel]),
    help="For modify: the highest risk level to which you accept that the change raises the risk.",
)
@click.option(
    "--link",
    default="",
    help="An unused sign-in link of the person, where the policy requires a recent sign-in. It is used up.",
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
    link: str,
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
        actor = acting(services, email)
        if link:
            actor = signed_in(services, actor, link)
        try:
            result = services.checkpoints.decide(request_id, actor, ballot)
        except ReauthenticationError as error:
            raise ReauthenticationError(
                f"The policy requires a recent sign-in for this decision. Pass an unused sign-in link of {email} as "
                "--link: people get one by email on the sign-in page, or from an administrator.",
                **error.extra,
            ) from None
    _print_result(result.request, result.words, as_json, resolved=result.resolved, words=result.words)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", default="", help="Reason.")
@as_json
def withdraw(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Withdraw your decision on REQUEST_ID."""
    with use_cases() as (_settings, services):
        result = services.checkpoints.withdraw(request_id, acting(services, email), reason)
    _print_result(result.request, result.words, as_json, resolved=result.resolved, words=result.words)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--minutes", default=CLAIM_MINUTES, show_default=True, help="How long the claim lasts.")
@click.option("--take-over", is_flag=True, help="Claim the request even if somebody else has claimed it.")
@as_json
def claim(request_id: str, email: str, minutes: int, take_over: bool, as_json: bool) -> None:
    """Claim REQUEST_ID for a while. Others see the claim, and may still decide."""
    with use_cases() as (_settings, services):
        claimed = services.checkpoints.claim(request_id, acting(services, email), minutes, take_over=take_over)
    until = f" until {_local(claimed.claimed_until)}" if claimed.claimed_until else ""
    _print_result(claimed, f"Claimed by {claimed.claimed_by_name}{until}.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@as_json
def release(request_id: str, email: str, as_json: bool) -> None:
    """Release the claim on REQUEST_ID."""
    with use_cases() as (_settings, services):
        released = services.checkpoints.release_claim(request_id, acting(services, email))
    _print_result(released, "Released.", as_json)


@approvals.command()
@click.argument("request_id")
@click.argument("person", default="")
@in_whose_name
@click.option("--reason", default="", help="Reason. Required if you reassign a request that is assigned to you.")
@as_json
def assign(request_id: str, person: str, email: str, reason: str, as_json: bool) -> None:
    """Assign REQUEST_ID to PERSON (an email address). Without PERSON, remove the assignment."""
    with use_cases() as (_settings, services):
        actor = acting(services, email)
        assigned = services.checkpoints.assign(request_id, actor, services.absences.named(person, "person"), reason)
    name = assigned.assigned_to_name
    _print_result(assigned, f"Assigned to {name}." if name else "The request has no assignee now.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", required=True, help="Reason.")
@as_json
def escalate(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Escalate REQUEST_ID to the next people of its chain now. If there are none, only raise its priority."""
    with use_cases() as (_settings, services):
        raised = services.checkpoints.escalate(request_id, acting(services, email), reason)
        asked = services.views.request(request_id, operator()).situation.asked
    also = f", approval required from {', '.join(asked)}" if asked else ""
    _print_result(raised, f"Escalated: priority {raised.priority}{also}.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--until", required=True, help="New deadline, in ISO 8601, such as 2026-08-03T09:00+02:00.")
@click.option("--reason", required=True, help="Reason.")
@as_json
def extend(request_id: str, email: str, until: str, reason: str, as_json: bool) -> None:
    """Extend the deadline of REQUEST_ID. A time without a time zone is in this machine's zone."""
    with use_cases() as (_settings, services):
        extended = services.checkpoints.extend(request_id, acting(services, email), moment_of("--until", until), reason)
    _print_result(extended, f"The new deadline is {_local(extended.expires_at)}.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", required=True, help="Reason.")
@as_json
def reopen(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Reopen rejected REQUEST_ID: if the run requests the same again, people decide on it."""
    with use_cases() as (_settings, services):
        reopened = services.checkpoints.reopen(request_id, acting(services, email), reason)
    _print_result(reopened, "Reopened. If the run requests the same again, people will decide on it.", as_json)


@approvals.command()
@click.argument("request_id")
@in_whose_name
@click.option("--reason", default="", help="Reason.")
@as_json
def cancel(request_id: str, email: str, reason: str, as_json: bool) -> None:
    """Cancel REQUEST_ID. The run or agent receives a rejection."""
    with use_cases() as (_settings, services):
        cancelled = services.checkpoints.cancel(request_id, acting(services, email), reason)
    _print_result(cancelled, "Canceled. The run or agent receives a rejection.", as_json)


def _print_result(request: ApprovalRequest, message: str, as_json: bool, **more: Any) -> None:
    if not as_json:
        click.echo(message)
        return
    columns = (
        "state", "approvals", "quorum", "stage", "addressed_to", "priority", "expires_at", "claimed_by_name",
        "claimed_until", "assigned_to_name", "held_until", "resolves_at", "reopened_at",
    )  # fmt: skip
    print_json({"id": request.id, **{name: getattr(request, name) for name in columns}, **more})


def _finding_words(finding: Finding) -> str:
    place = " ".join([finding.item, f"line {finding.line}" if finding.line else ""]).strip()
    where = f" ({_one_line(place)})" if place else ""
    unread = ", not understood" if finding.unread else ""
    return f"{finding.severity.value}{unread}{where}: {_one_line(finding.message)}"


def _one_line(text: str) -> str:
    return " ".join(plain_text(text).split())


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _document(view: RequestView) -> dict[str, Any]:
    request, situation = view.request, view.situation
    return {
        "id": request.id,
        "title": request.title,
        "state": view.state.value,
        "digest": request.digest,
        "payload": request.payload,
        "assessment": request.assessment,
        "terms": request.terms,
        "policy_version": request.policy_version,
        "stages": [asdict(stage) for stage in situation.stages],
        "asked": situation.asked,
        "shortage": situation.shortage,
        "ahead": [asdict(coming) for coming in situation.ahead],
        "windows": situation.windows,
        "opens_at": situation.opens_at,
        "claimed_by_name": request.claimed_by_name if situation.claimed else "",
        "claimed_until": request.claimed_until if situation.claimed else None,
        "assigned_to_name": request.assigned_to_name,
        "expires_at": request.expires_at,
        "held_until": request.held_until,
        "resolves_at": request.resolves_at,
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
        raise InvalidInputError(f"{option} is not valid JSON: {error}.") from None


def _facts(row: QueueRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "risk": row.risk.value,
        "score": row.score,
        "understood": row.understood,
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
        "shortage": row.shortage,
        "agreed": row.agreed,
        "claimed_by_name": row.claimed_by_name,
        "assigned_to_name": row.assigned_to_name,
        "held_until": row.held_until,
        "consequence": row.consequence,
        "urgency": row.urgency.value,
        "review_seconds": row.review_seconds,
        "opened_at": row.opened_at,
        "expires_at": row.expires_at,
        "attention_at": row.attention_at,
        "why_here": row.why_here,
    }
