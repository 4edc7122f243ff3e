"""Writes that several use cases share: audit entries, events, and resuming runs.

Each is a part of a guarded batch or sweep, made from the rows that another part has changed. Their number is known only
when the statement runs, so they cannot be written as values (`Batch.add`).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.domain.people import Actor
from app.store.batch import Batch


def audit_entries_from(
    changed: str, *, action: str, detail: str, request: str = "id", run: str = "run_id", where: str = "true"
) -> str:
    """Return an INSERT of one audit entry per changed row.

    Every argument is SQL and becomes part of the statement's text. The time and the actor are the parameters of `by`.

    Args:
        changed: The source of the rows, such as ``guard``, or a name that `Batch.also` returned.
        detail: The details, as a `jsonb` expression.
    """
    return f"""
        insert into audit_entries (
            at, actor_kind, actor_id, actor_name, via, source, action, request_id, run_id, detail)
        select %(by_at)s, %(by_kind)s, %(by_id)s, %(by_name)s, %(by_via)s, %(by_source)s, {action}, {request}, {run},
            ({detail} || %(by_makers)s::jsonb)::text
        from {changed} where {where}"""


def by(actor: Actor, at: datetime) -> dict[str, Any]:
    """Return the parameters of `audit_entries_from`: the actor and the time."""
    return {
        "by_at": at, "by_kind": actor.kind, "by_id": actor.id, "by_name": actor.name, "by_via": actor.via.value,
        "by_source": actor.source, "by_makers": json.dumps(acting_by(actor)),
    }  # fmt: skip


def acting_by(actor: Actor) -> dict[str, Any]:
    """Return the audit log's details about the makers of the actor's link or token; usually none."""
    if not actor.makers.ids:
        return {}
    return {"acting_by": actor.makers.names, "acting_by_ids": sorted(actor.makers.ids)}


def events_from(changed: str, kind: EventKind, payload: str, *, at: str, run: str, request: str = "null") -> str:
    """Return an INSERT of one event per changed row. All arguments except `kind` are SQL; `payload` has type `text`."""
    return f"""
        insert into events (at, kind, run_id, request_id, payload)
        select {at}, '{kind.value}', {run}, {request}, {payload} from {changed}"""


def run_events_from(changed: str, state: RunState, *, at: str) -> str:
    """Return an INSERT of one event per changed run, whose state is now `state`."""
    return events_from(changed, EventKind.RUN_CHANGED, f'\'{{"state":"{state.value}"}}\'', at=at, run="id")


_WAKE = f"""
    update runs set state = '{RunState.QUEUED.value}', version = version + 1, updated_at = %(woken_at)s
    where state = '{RunState.SUSPENDED.value}' and """
WAKE_ONE = f"{_WAKE} id = %(woken_run)s and exists (select from guard) returning id"
WAKE_MANY = f"{_WAKE} id in (select run_id from guard where id = any(%(woken_by)s)) returning id"


def wake_run(batch: Batch, run_id: str, at: datetime) -> None:
    """Add to a batch that a suspended run is queued, with its event and the job that advances it.

    A paused run stays paused, and a run that is being advanced finds the job afterward.
    """
    woken = batch.also(WAKE_ONE, woken_run=run_id, woken_at=at)
    batch.also(run_events_from(woken, RunState.QUEUED, at="%(woken_at)s"))
    batch.advance(run_id)


def wake_runs_of(batch: Batch, request_ids: list[str], at: datetime) -> None:
    """Do the same for the runs of those requests that the guard has changed. The caller adds the jobs."""
    woken = batch.also(WAKE_MANY, woken_by=request_ids, woken_at=at)
    batch.also(run_events_from(woken, RunState.QUEUED, at="%(woken_at)s"))
