"""Ending requests that nobody decided: with the run, or because nothing stands behind them any more."""

from __future__ import annotations

from datetime import datetime

from app.domain.events import EventKind
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.store.batch import Batch

_END = """
    update approval_requests set state = %(end_state)s, version = version + 1, resolved_at = %(end_at)s,
        note = %(end_reason)s, due_at = null, claimed_by_id = null, claimed_by_name = '', claimed_until = null
    where state = 'pending' and run_id = %(end_run)s and (%(end_ids)s::text[] is null or id = any(%(end_ids)s::text[]))
        and exists (select from guard)
    returning id, run_id"""
_RECORD = """
    insert into audit_entries (at, actor_kind, actor_id, actor_name, via, source, action, request_id, run_id, detail)
    select %(end_at)s, %(end_actor_kind)s, %(end_actor_id)s, %(end_actor_name)s, %(end_via)s, %(end_source)s,
        'request.' || %(end_state)s, id, run_id, json_build_object('reason', %(end_reason)s::text)::text
    from also_0"""
_PUBLISH = f"""
    insert into events (at, kind, run_id, request_id, payload)
    select %(end_at)s, '{EventKind.REQUEST_RESOLVED.value}', run_id, id,
        json_build_object('state', %(end_state)s::text)::text
    from also_0"""

_UNHOLD_OUTCOMES = """
    update outcomes set held_until = null from approval_requests as request
    where request.id = outcomes.request_id and request.run_id = %(held_run)s and outcomes.held_until is not null
        and exists (select from guard)"""
_UNHOLD = """
    update approval_requests set held_until = null, due_at = null, version = version + 1
    where run_id = %(held_run)s and state <> 'pending' and held_until is not null and exists (select from guard)
    returning id, run_id, state"""
_TELL_UNHELD = f"""
    insert into events (at, kind, run_id, request_id, payload)
    select %(held_at)s, '{EventKind.REQUEST_CHANGED.value}', run_id, id,
        json_build_object('state', state, 'what', 'not carried out')::text
    from """


def end_pending(
    batch: Batch,
    actor: Actor,
    run_id: str,
    state: RequestState,
    now: datetime,
    reason: str,
    ids: list[str] | None = None,
) -> None:
    """Have the batch end what the run waits for (or only `ids` of it), with the record and the events.

    Which requests are still pending is known only when the batch is written, so the record is made from what the
    UPDATE returns. May be called once for a batch, before anything else is added with `Batch.also`.
    """
    batch.also(
        _END, end_state=state.value, end_at=now, end_reason=reason, end_run=run_id, end_ids=ids,
        end_actor_kind=actor.kind, end_actor_id=actor.id, end_actor_name=actor.name, end_via=actor.via.value,
        end_source=actor.source,
    )  # fmt: skip
    batch.also(_RECORD)
    batch.also(_PUBLISH)


def end_held(batch: Batch, run_id: str, now: datetime) -> None:
    """Have the batch tell that what the run was to do in its change windows is not waited for any more."""
    batch.also(_UNHOLD_OUTCOMES, held_run=run_id, held_at=now)
    unheld = batch.also(_UNHOLD)
    batch.also(_TELL_UNHELD + unheld)
