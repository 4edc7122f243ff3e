"""What a run did since the last look: steps, receipts and artifacts, written in the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.people import SYSTEM
from app.domain.running import Journal, Step, StepKind
from app.services.audit import record
from app.services.events import EventKind, event_row, publish
from app.store.requests import ApprovalRequest, OutcomeRow, ReceiptRow
from app.store.runs import Artifact
from assent.contracts import ReceiptStatus, Verdict


def write(session: Session, journal: Journal, now: datetime) -> None:
    """Write it down."""
    publish(session, *(_step_row(journal.run_id, step) for step in journal.steps))
    for artifact in journal.artifacts:
        _put_artifact(session, journal.run_id, artifact, now)
    for request_id in journal.delivered:
        _put_receipt(session, journal.run_id, request_id, ReceiptStatus.DELIVERED, now)
    for receipt in journal.receipts:
        _put_receipt(
            session, journal.run_id, receipt.request_id, receipt.status, now,
            explicit=True, summary=receipt.summary, detail=receipt.detail,
        )  # fmt: skip


_STEP_EVENTS = {
    StepKind.STARTED: EventKind.STEP_STARTED,
    StepKind.ENDED: EventKind.STEP_ENDED,
    StepKind.FAILED: EventKind.STEP_FAILED,
}


def _step_row(run_id: str, step: Step) -> dict[str, Any]:
    payload = {"task": step.task, "node": step.node, "title": step.title, "agent": step.agent, "tool": step.tool}
    if step.kind is not StepKind.STARTED:
        payload |= {"ms": step.ms, "suspended": step.suspended, "error": step.error}
    return event_row(_STEP_EVENTS[step.kind], step.at, run_id=run_id, **payload)


def _put_artifact(session: Session, run_id: str, artifact: dict[str, str], now: datetime) -> None:
    values = {
        "media_type": artifact["media_type"],
        "content": artifact["content"].replace("\x00", "\ufffd"),
        "updated_at": now,
    }
    session.execute(
        insert(Artifact)
        .values(run_id=run_id, name=artifact["name"], **values)
        .on_conflict_do_update(index_elements=["run_id", "name"], set_=values)
    )
    publish(session, event_row(EventKind.RUN_ARTIFACT, now, run_id=run_id, name=artifact["name"]))


def _put_receipt(
    session: Session,
    run_id: str,
    request_id: str,
    status: ReceiptStatus,
    now: datetime,
    *,
    explicit: bool = False,
    summary: str = "",
    detail: Any = None,
) -> None:
    """Insert or improve a receipt; what the workflow said itself stays unless it says something new."""
    values = {"status": status.value, "explicit": explicit, "summary": summary, "detail": detail, "updated_at": now}
    statement = insert(ReceiptRow).values(request_id=request_id, delivered_at=now, **values)
    changed = session.execute(
        statement.on_conflict_do_update(
            index_elements=["request_id"],
            set_=values,
            where=(ReceiptRow.explicit.is_(False) if not explicit else None),
        ).returning(ReceiptRow.request_id)
    ).first()
    if changed is None:
        return
    record(
        session, SYSTEM, "request.receipt", now,
        request_id=request_id, run_id=run_id, status=status.value, summary=summary, reported=explicit,
    )  # fmt: skip
    publish(
        session, event_row(EventKind.REQUEST_RECEIPT, now, run_id=run_id, request_id=request_id, status=status.value)
    )


_REFUSED = (Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value)


def settle_receipts(session: Session, run_id: str, now: datetime, problem: str = "") -> None:
    """Conclude, when a run rests or ends, what became of outcomes that the workflow itself said nothing about.

    The run got past the gate: applied. A later step failed or the run was cancelled: failed, with the reason.
    """
    open_receipts = session.execute(
        select(ReceiptRow.request_id, ReceiptRow.status, OutcomeRow.verdict)
        .join(ApprovalRequest, ApprovalRequest.id == ReceiptRow.request_id)
        .join(OutcomeRow, OutcomeRow.request_id == ReceiptRow.request_id)
        .where(
            ApprovalRequest.run_id == run_id,
            ReceiptRow.explicit.is_(False),
            ReceiptRow.status.in_([ReceiptStatus.DELIVERED.value, ReceiptStatus.FAILED.value]),
        )
    ).all()
    for request_id, status, verdict in open_receipts:
        if verdict in _REFUSED:
            concluded, summary = ReceiptStatus.NOT_APPLIED, "The run took note and did not do it."
        elif problem:
            concluded, summary = ReceiptStatus.FAILED, problem[:2000]
        else:
            concluded, summary = ReceiptStatus.APPLIED, "The run went on with what was approved."
        if concluded.value != status:
            _put_receipt(session, run_id, request_id, concluded, now, summary=summary)


def refuse_delivery(session: Session, run_id: str, request_id: str, reason: str, now: datetime) -> None:
    """Record that an outcome will not reach the run, and why."""
    session.execute(update(ApprovalRequest).where(ApprovalRequest.id == request_id).values(note=reason))
    _put_receipt(session, run_id, request_id, ReceiptStatus.NOT_APPLIED, now, explicit=True, summary=reason)
