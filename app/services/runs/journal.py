"""What a run did since the last look: steps, receipts and artifacts, written with the batch that goes with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import EventKind
from app.domain.people import SYSTEM, Actor
from app.domain.running import Journal, Step, StepKind
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.store.batch import Batch
from app.store.engine import Sessions
from app.store.requests import ReceiptRow
from app.store.runs import Artifact
from assent.contracts import Receipt, ReceiptStatus, Verdict

_STEP_EVENTS = {
    StepKind.STARTED: EventKind.STEP_STARTED,
    StepKind.ENDED: EventKind.STEP_ENDED,
    StepKind.FAILED: EventKind.STEP_FAILED,
}
UNSEEN = "The run took this; the worker died before it could say what came of it."
_OUTCOMES = """
    select outcomes.request_id from outcomes join approval_requests on approval_requests.id = outcomes.request_id
    where approval_requests.run_id = %(run)s"""
# Nobody can conclude later what nobody saw.
_OPEN_RECEIPTS = """
    select outcomes.request_id, outcomes.verdict, coalesce(receipts.status, '') as status
    from outcomes join approval_requests on approval_requests.id = outcomes.request_id
        left join receipts on receipts.request_id = outcomes.request_id
    where approval_requests.run_id = %(run)s and receipts.explicit is not true
        and (receipts.status is null or receipts.status in ('delivered', 'failed'))
        and receipts.summary is distinct from %(unseen)s"""
_REFUSED = (Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value)


@dataclass(frozen=True)
class OpenReceipt:
    """An outcome of which the workflow itself has not said what became of it. `status` is empty before delivery."""

    request_id: str
    verdict: str
    status: str


def open_receipts(sessions: Sessions, run_id: str) -> list[OpenReceipt]:
    """The outcomes of a run that are still to be concluded."""
    rows = sessions.execute(_OPEN_RECEIPTS, {"run": run_id, "unseen": UNSEEN})
    return [OpenReceipt(**row) for row in rows]


def own_receipts(sessions: Sessions, journal: Journal) -> list[Receipt]:
    """The reported receipts that belong to outcomes of this run; a workflow can speak for no other."""
    if not journal.receipts:
        return []
    own = {row["request_id"] for row in sessions.execute(_OUTCOMES, {"run": journal.run_id})}
    return [receipt for receipt in journal.receipts if receipt.request_id in own]


def write(batch: Batch, sessions: Sessions, journal: Journal, now: datetime, *, delivered: bool = True) -> None:
    """Add everything in the journal to the batch.

    Args:
        delivered: note deliveries as such; False where the caller concludes them at once with `conclude`.
    """
    if journal.job is not None:
        batch.end_job(journal.job)
    for step in journal.steps:
        _step(batch, journal.run_id, step)
    for artifact in journal.artifacts:
        batch.put(
            Artifact, "run_id, name", run_id=journal.run_id, name=artifact["name"],
            content=artifact["content"], media_type=artifact["media_type"], updated_at=now,
        )  # fmt: skip
        publish(batch, event_row(EventKind.RUN_ARTIFACT, now, run_id=journal.run_id, name=artifact["name"]))
    if delivered:
        for request_id in journal.delivered:
            summary = UNSEEN if request_id in journal.unseen else ""
            put_receipt(batch, journal.run_id, request_id, ReceiptStatus.DELIVERED, now, summary=summary)
    for receipt in own_receipts(sessions, journal):
        put_receipt(
            batch, journal.run_id, receipt.request_id, receipt.status, now,
            explicit=True, summary=receipt.summary, detail=receipt.detail,
        )  # fmt: skip


def conclude(batch: Batch, journal: Journal, known: Iterable[OpenReceipt], now: datetime, problem: str = "") -> None:
    """Conclude, when a run rests or ends, what became of outcomes that the workflow itself said nothing about.

    The run got past the gate: applied. A later step failed or the run was cancelled: failed, with the reason. Where the
    run took the outcome while nobody watched, what the workflow said of it may be lost: that stays delivered.
    """
    reported = {receipt.request_id for receipt in journal.receipts}
    for each in known:
        if each.request_id in reported or not (each.status or each.request_id in journal.delivered):
            continue
        if each.verdict in _REFUSED:
            status, summary = ReceiptStatus.NOT_APPLIED, "The run took note and did not do it."
        elif each.request_id in journal.unseen:
            status, summary = ReceiptStatus.DELIVERED, UNSEEN
        elif problem:
            status, summary = ReceiptStatus.FAILED, problem[:2000]
        else:
            status, summary = ReceiptStatus.APPLIED, "The run went on with what was approved."
        if status.value != each.status:
            put_receipt(batch, journal.run_id, each.request_id, status, now, summary=summary)


def put_receipt(
    batch: Batch,
    run_id: str | None,
    request_id: str,
    status: ReceiptStatus,
    now: datetime,
    *,
    explicit: bool = False,
    summary: str = "",
    detail: Any = None,
    actor: Actor = SYSTEM,
    written: bool = False,
) -> None:
    """Insert or improve a receipt; what the workflow said itself stays unless it says something new.

    Args:
        written: the batch's guard inserts it, and what is left is to record and to tell it.
    """
    if not written:
        _put(batch, request_id, status, now, explicit, summary, detail)
    record(
        batch, actor, "request.receipt", now,
        request_id=request_id, run_id=run_id, status=status.value, summary=summary, reported=explicit,
    )  # fmt: skip
    publish(batch, event_row(EventKind.REQUEST_RECEIPT, now, run_id=run_id, request_id=request_id, status=status.value))


def _put(
    batch: Batch, request_id: str, status: ReceiptStatus, now: datetime, explicit: bool, summary: str, detail: Any
) -> None:
    batch.put(
        ReceiptRow, "request_id", where="receipts.explicit is false or excluded.explicit", keep="delivered_at",
        request_id=request_id, status=status, explicit=explicit, summary=summary, detail=detail,
        delivered_at=now, updated_at=now,
    )  # fmt: skip


def _step(batch: Batch, run_id: str, step: Step) -> None:
    payload: dict[str, Any] = {
        "task": step.task, "node": step.node, "title": step.title, "agent": step.agent, "tool": step.tool,
    }  # fmt: skip
    if step.kind is not StepKind.STARTED:
        payload |= {"ms": step.ms, "suspended": step.suspended, "error": step.error}
    publish(batch, event_row(_STEP_EVENTS[step.kind], step.at, run_id=run_id, **payload))
