"""What a run did since the last write: steps, receipts, and artifacts, written with the batch that they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM, Actor
from app.domain.run_protocol import Journal, Step, StepKind
from app.domain.text import storable
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.store.batch import Batch
from app.store.engine import Sessions
from app.store.requests import ReceiptRow
from app.store.runs import Artifact, StepProgressRow
from app.store.tools import ToolCallRow
from assent.contracts import Receipt, ReceiptStatus, Verdict
from assent.dialects.registry import BY_NAME

_STEP_EVENTS = {
    StepKind.STARTED: EventKind.STEP_STARTED,
    StepKind.ENDED: EventKind.STEP_ENDED,
    StepKind.FAILED: EventKind.STEP_FAILED,
}
UNSEEN = "The run received this; the worker died before it could report the result."
STEP_FAILED = (
    "Not known: a step failed after the run had received this, and the run continued without that step. "
    "Nothing was reported."
)
WENT_ON = "The run continued with what was approved."
GOES_ON = "The run has received this and has requested something else since. Nothing has been reported yet."
NOT_KNOWN = "Not known: the run ended before it could report the result. {0}"
CANCELLED = "The run was canceled before it completed. Whether this was carried out is not known."
_OUTCOMES = """
    select outcomes.request_id from outcomes join approval_requests on approval_requests.id = outcomes.request_id
    where approval_requests.run_id = %(run)s"""
# What nobody observed cannot be concluded later.
_OPEN_RECEIPTS = """
    select outcomes.request_id, outcomes.verdict, approval_requests.dialect, coalesce(receipts.status, '') as status,
        coalesce(receipts.summary, '') as summary
    from outcomes join approval_requests on approval_requests.id = outcomes.request_id
        left join receipts on receipts.request_id = outcomes.request_id
    where approval_requests.run_id = %(run)s and receipts.explicit is not true
        and (receipts.status is null or receipts.status in ('delivered', 'failed'))
        and coalesce(receipts.summary, '') not in (%(unseen)s, %(failed)s)"""
_DELIVERED = """
    update receipts set delivered_at = %(now)s
    where request_id = any(%(reported)s) and delivered_at is null and exists (select from guard) returning request_id"""
_REFUSED = (Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value)


@dataclass(frozen=True)
class OpenReceipt:
    """An outcome whose result the workflow has not reported itself.

    `status` is empty before delivery.
    """

    request_id: str
    verdict: str
    status: str
    summary: str
    dialect: str


def open_receipts(sessions: Sessions, run_id: str) -> list[OpenReceipt]:
    """The outcomes of a run whose results are still to be concluded."""
    rows = sessions.execute(_OPEN_RECEIPTS, {"run": run_id, "unseen": UNSEEN, "failed": STEP_FAILED})
    return [OpenReceipt(**row) for row in rows]


def own_receipts(sessions: Sessions, journal: Journal) -> list[Receipt]:
    """The reported receipts for outcomes of this run; a workflow cannot report for another run."""
    if not journal.receipts:
        return []
    own = {row["request_id"] for row in sessions.execute(_OUTCOMES, {"run": journal.run_id})}
    return [receipt for receipt in journal.receipts if receipt.request_id in own]


def write(batch: Batch, sessions: Sessions, journal: Journal, now: datetime, *, delivered: bool = True) -> None:
    """Add everything in the journal to the batch.

    Args:
        delivered: record deliveries; False if the caller concludes them at once with `conclude`.
    """
    batch.along(journal.stored)
    if journal.began is not None:
        # Not when the run was acquired: the page learns of it with the first step, with one announcement less.
        publish(batch, event_row(
            EventKind.RUN_CHANGED, journal.began, run_id=journal.run_id, state=RunState.RUNNING.value
        ))  # fmt: skip
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
    for use in journal.tool_uses:
        batch.add(
            ToolCallRow, run_id=journal.run_id, node=use.node, tool=use.tool, version=use.version,
            status=use.status.value, began_at=use.began, ms=round(use.seconds * 1000), attempts=use.attempts,
            inputs=storable(use.inputs), error=storable(use.error), warnings=list(use.warnings), call_id=use.call_id,
            parent_id=use.parent_id, request_id=use.request_id,
        )  # fmt: skip
    for progress in journal.progress:
        batch.put(
            StepProgressRow, "run_id, node", run_id=journal.run_id, node=progress.node, done=progress.done,
            total=progress.total, words=progress.words, counts=[list(pair) for pair in progress.counts.items()],
            updated_at=now,
        )  # fmt: skip
    receipts = own_receipts(sessions, journal)
    said = {receipt.request_id for receipt in receipts}
    if delivered:
        for request_id in journal.delivered:
            if request_id not in journal.reported | said:
                summary = UNSEEN if request_id in journal.unseen else ""
                put_receipt(batch, journal.run_id, request_id, ReceiptStatus.DELIVERED, now, summary=summary)
    if proven := [request_id for request_id in journal.delivered if request_id in journal.reported - said]:
        batch.also(_DELIVERED, reported=proven, now=now)
    for receipt in receipts:
        put_receipt(
            batch, journal.run_id, receipt.request_id, receipt.status, now,
            explicit=True, summary=receipt.summary, detail=receipt.detail,
            delivered=receipt.request_id not in journal.undelivered,
        )  # fmt: skip


def conclude(batch: Batch, journal: Journal, known: Iterable[OpenReceipt], now: datetime, problem: str = "") -> None:
    """When a run ends, conclude the results of outcomes that the workflow itself did not report.

    If the run completed: applied. If it failed: failed, with the reason. What cannot be concluded stays delivered,
    with a
    summary that says so: if the run was canceled, if it received the outcome while nobody watched, if it continued
    without a step that had failed, and if it had already requested something else before it failed, as the outcome may
    have been carried out by then.
    """
    for receipt in _taken(journal, known):
        if receipt.verdict in _REFUSED:
            status, summary = ReceiptStatus.NOT_APPLIED, "The run acknowledged this and did not do it."
        elif receipt.request_id in journal.unseen:
            status, summary = ReceiptStatus.DELIVERED, UNSEEN
        elif journal.doubtful:
            status, summary = ReceiptStatus.DELIVERED, STEP_FAILED
        elif problem == CANCELLED:
            status, summary = ReceiptStatus.DELIVERED, CANCELLED
        elif problem and receipt.summary == GOES_ON:
            status, summary = ReceiptStatus.DELIVERED, NOT_KNOWN.format(problem)[:2000]
        elif problem and receipt.summary.startswith(NOT_KNOWN.format("")):
            continue
        elif problem:
            status, summary = ReceiptStatus.FAILED, problem[:2000]
        else:
            status, summary = ReceiptStatus.APPLIED, WENT_ON
        _improve(batch, journal, receipt, status, summary, now)


def suspended(batch: Batch, journal: Journal, known: Iterable[OpenReceipt], now: datetime) -> None:
    """When a run requests something else, record that it has received outcomes whose results are not known yet.

    The steps that act on an outcome may wait for the new request, for example if it comes from a parallel branch.
    """
    for receipt in _taken(journal, known):
        if receipt.verdict in _REFUSED:
            status, summary = ReceiptStatus.NOT_APPLIED, "The run acknowledged this and did not do it."
        elif receipt.request_id in journal.unseen:
            status, summary = ReceiptStatus.DELIVERED, UNSEEN
        elif journal.doubtful:
            status, summary = ReceiptStatus.DELIVERED, STEP_FAILED
        elif receipt.dialect in BY_NAME and BY_NAME[receipt.dialect].acts:
            status, summary = ReceiptStatus.APPLIED, WENT_ON
        else:
            status, summary = ReceiptStatus.DELIVERED, GOES_ON
        _improve(batch, journal, receipt, status, summary, now)


def _taken(journal: Journal, known: Iterable[OpenReceipt]) -> list[OpenReceipt]:
    """Those that the run has received and not reported on in this journal."""
    reported = {receipt.request_id for receipt in journal.receipts} | journal.reported
    return [
        receipt
        for receipt in known
        if receipt.request_id not in reported and (receipt.status or receipt.request_id in journal.delivered)
    ]


def _improve(
    batch: Batch, journal: Journal, receipt: OpenReceipt, status: ReceiptStatus, summary: str, now: datetime
) -> None:
    if (status.value, summary) != (receipt.status, receipt.summary):
        put_receipt(batch, journal.run_id, receipt.request_id, status, now, summary=summary)


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
    delivered: bool = True,
) -> None:
    """Insert or improve a receipt. What the workflow reported itself is kept unless it reports something new.

    Args:
        delivered: proves that the run has stored the outcome.
        written: the batch's guard inserts it; only the audit entry and the event are added.
    """
    if not written:
        _put(batch, request_id, status, now, explicit, summary, detail, delivered)
    record(
        batch, actor, "request.receipt", now,
        request_id=request_id, run_id=run_id, status=status.value, summary=summary, reported=explicit,
    )  # fmt: skip
    publish(batch, event_row(EventKind.REQUEST_RECEIPT, now, run_id=run_id, request_id=request_id, status=status.value))


def _put(
    batch: Batch, request_id: str, status: ReceiptStatus, now: datetime, explicit: bool, summary: str, detail: Any,
    delivered: bool,
) -> None:  # fmt: skip
    batch.put(
        ReceiptRow, "request_id", where="receipts.explicit is false or excluded.explicit", keep="delivered_at",
        request_id=request_id, status=status, explicit=explicit, summary=summary, detail=detail,
        delivered_at=now if delivered else None, updated_at=now,
    )  # fmt: skip


def _step(batch: Batch, run_id: str, step: Step) -> None:
    payload: dict[str, Any] = {
        "task": step.task, "node": step.node, "title": step.title, "agent": step.agent, "tool": step.tool,
    }  # fmt: skip
    if step.kind is not StepKind.STARTED:
        payload |= {"ms": step.ms, "suspended": step.suspended, "error": step.error}
    publish(batch, event_row(_STEP_EVENTS[step.kind], step.at, run_id=run_id, **payload))
