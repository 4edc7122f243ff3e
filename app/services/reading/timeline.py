"""A request's timeline: decisions, comments, other actions, expiry, and the receipt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.lifecycle import VERDICT_WORDS
from app.domain.line_comments import place_words
from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.domain.people import signature
from app.domain.policy.verdicts import decided_by
from app.services.reading.delivery_lines import NotificationLine, notification_lines
from app.services.requests.line_comments import place_of
from app.services.requests.situation import Names, listing, named, names_of
from app.services.requests.votes import decider
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, Comment, Decision, ReceiptRow
from assent.contracts import Verdict

ERROR_KIND = "error"
SHOWN_NAMES = 4
MAX_SHOWN_ANSWER = 20_000


@dataclass(frozen=True)
class TimelineEntry:
    """One line of a request's timeline: when, who, what, and the comment."""

    at: datetime
    who: str
    what: str
    comment: str = ""
    verdict: str = ""


_NOTICE_WORDS = {
    NoticeKind.ASKED: "a decision is needed",
    NoticeKind.ASSIGNED: "it is assigned to them",
    NoticeKind.ESCALATED: "it is escalated",
    NoticeKind.EXPIRING: "the deadline is approaching",
    NoticeKind.OUTCOME: "the outcome",
    NoticeKind.SETTLED: "others have decided",
    NoticeKind.RECEIPT: "what the run did",
    NoticeKind.SHORTAGE: "the lack of approvers",
}
_ACTION_WORDS = {
    "request.opened": "proposed this; the run is suspended",
    "request.escalated": "escalated this",
    "request.decision_withdrawn": "withdrew their decision",
    "request.approval_lapsed": "stopped counting an approval",
    "request.expired": "let this expire: nobody decided in time",
    "request.cancelled": "canceled this",
    "request.superseded": "superseded this: the run now requests something else",
    "request.resolved": "resolved this",
    "request.remembered": "answered this from an earlier rejection",
    "request.reopened": "reopened this for review",
    "request.left_to_people": "left this to people",
    "request.claimed": "claimed this",
    "request.snoozed": "snoozed this",
    "request.unsnoozed": "returned this to the queue",
    "request.claim_released": "released their claim",
    "request.claim_lapsed": "ended the expired claim",
    "request.assigned": "assigned this",
    "request.unassigned": "removed the assignment",
    "request.extended": "extended the deadline",
    "request.expiry_warned": "warned that the deadline is approaching",
    "request.held": "kept this waiting: its change window has closed again",
    "request.released": "resumed the run: its change window is open",
    "request.comment_resolved": "resolved a comment",
    "request.comment_reopened": "reopened a comment",
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
        TimelineEntry(decision.at, decider(decision), _decided(decision), _words_of(decision), decision.verdict)
        for decision in decisions
    ]
    lines += [
        TimelineEntry(comment.at, comment.signature, _said(request, comment), comment.body) for comment in comments
    ]
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.request_id == request.id).order_by(AuditEntry.seq).limit(200)
    )
    shown = [entry for entry in entries if _is_shown(entry)]
    names = names_of(session, [address for entry in shown for address in _asked_as_well(entry)])
    for entry in shown:
        who = signature(entry.actor_kind, entry.actor_name)
        who = (request.agent or request.workflow) if entry.action == "request.opened" else who
        comment = entry.detail.get("reason") or entry.detail.get("comment", "")
        lines.append(TimelineEntry(entry.at, who, _act_words(request, entry, names), comment))
    if receipt is not None:
        words = receipt.status.replace("_", " ")
        # What the portal concludes by itself must not look like a statement of the agent.
        doer = request.agent or ("The run" if request.run_id else "The agent")
        who, what = (doer, f"reported: {words}") if receipt.explicit else ("Assent", f"noted: {words}")
        lines.append(TimelineEntry(receipt.updated_at, who, what, receipt.summary))
    lines += [
        TimelineEntry(notified.at, "Assent", _delivered(notified))
        for notified in notification_lines(session, request.id)
    ]
    return sorted(lines, key=lambda line: line.at)


def _said(request: ApprovalRequest, comment: Comment) -> str:
    """Where the comment belongs."""
    if comment.line is not None:
        # The payload may have changed since, but its parts keep their names.
        return f"said at {place_words(request.payload, place_of(comment))}"
    return "replied" if comment.reply_to else "said"


