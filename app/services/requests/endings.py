"""Ends requests without a decision: when their run ends, or nothing depends on them any longer."""

from __future__ import annotations

from datetime import datetime

from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.store.batch import Batch
from app.store.writes import audit_entries_from, by, events_from

_END = """
    update approval_requests set state = %(end_state)s, version = version + 1, resolved_at = %(end_at)s,
        note = %(end_reason)s, due_at = null, resolves_at = null, claimed_by_id = null, claimed_by_name = '',
        claimed_until = null
    where state = 'pending' and run_id = %(end_run)s and (%(end_ids)s::text[] is null or id = any(%(end_ids)s::text[]))
        and exists (select from guard)
    returning id, run_id"""
_STATE = "json_build_object('state', %(end_state)s::text)::text"

_UNHOLD_OUTCOMES = """
    update outcomes set held_until = null from approval_requests as request
    where request.id = outcomes.request_id and request.run_id = %(held_run)s and outcomes.held_until is not null
        and exists (select from guard)"""
_UNHOLD = """
    update approval_requests set held_until = null, due_at = null, version = version + 1
    where run_id = %(held_run)s and state <> 'pending' and held_until is not null and exists (select from guard)
    returning id, run_id, state"""
_NOT_CARRIED_OUT = f"json_build_object('state', state, 'what', '{RequestChange.NOT_CARRIED_OUT}')::text"


def end_pending(
    batch: Batch,
    actor: Actor,
    run_id: str,
    state: RequestState,
    now: datetime,
    reason: str,
    ids: list[str] | None = None,
) -> None:
    """Add to the batch: end the requests that the run waits for (or only `ids`), with audit entries and events.

    Which requests are still pending is only known when the batch is written, so the audit entries are made from what
    the UPDATE returns. Call it at most once per batch.
    """
    ended = batch.also(_END, end_state=state.value, end_at=now, end_reason=reason, end_run=run_id, end_ids=ids)
    entries = audit_entries_from(
        ended, action="'request.' || %(end_state)s", detail="jsonb_build_object('reason', %(end_reason)s::text)"
    )
    batch.also(entries, **by(actor, now))
    batch.also(events_from(ended, EventKind.REQUEST_RESOLVED, _STATE, at="%(end_at)s", run="run_id", request="id"))


def end_held(batch: Batch, run_id: str, now: datetime) -> None:
    """Add to the batch: approvals that wait for a change window of the run are no longer carried out."""
    batch.also(_UNHOLD_OUTCOMES, held_run=run_id, held_at=now)
    unheld = batch.also(_UNHOLD)
    kind = EventKind.REQUEST_CHANGED
    batch.also(events_from(unheld, kind, _NOT_CARRIED_OUT, at="%(held_at)s", run="run_id", request="id"))
