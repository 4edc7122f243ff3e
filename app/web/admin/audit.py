"""The record, for auditors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Response, request

from app.domain import patterns
from app.domain.errors import InvalidInputError
from app.domain.lifecycle import RequestState
from app.domain.people import Action
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.record.records import AuditFilter, ExportFormat
from app.store.record import AuditEntry
from app.web.pages import render, web

PHRASES = {
    "person.added": "added a person",
    "person.changed": "changed a person",
    "person.link_made": "made a sign-in link",
    "person.signed_in": "signed in",
    "person.signed_out": "signed out",
    "token.made": "made a token",
    "token.revoked": "revoked a token",
    "token.confirmed": "confirmed a token that somebody else made for them",
    "token.declined": "declined a token that somebody else made for them",
    "person.slack_linked": "linked their Slack user",
    "person.slack_unlinked": "took the link with their Slack user away",
    "destination.added": "added a destination",
    "destination.changed": "changed a destination",
    "destination.secret_rotated": "gave a webhook a new secret",
    "destination.enabled": "switched a destination on",
    "destination.disabled": "switched a destination off",
    "destination.removed": "removed a destination",
    "destination.tested": "sent a test to a destination",
    "destination.replayed": "sent a webhook again what it had not got",
    "access.sign_in_failed": "was refused with a sign-in link",
    "access.token_refused": "was refused with a token",
    "access.link_refused": "was refused with a link that decides",
    "access.signature_refused": "was refused with a signature of Slack",
    "access.forbidden": "was refused an act",
    "record.exported": "exported the record",
    "policy.loaded": "put a policy into force",
    "absence.added": "entered an absence",
    "absence.ended": "ended an absence",
    "absence.confirmed": "confirmed an absence that somebody else entered for them",
    "absence.declined": "declined an absence that somebody else entered for them",
    "run.started": "started a run",
    "run.pause": "asked a run to pause",
    "run.resume": "let a run go on",
    "run.cancel": "cancelled a run",
    "run.retry": "let a failed run try again",
    "run.completed": "completed a run",
    "run.failed": "ended a run with a failure",
    "run.cancelled": "ended a cancelled run",
    "request.opened": "asked for approval",
    "request.decided": "decided on a request",
    "request.decision_withdrawn": "took back a decision on a request",
    "request.approval_lapsed": "stopped counting an approval",
    "request.resolved": "settled a request",
    "request.commented": "commented on a request",
    "request.escalated": "escalated a request",
    "request.claimed": "claimed a request",
    "request.claim_released": "ended a claim on a request",
    "request.claim_lapsed": "let a claim on a request lapse",
    "request.assigned": "assigned a request",
    "request.unassigned": "took back the assignment of a request",
    "request.extended": "gave a request more time",
    "request.expiry_warned": "warned that a request expires",
    "request.expired": "let a request expire",
    "request.held": "held a request for its change window",
    "request.released": "released a request in its change window",
    "request.cancelled": "cancelled a request",
    "request.superseded": "replaced a request",
    "request.remembered": "rejected a request from an earlier rejection",
    "request.reopened": "reopened what was rejected",
    "request.left_to_people": "left a request to people",
    "request.receipt": "noted what the run did",
    "delivery.repeated": "had somebody told again",
    "grant.proposed": "proposed a standing grant",
    "grant.approved": "gave a standing grant",
    "grant.declined": "declined a standing grant",
    "grant.revoked": "revoked a standing grant",
    "grant.used": "approved a request under a standing grant",
    "grant.ended": "ended a standing grant",
}
_VERDICTS = {
    "approve": "approved a request",
    "modify": "approved a request with changes",
    "request_changes": "asked for changes to a request",
    "reject": "rejected a request",
    "answer": "answered a request",
}
_RECEIPTS = {
    "delivered": "took the outcome",
    "applied": "did what was approved",
    "partly_applied": "did a part of what was approved",
    "not_applied": "did nothing",
    "failed": "failed after the decision",
}
_LABELS = {
    "seen_digest": "digest seen",
    "reported": "said by the workflow itself",
    "revision_of": "revises request",
    "on_behalf_of": "for",
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
    "access": "refusals",
    "record": "the record",
}
_GROUPS = [
    (f"{group}.", _GROUP_WORDS.get(group, group)) for group in dict.fromkeys(name.split(".")[0] for name in PHRASES)
]
_FILTERS = ("actor", "action", "since", "until", "request_id", "run_id", "text")
_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSON_LINES: "application/jsonl"}
_HIDDEN_DETAILS = frozenset({
    "person_id", "verdict", "state", "status", "scope", "to_id", "from_id", "asked_next", "acting_by_ids",
})  # fmt: skip
_STAGE = "stage"
_PATTERN = "pattern"
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)")


def phrase(entry: AuditEntry) -> str:
    """What the entry says, after the name of who did it."""
    if entry.action == "person.signed_out" and entry.detail.get("scope") != "session":
        return "signed somebody out everywhere" if "person" in entry.detail else "signed out everywhere"
    if entry.action == "person.signed_out" and "person" in entry.detail:
        return "ended somebody's session"
    if entry.action == "request.decided" and entry.detail.get("verdict") in _VERDICTS:
        return _VERDICTS[entry.detail["verdict"]]
    if entry.action == "request.resolved" and entry.detail.get("state") in set(RequestState):
        return f"settled a request: {RequestState(entry.detail['state']).words}"
    if entry.action == "request.receipt" and entry.detail.get("status") in _RECEIPTS:
        return f"noted that the {'run' if entry.run_id else 'agent'} {_RECEIPTS[entry.detail['status']]}"
    return PHRASES.get(entry.action, entry.action.replace(".", ", ").replace("_", " "))


def details(entry: AuditEntry) -> list[tuple[str, str]]:
    """The further facts, as label and value."""
    facts = []
    for name, value in entry.detail.items():
        if name in _HIDDEN_DETAILS or value in (None, "", [], {}):
            continue
        label = _LABELS.get(name, name.replace("_", " "))
        if name == _STAGE and isinstance(value, int):
            value += 1  # people count stages from one
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
    """One page of the record, newest first."""
    viewer = current_actor()
    viewer.require(Action.READ_AUDIT)
    query = {name: value for name in _FILTERS if (value := request.args.get(name, "").strip())}
    page = services().records.page(viewer, _filter(query), _before(request.args.get("before")))
    return render("audit.html", page=page, query=query, phrases=PHRASES, groups=_GROUPS, phrase=phrase, details=details)


@web.get("/audit/export")
def audit_export() -> Any:
    """The entries that fit, as a file that is written while it is read."""
    query = {name: value for name in _FILTERS if (value := request.args.get(name, "").strip())}
    form = request.args.get("format", ExportFormat.CSV.value)
    if form not in set(ExportFormat):
        raise InvalidInputError("An export is csv or jsonl.", {"format": "unknown"})
    pieces = services().records.export(current_actor(), _filter(query), ExportFormat(form))
    answer = Response((piece.encode("utf-8", "replace") for piece in pieces), mimetype=_TYPES[ExportFormat(form)])
    answer.headers["Content-Disposition"] = f'attachment; filename="assent-record.{form}"'
    return answer


def _filter(query: Mapping[str, str]) -> AuditFilter:
    since, until = _day(query, "since"), _day(query, "until")
    return AuditFilter(
        query.get("action", ""), query.get("actor", ""), query.get("request_id", ""), query.get("run_id", ""),
        query.get("text", ""), since, until + timedelta(days=1) if until else None,
    )  # fmt: skip


def _day(query: Mapping[str, str], name: str) -> datetime | None:
    """The beginning of a day, UTC."""
    given = query.get(name, "")
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise InvalidInputError("A day is written like 2026-11-30.", {name: "This is not a day."}) from error
    if not 1970 <= day.year <= 9000:
        raise InvalidInputError("This day is out of range.", {name: "This is out of range."})
    return datetime.combine(day, time.min, UTC)


def _before(given: str | None) -> int | None:
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 19:
        raise InvalidInputError("This is not a place in the record.", {"before": "not a number"})
    return int(given)
