"""A new request is put into the queue: its row, its line in the record and its event, in the batch of whoever asks."""

from __future__ import annotations

from datetime import datetime

from app.domain.events import EventKind
from app.domain.people import Actor
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests.assessment import Assessed, request_values
from app.store.batch import Batch
from app.store.requests import ApprovalRequest
from app.store.runs import Run


def enter(
    batch: Batch,
    actor: Actor,
    run: Run,
    ready: Assessed,
    previous: ApprovalRequest | None,
    now: datetime,
    answered_by: str,
    made_as: str = "",
) -> str:
    """Have the batch open a request; gives its id.

    Args:
        run: which asks; one without an id stands for an agent elsewhere, and says what the request is filed under.
        answered_by: what is to answer it instead of people; empty: nothing.
        made_as: its id; empty: a new one.
    """
    values = request_values(ready, run, now, previous, "")
    if made_as:
        values["id"] = made_as
    if answered_by:
        values |= {"answered_by": answered_by, "due_at": now}
    batch.add(ApprovalRequest, **values)
    record(
        batch, actor, "request.opened", now, request_id=values["id"], run_id=run.id, digest=ready.digest,
        risk=values["risk"], kind=values["kind"], revision_of=values["previous_id"], rule=ready.terms.name,
        policy=ready.terms.policy_version, expires_at=values["expires_at"].isoformat(),
    )  # fmt: skip
    publish(
        batch,
        event_row(
            EventKind.REQUEST_OPENED, now, run_id=run.id, request_id=values["id"], state="pending",
            risk=values["risk"], title=values["title"][:120], workflow=run.workflow,
        ),
    )  # fmt: skip
    return str(values["id"])
