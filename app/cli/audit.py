"""`assent audit`: the record."""

from __future__ import annotations

import json
from typing import Any

import click

from app.cli.acting import operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.services.records import AuditFilter
from app.store.record import AuditEntry


@click.group()
def audit() -> None:
    """Read the record."""


@audit.command("list")
@click.option("--action", default="", help="An action, or its beginning such as `request.`.")
@click.option("--actor", default="", help="A person's id, or a part of the name.")
@click.option("--request", "request_id", default="", help="Only about this request.")
@click.option("--run", "run_id", default="", help="Only about this run.")
@click.option("--before", type=int, help="Only entries with a lower sequence number.")
@click.option("--limit", default=100, type=click.IntRange(1, 1000), show_default=True)
@as_json
def list_entries(
    action: str, actor: str, request_id: str, run_id: str, before: int | None, limit: int, as_json: bool
) -> None:
    """List entries, newest first."""
    with use_cases() as (_settings, services):
        page = services.records.page(operator(), AuditFilter(action, actor, request_id, run_id), before, limit)
    if as_json:
        print_json([_facts(entry) for entry in page.entries])
        return
    rows = [(e.seq, e.at, e.actor_name, e.action, e.request_id or e.run_id, _detail(e)) for e in page.entries]
    print_table(("NO", "AT", "WHO", "ACTION", "ABOUT", "DETAIL"), rows, "The record has no such entry.")
    if page.next_before is not None:
        click.echo(f"… and more: --before {page.next_before}")


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
