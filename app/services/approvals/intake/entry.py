"""Adds a new request to a batch: its row, its audit entry, and its event."""

from __future__ import annotations

from datetime import datetime

from app.domain.events import EventKind
from app.domain.people import Actor
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests.assessment import IncomingProposal, request_values
from app.store.batch import Batch
from app.store.requests import ApprovalRequest


def enter(
    batch: Batch,
    actor: Actor,
    incoming: IncomingProposal,
    previous: ApprovalRequest | None,
    now: datetime,
    answered_by: str,
    made_as: str = "",
) -> str:
    """Add a new request to the batch; returns its id.

    Args:
        answered_by: what should answer it instead of people; empty: nothing.
        made_as: its id; empty: a new one.
    """
    asker = incoming.asker
    values = request_values(incoming, now, previous)
    if made_as:
        values["id"] = made_as
    if answered_by:
        values |= {"answered_by": answered_by, "due_at": now}
    batch.add(ApprovalRequest, **values)
    record(
        batch, actor, "request.opened", now, request_id=values["id"], run_id=asker.run_id, digest=incoming.digest,
        risk=values["risk"], kind=values["kind"], revision_of=values["previous_id"], rule=incoming.terms.name,
        policy=incoming.terms.policy_version, expires_at=values["expires_at"].isoformat(),
    )  # fmt: skip
    publish(
        batch,
        event_row(
            EventKind.REQUEST_OPENED, now, run_id=asker.run_id, request_id=values["id"], state="pending",
            risk=values["risk"], title=values["title"][:120], workflow=asker.workflow,
        ),
    )  # fmt: skip
    return str(values["id"])