def _delivered(line: NotificationLine) -> str:
    """Who was notified, will be notified, or could not be notified."""
    several, rest = line.names, len(line.names) - SHOWN_NAMES
    names = listing((*several[:SHOWN_NAMES], f"{rest} others") if rest > 1 else several)
    of, channel = _NOTICE_WORDS[line.kind], Channel(line.channel).words
    match line.state:
        case DeliveryState.SENT if line.kept:
            return f"kept a notification by {channel} for {names} in the outbox: {of}"
        case DeliveryState.SENT:
            return f"notified {names} by {channel}: {of}"
        case DeliveryState.HELD:
            return f"will notify {names} later by {channel}, as they chose: {of}"
        case DeliveryState.FAILED:
            return f"could not reach {names} by {channel}: {of}"
    return f"is notifying {names} by {channel}: {of}"


def _is_shown(entry: AuditEntry) -> bool:
    """True for an entry that is a line of its own; people's decisions are shown with their comments instead."""
    if entry.action == "request.decided":
        return entry.actor_kind == "policy"
    return entry.action in _ACTION_WORDS and entry.action != "request.resolved"


def _asked_as_well(entry: AuditEntry) -> list[str]:
    """The addresses of the approvers that an escalation added."""
    before = set(entry.detail.get("from") or ()) if entry.action == "request.escalated" else set()
    after = entry.detail.get("to") or () if entry.action == "request.escalated" else ()
    return [address for address in after if address not in before]


def _act_words(request: ApprovalRequest, entry: AuditEntry, names: Names) -> str:
    """What was done, and to whom."""
    words, detail = _ACTION_WORDS.get(entry.action, ""), entry.detail
    added = listing(named(_asked_as_well(entry), names))
    match entry.action:
        case "request.decided":
            return f"{VERDICT_WORDS[detail['verdict']]}, without asking people"
        case "request.opened" if decided_by(request.answered_by) is not None:
            return "requested this"
        case "request.opened" if request.kind == ERROR_KIND:
            return "failed at this step; the run is suspended"
        case "request.opened" if request.run_id is None:
            return "requested this, and is waiting"
        case "request.released" if request.run_id is None:
            return "released the outcome: its change window is open"
        case "request.escalated" if added:
            return f"{words}: {added} must approve as well"
        case "request.comment_resolved" | "request.comment_reopened":
            return f"{words} of {detail['author']} at {detail['place']}"
        case "request.snoozed" | "request.unsnoozed":
            return f"{words} for {'everyone' if detail.get('scope') == 'all' else 'themselves'}"
        case "request.claimed" if detail.get("taken_from"):
            return f"took this over from {detail['taken_from']}"
        case "request.claimed" if detail.get("renewed"):
            return "renewed their claim"
        case "request.claim_released" if detail.get("claimed_by", entry.actor_name) != entry.actor_name:
            return f"ended the claim of {detail['claimed_by']}"
        case "request.claim_lapsed":
            return f"ended the expired claim of {detail.get('claimed_by', 'someone')}"
        case "request.approval_lapsed":
            return f"stopped counting the approval of {detail.get('person', 'someone')}"
        case "request.unassigned" if not entry.actor_id:
            return f"ended the assignment to {detail.get('from', 'someone')}"
        case "request.assigned" if detail.get("to_id") == entry.actor_id:
            return "assigned this to themselves"
        case "request.assigned" if detail.get("from_id") and detail.get("from_id") == entry.actor_id:
            return f"reassigned this to {detail.get('to')}"
        case "request.assigned":
            return f"assigned this to {detail.get('to')}"
    return words


def _decided(decision: Decision) -> str:
    words = VERDICT_WORDS[decision.verdict]
    if decision.made.ids:
        words = f"{words}, acting with a sign-in link or token from {decision.made.names}"
    if decision.lapsed_why:
        return f"{words}, which no longer counts: {decision.lapsed_why.rstrip('.')}"
    return f"{words}, which no longer counts" if decision.withdrawn_at else words


def _words_of(decision: Decision) -> str:
    """An answer, for others who have to confirm it, and the comment."""
    if decision.verdict != Verdict.ANSWER.value:
        return decision.comment
    answer = decision.answer
    shown = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=2)
    if len(shown) > MAX_SHOWN_ANSWER:
        shown = f"{shown[:MAX_SHOWN_ANSWER]}… ({len(shown):,} characters)"
    return f"{shown}\n\n{decision.comment}".strip()
