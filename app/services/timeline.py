"""What happened to a request, line by line: decisions, remarks, what time and people did, and the receipt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, Comment, Decision, ReceiptRow
from assent.contracts import Verdict

ERROR_KIND = "error"
MAX_SHOWN_ANSWER = 20_000


@dataclass(frozen=True)
class TimelineEntry:
    """One line of a request's timeline: when, who, what, and what they said."""

    at: datetime
    who: str
    what: str
    comment: str = ""
    verdict: str = ""


_VERDICT_WORDS = {
    "approve": "approved",
    "modify": "approved with changes",
    "request_changes": "asked for changes",
    "reject": "rejected",
    "answer": "answered",
}
_ACTION_WORDS = {
    "request.opened": "proposed this; the run is suspended",
    "request.escalated": "escalated this",
    "request.expired": "let this expire: nobody decided in time",
    "request.cancelled": "cancelled this",
    "request.superseded": "replaced this: the run now asks for something else",
    "request.resolved": "resolved this",
    "request.remembered": "answered this from an earlier rejection",
    "request.reopened": "asked that this be looked at again",
    "request.left_to_people": "left this to people",
    "grant.used": "approved this under a standing grant",
}


def timeline_of(
    session: Session,
    request: ApprovalRequest,
    decisions: list[Decision],
    comments: list[Comment],
    receipt: ReceiptRow | None,
) -> list[TimelineEntry]:
    """The request's timeline, oldest line first."""
    lines = [
        TimelineEntry(each.at, each.person_name, _VERDICT_WORDS[each.verdict], _words_of(each), each.verdict)
        for each in decisions
    ]
    lines += [TimelineEntry(each.at, each.person_name, "said", each.body) for each in comments]
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.request_id == request.id).order_by(AuditEntry.seq).limit(200)
    )
    for entry in entries:
        if entry.action in _ACTION_WORDS and entry.action != "request.resolved":
            who = (request.agent or request.workflow) if entry.action == "request.opened" else entry.actor_name
            words = _ACTION_WORDS[entry.action]
            if entry.action == "request.opened" and request.kind == ERROR_KIND:
                words = "failed at this step; the run is suspended"
            lines.append(TimelineEntry(entry.at, who, words, entry.detail.get("reason", "")))
    if receipt is not None:
        words = receipt.status.replace("_", " ")
        # What the portal concludes by itself is not put into the agent's mouth.
        who, what = (
            (request.agent or "The run", f"reported: {words}") if receipt.explicit else ("Assent", f"noted: {words}")
        )
        lines.append(TimelineEntry(receipt.updated_at, who, what, receipt.summary))
    return sorted(lines, key=lambda each: each.at)


def _words_of(decision: Decision) -> str:
    """What somebody answered, for whoever has to agree with it, and their comment."""
    if decision.verdict != Verdict.ANSWER.value:
        return decision.comment
    answer = decision.answer
    shown = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=2)
    if len(shown) > MAX_SHOWN_ANSWER:
        shown = f"{shown[:MAX_SHOWN_ANSWER]}… ({len(shown):,} characters)"
    return f"{shown}\n\n{decision.comment}".strip()
