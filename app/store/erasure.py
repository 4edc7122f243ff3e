"""Deletes what a run holds, and leaves its row, those of its requests, and their digests.

The statements take the run's id as `run`. Their order is that in which rows refer to each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.store.requests import ApprovalRequest, OutcomeRow

_OF_REQUESTS = "request_id in (select id from approval_requests where run_id = :run)"
_DELETED: dict[str, tuple[str, ...]] = {
    "lessons": (f"delete from lessons where {_OF_REQUESTS}",),  # noqa: S608 - a constant
    "comments": (f"delete from comments where {_OF_REQUESTS}",),  # noqa: S608 - a constant
    "checkpoints": (
        "delete from checkpoint_writes where thread_id = :run",
        "delete from checkpoint_blobs where thread_id = :run",
        "delete from checkpoints where thread_id = :run",
    ),
    "artifacts": ("delete from artifacts where run_id = :run",),
    "tool_calls": ("delete from tool_calls where run_id = :run",),
    "steps": (
        "delete from step_progress where run_id = :run",
        "delete from events where run_id = :run and (kind like 'step.%' or kind = 'run.artifact')",
    ),
}
"""What goes, by its name in counts; the last statement of each counts."""
_COUNTED = {
    "lessons": f"select count(*) from lessons where {_OF_REQUESTS}",  # noqa: S608 - a constant
    "comments": f"select count(*) from comments where {_OF_REQUESTS}",  # noqa: S608 - a constant
    "checkpoints": "select count(*) from checkpoints where thread_id = :run",
    "artifacts": "select count(*) from artifacts where run_id = :run",
    "tool_calls": "select count(*) from tool_calls where run_id = :run",
    "requests": "select count(*) from approval_requests where run_id = :run",
}
_CUT = (
    f"delete from search_documents where {_OF_REQUESTS}",  # noqa: S608 - a constant
    f"update decisions set comment = '', change = null, answer = null where {_OF_REQUESTS}",  # noqa: S608 - a constant
    f"update receipts set summary = '', detail = null where {_OF_REQUESTS}",  # noqa: S608 - a constant
    f"update deliveries set text = null, html = null where {_OF_REQUESTS}",  # noqa: S608 - a constant
    "update model_uses set error = '' where run_id = :run",
)
"""What stays without its contents."""
_CUT_OF_SOME = (
    "delete from search_documents where request_id = any(:requests)",
    "update decisions set change = null, answer = null where request_id = any(:requests)",
    "update receipts set summary = '', detail = null where request_id = any(:requests)",
    "update deliveries set text = null, html = null where request_id = any(:requests)",
)
"""What stays without its contents, but with what people wrote: the documents for searches are made again of that."""
_CHECKPOINTS = ("checkpoint_writes", "checkpoint_blobs", "checkpoints")


def held(session: Session, run_id: str) -> dict[str, int]:
    """How much a run holds, by what it is."""
    return {name: session.scalar(text(query), {"run": run_id}) or 0 for name, query in _COUNTED.items()}


def delete_held(session: Session, run_id: str) -> None:
    """Delete it, but for files and the contents of the run's own row and of its requests."""
    for statement in (*(one for several in _DELETED.values() for one in several), *_CUT):
        session.execute(text(statement), {"run": run_id})


def cut_requests(session: Session, ids: Sequence[str]) -> None:
    """Remove the contents from what belongs to requests."""
    for statement in _CUT_OF_SOME:
        session.execute(text(statement), {"requests": list(ids)})


def empty_requests(session: Session, requests: Sequence[ApprovalRequest], words: str) -> None:
    """Replace the contents of requests and their outcomes with words. Their digests stay."""
    for request in requests:
        request.kind, request.payload = "value", {"kind": "value", "title": request.title, "value": words}
        request.proposed = request.response_schema = request.schema_order = None
        request.assessment = request.assessment | {"findings": [], "touches": {}}
        request.assessment.pop("adjustment", None)
        request.note, request.likeness, request.snooze_reason = "", "", ""
        request.version += 1
    ids = [request.id for request in requests]
    for outcome in session.scalars(select(OutcomeRow).where(OutcomeRow.request_id.in_(ids))):
        outcome.body = outcome.body | {"payload": None, "answer": None, "remarks": []}


def delete_checkpoints(session: Session, runs: list[str]) -> int:
    """Delete the checkpoints of these runs. Returns how many of them had any."""
    query = "select count(distinct thread_id) from checkpoints where thread_id = any(:runs)"
    found = session.scalar(text(query), {"runs": runs}) or 0
    for table in _CHECKPOINTS:
        # Its name is a constant.
        session.execute(text(f"delete from {table} where thread_id = any(:runs)"), {"runs": runs})  # noqa: S608
    return found
