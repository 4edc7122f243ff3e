"""Adds a new request to a batch: its row, its audit entry, and its event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.events import EventKind
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.domain.policy.verdicts import PolicyDecision
from app.domain.urgency import asked_urgency
from app.services.approvals.intake.policy_outcome import PolicyOutcome
from app.services.lessons.uses import note_uses
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests.assessment import IncomingProposal, request_values
from app.store.batch import Batch
from app.store.requests import ApprovalRequest
from assent.contracts import Urgency


@dataclass(frozen=True)
class EnteredRequest:
    """A request in a batch. `settled`: what the policy makes of it at once; None: nothing."""

    id: str
    settled: PolicyOutcome | None

    @property
    def resumes(self) -> bool:
        """True if its outcome can be acted on as soon as the batch is written."""
        return self.settled is not None and self.settled.held_until is None


def enter(
    batch: Batch,
    actor: Actor,
    incoming: IncomingProposal,
    previous: ApprovalRequest | None,
    now: datetime,
    answered_by: str = "",
    made_as: str = "",
    decision: PolicyDecision | None = None,
) -> EnteredRequest:
    """Add a new request to the batch, and what a policy decides about it.

    Args:
        answered_by: what should answer it instead of people; empty: nothing.
        made_as: its id; empty: a new one.
        decision: what the policy decides at once; None: nothing.
    """
    asker = incoming.asker
    values = request_values(incoming, now, previous)
    if made_as:
        values["id"] = made_as
    if answered_by:
        values |= {"answered_by": answered_by, "due_at": now}
    settled = PolicyOutcome(values, decision, now) if decision is not None else None
    state = settled.state if settled is not None else RequestState.PENDING
    batch.add(ApprovalRequest, **values | (settled.columns if settled is not None else {}))
    note_uses(batch, values["id"], asker.workflow, incoming.asked.document, now)
    record(
        batch, actor, "request.opened", now, request_id=values["id"], run_id=asker.run_id, digest=incoming.digest,
        risk=values["risk"], kind=values["kind"], revision_of=values["previous_id"], rule=incoming.terms.name,
        policy=incoming.terms.policy_version, expires_at=values["expires_at"].isoformat(),
        **_urgency(incoming, values["urgency"]),
    )  # fmt: skip
    publish(
        batch,
        event_row(
            EventKind.REQUEST_OPENED, now, run_id=asker.run_id, request_id=values["id"], state=state.value,
            risk=values["risk"], title=values["title"][:120], workflow=asker.workflow,
        ),
    )  # fmt: skip
    if settled is not None:
        settled.write(batch)
    return EnteredRequest(str(values["id"]), settled)


def _urgency(incoming: IncomingProposal, counts: str) -> dict[str, str]:
    """The urgency for the audit log: what was asked for, and what counts; nothing if none was asked for."""
    asked = asked_urgency(incoming.asked.document)
    return {"urgency": counts, "urgency_asked": asked.value} if asked is not Urgency.NORMAL else {}
