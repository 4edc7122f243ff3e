"""The audit log, for auditors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import request

from app.domain import patterns
from app.domain.errors import InvalidInputError
from app.domain.lifecycle import RequestState
from app.domain.people import Action
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.record.search import AuditFilter
from app.store.record import AuditEntry
from app.web.pages import day_in, download, export_format, render, web

PHRASES = {
    "person.added": "added a person",
    "person.changed": "changed a person",
    "person.link_made": "created a sign-in link",
    "person.link_asked": "asked for a sign-in link by email",
    "person.signed_in": "signed in",
    "person.signed_out": "signed out",
    "token.made": "created a token",
    "token.revoked": "revoked a token",
    "token.confirmed": "confirmed a token that somebody else created for them",
    "token.declined": "declined a token that somebody else created for them",
    "person.slack_linked": "linked their Slack user",
    "person.browser_allowed": "turned on notifications in a browser",
    "person.browser_removed": "turned off notifications in a browser",
    "person.slack_unlinked": "removed the link with their Slack user",
    "destination.added": "added a destination",
    "destination.changed": "changed a destination",
    "destination.secret_rotated": "rotated the secret of a webhook",
    "destination.enabled": "enabled a destination",
    "destination.disabled": "disabled a destination",
    "destination.removed": "removed a destination",
    "destination.tested": "sent a test to a destination",
    "destination.replayed": "sent missed events to a webhook again",
    "access.sign_in_failed": "was refused: sign-in link",
    "access.token_refused": "was refused: token",
    "access.link_refused": "was refused: decision link",
    "access.signature_refused": "was refused: Slack signature",
    "access.forbidden": "was refused: not allowed",
    "record.exported": "exported a list",
    "policy.loaded": "loaded a policy",
    "policy.confirmed": "confirmed a policy as its second person",
    "policy.declined": "declined a policy",
    "absence.added": "added an absence",
    "absence.ended": "ended an absence",
    "absence.confirmed": "confirmed an absence that somebody else added for them",
    "absence.declined": "declined an absence that somebody else added for them",
    "file.uploaded": "uploaded a file",
    "file.saved": "saved a file of a run",
    "file.read": "downloaded a file",
    "file.opened": "opened a file in a run",
    "file.deleted": "deleted a file",
    "key.rotated": "encrypted stored data with another key",
    "run.artifact_read": "downloaded an artifact",
    "record.swept": "deleted what was kept long enough",
    "run.erased": "deleted what a run held",
    "run.started": "started a run",
    "run.pause": "paused a run",
    "run.ask": "requested an approval before a run's next step",
    "run.resume": "resumed a run",
    "run.cancel": "canceled a run",
    "run.retry": "retried a failed run",
    "run.completed": "completed a run",
    "run.failed": "ended a run because it failed",
    "run.cancelled": "ended a canceled run",
    "request.opened": "requested approval",
    "request.decided": "decided on a request",
    "request.decision_withdrawn": "withdrew a decision on a request",
    "request.approval_lapsed": "voided an approval",
    "request.resolved": "settled a request",
    "request.commented": "commented on a request",
    "request.comment_resolved": "resolved a comment on a request",
    "request.comment_reopened": "reopened a comment on a request",
    "request.escalated": "escalated a request",
    "request.claimed": "claimed a request",
    "request.snoozed": "snoozed a request",
    "request.unsnoozed": "returned a snoozed request to the queue",
    "request.claim_released": "released a claim on a request",
    "request.claim_lapsed": "ended an expired claim on a request",
    "request.assigned": "assigned a request",
    "request.unassigned": "removed the assignment of a request",
    "request.extended": "extended the deadline of a request",
    "request.expiry_warned": "warned that a request expires soon",
    "request.expired": "ended an expired request",
    "request.held": "held a request for its change window",
    "request.released": "released a request in its change window",
    "request.cancelled": "canceled a request",
    "request.superseded": "superseded a request",
    "request.remembered": "rejected a request because of an earlier rejection",
    "request.reopened": "reopened a rejection",
    "request.left_to_people": "passed a request to people",
    "request.sampled": "drew a policy's decision for review",
    "request.sample_reviewed": "reviewed what a policy decided",
    "request.receipt": "recorded what the run did",
    "delivery.repeated": "sent a notification again",
    "delivery.first_channel": "changed the channel that comes first",
    "delivery.all_repeated": "sent notifications again",
    "grant.proposed": "proposed a standing grant",
    "grant.approved": "approved a standing grant",
    "grant.declined": "declined a standing grant",
    "grant.revoked": "revoked a standing grant",
    "grant.used": "approved a request under a standing grant",
    "grant.ended": "ended a standing grant",
    "lesson.learned": "learned a lesson from a correction",
    "lesson.retired": "retired a lesson",
    "lesson.edited": "edited a lesson",
    "lesson.switched_off": "switched a lesson off",
    "lesson.switched_on": "switched a lesson on",
    "lesson.deleted": "deleted a lesson",
    "reason.added": "added a prepared reason",
    "reason.changed": "changed a prepared reason",
    "reason.removed": "removed a prepared reason",
}
_VERDICTS = {
    "approve": "approved a request",
    "modify": "approved a request with changes",
    "request_changes": "requested changes to a request",
    "reject": "rejected a request",
    "answer": "answered a request",
}
DECISIONS = {f"request.decided:{verdict}": words for verdict, words in _VERDICTS.items() if verdict != "modify"}
"""Decisions by their verdict, as values of the filter of actions; approvals include those with changes."""
_RECEIPTS = {
    "delivered": "received the outcome",
    "applied": "did what was approved",
    "partly_applied": "did part of what was approved",
    "not_applied": "did nothing",
    "failed": "failed after the decision",
}
_LABELS = {
    "seen_digest": "digest seen",
    "reported": "reported by the workflow itself",
    "revision_of": "revises request",
    "on_behalf_of": "on behalf of",
    "urgency_asked": "urgency that was asked for",
    "acting_by": "with a link or token from",
}
_GROUP_WORDS = {
    "person": "people",
    "token": "tokens",
    "run": "runs",
    "request": "requests",
    "policy": "policies",
    "absence": "absences",
    "delivery": "deliveries",
    "grant": "standing grants",
    "lesson": "lessons",
    "reason": "prepared reasons",
    "access": "refusals",
    "record": "exports",
}
_GROUPS = [
    (f"{group}.", _GROUP_WORDS.get(group, group)) for group in dict.fromkeys(name.split(".")[0] for name in PHRASES)
]
_FILTERS = ("title", "actor", "action", "since", "until", "request_id", "run_id", "text")
_HIDDEN_DETAILS = frozenset({
    "person_id", "verdict", "state", "status", "scope", "to_id", "from_id", "asked_next", "acting_by_ids",
})  # fmt: skip
_STAGE = "stage"
_PATTERN = "pattern"
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)")


def phrase(entry: AuditEntry) -> str:
    """What happened, as the words after the name of who did it."""
    if entry.action == "person.signed_out" and entry.detail.get("scope") != "session":
        return "signed somebody out everywhere" if "person" in entry.detail else "signed out everywhere"
    if entry.action == "person.signed_out" and "person" in entry.detail:
        return "ended somebody's session"
    if entry.action == "request.decided" and entry.detail.get("verdict") in _VERDICTS:
        return _VERDICTS[entry.detail["verdict"]]
    if entry.action == "request.resolved" and entry.detail.get("state") in set(RequestState):
        return f"settled a request: {RequestState(entry.detail['state']).words}"
    if entry.action == "request.receipt" and entry.detail.get("status") in _RECEIPTS:
        return f"recorded that the {'run' if entry.run_id else 'agent'} {_RECEIPTS[entry.detail['status']]}"
    if entry.action == "record.exported":
        listed = entry.detail.get("list", "audit log")
        return f"exported the {listed}" if listed in ("audit log", "people") else f"exported {listed}"
    return PHRASES.get(entry.action, entry.action.replace(".", ", ").replace("_", " "))


def details(entry: AuditEntry) -> list[tuple[str, str]]:
    """The details, as label and value."""
    facts = []
    for name, value in entry.detail.items():
        if name in _HIDDEN_DETAILS or value in (None, "", [], {}):
            continue
        label = _LABELS.get(name, name.replace("_", " "))
        if name == _STAGE and isinstance(value, int):
            value += 1  # for people, the first stage is 1
        if name == _PATTERN:
            value = patterns.words(patterns.Pattern.from_json(value))
        facts.append((label, f"{value[:12]}…" if "digest" in name and isinstance(value, str) else _words(value)))
    return facts


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    if isinstance(value, str) and (instant := _INSTANT.fullmatch(value)):
        return f"{instant[1]} {instant[2]} UTC"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@web.get("/audit")
def audit() -> Any:
    """One page of the audit log, newest first."""
    viewer = current_actor()
    viewer.require(Action.READ_AUDIT)
    query = {name: value for name in _FILTERS if (value := request.args.get(name, "").strip())}
    page = services().records.page(viewer, _filter(query), _before(request.args.get("before")))
    return render(
        "audit.html", page=page, query=query, decisions=DECISIONS, phrases=PHRASES, groups=_GROUPS, phrase=phrase,
        details=details,
    )  # fmt: skip


@web.get("/audit/export")
def audit_export() -> Any:
    """The matching entries as a file, streamed."""
    query = {name: value for name in _FILTERS if (value := request.args.get(name, "").strip())}
    return download(services().records.export(current_actor(), _filter(query), export_format()), "audit-log")


def _filter(query: Mapping[str, str]) -> AuditFilter:
    since, until = day_in(query, "since"), day_in(query, "until")
    return AuditFilter(
        query.get("action", ""), query.get("actor", ""), query.get("request_id", ""), query.get("run_id", ""),
        query.get("text", ""), since, until + timedelta(days=1) if until else None, query.get("title", ""),
    )  # fmt: skip


def _before(given: str | None) -> int | None:
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 19:
        raise InvalidInputError("This position in the audit log is not valid.", {"before": "not a number"})
    return int(given)
