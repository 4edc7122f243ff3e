"""`assent audit`: the audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from app.cli.actors import operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.people import signature
from app.services.record.exports import ExportFormat
from app.services.record.search import AuditFilter
from app.store.record import AuditEntry

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def audit() -> None:
    """Read the audit log."""


@audit.command("list")
@click.option("--action", default="", help="Action, or the beginning of one, such as `request.`.")
@click.option("--actor", default="", help="ID of a person, or part of a name.")
@click.option("--request", "request_id", default="", help="Only entries about this request.")
@click.option("--run", "run_id", default="", help="Only entries about this run.")
@click.option("--text", default="", help="Only entries with these words in their details.")
@click.option("--since", type=MOMENT, help="Only entries from this time on (UTC): 2026-11-30 or 2026-11-30T08:00:00.")
@click.option("--until", type=MOMENT, help="Only entries before this time (UTC).")
@click.option("--before", type=int, help="Only entries with a lower sequence number.")
@click.option("--limit", default=100, type=click.IntRange(1, 1000), show_default=True)
@as_json
def list_entries(
    action: str,
    actor: str,
    request_id: str,
    run_id: str,
    text: str,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List entries, newest first."""
    with use_cases() as (_settings, services):
        wanted = AuditFilter(action, actor, request_id, run_id, text, _utc(since), _utc(until))
        page = services.records.page(operator(), wanted, before, limit)
    if as_json:
        print_json([_facts(entry) for entry in page.entries])
        return
    rows = [
        (e.seq, e.at, signature(e.actor_kind, e.actor_name), e.action, e.request_id or e.run_id, _detail(e))
        for e in page.entries
    ]
    print_table(("NO", "TIME", "ACTOR", "ACTION", "SUBJECT", "DETAILS"), rows, "No audit entries match.")
    if page.next_before is not None:
        click.echo(f"… and more: --before {page.next_before}")


@audit.command("export")
@click.option("--format", "form", default="jsonl", type=click.Choice([kind.value for kind in ExportFormat]))
@click.option("--action", default="", help="Action, or the beginning of one, such as `request.`.")
@click.option("--since", type=MOMENT, help="Only entries from this time on (UTC).")
@click.option("--until", type=MOMENT, help="Only entries before this time (UTC).")
def export(form: str, action: str, since: datetime | None, until: datetime | None) -> None:
    """Write the audit log to standard output, oldest entry first."""
    with use_cases() as (_settings, services):
        wanted = AuditFilter(action=action, since=_utc(since), until=_utc(until))
        for chunk in services.records.export(operator(), wanted, ExportFormat(form)):
            click.echo(chunk, nl=False)


def _utc(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given else None


def _detail(entry: AuditEntry) -> str:
    text = json.dumps(entry.detail, ensure_ascii=False) if entry.detail else ""
    return text if len(text) <= 100 else text[:99] + "…"


def _facts(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "via": entry.via,
        "source": entry.source,
        "action": entry.action,
        "request_id": entry.request_id,
        "run_id": entry.run_id,
        "detail": entry.detail,
    }
