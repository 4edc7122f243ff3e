"""The record, for auditors."""

from __future__ import annotations

from typing import Any

from flask import request

from app.domain.errors import InvalidInputError
from app.domain.people import Action
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.records import AuditFilter
from app.store.record import AuditEntry
from app.web.pages import render, web

PHRASES = {
    "person.added": "added a person",
    "person.link_made": "made a sign-in link",
    "person.signed_in": "signed in",
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
    "request.resolved": "settled a request",
    "request.commented": "commented on a request",
    "request.escalated": "escalated a request",
    "request.expired": "let a request expire",
    "request.cancelled": "cancelled a request",
    "request.superseded": "replaced a request",
    "request.receipt": "noted what the run did",
}
_VERDICTS = {
    "approve": "approved",
    "modify": "approved with changes",
    "request_changes": "asked for changes to",
    "reject": "rejected",
    "answer": "answered",
}
_HIDDEN_DETAILS = frozenset({"verdict"})


def phrase(entry: AuditEntry) -> str:
    """What the entry says, after the name of who did it."""
    if entry.action == "request.decided" and entry.detail.get("verdict") in _VERDICTS:
        return f"{_VERDICTS[entry.detail['verdict']]} a request"
    return PHRASES.get(entry.action, entry.action.replace(".", ", ").replace("_", " "))


def details(entry: AuditEntry) -> list[tuple[str, str]]:
    """The further facts, as label and value."""
    facts = []
    for name, value in entry.detail.items():
        if name in _HIDDEN_DETAILS or value in (None, "", [], {}):
            continue
        words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        facts.append((name.replace("_", " "), words if "digest" not in name else f"{words[:12]}…"))
    return facts


@web.get("/audit")
def audit() -> Any:
    """One page of the record, newest first."""
    viewer = current_actor()
    viewer.require(Action.READ_AUDIT)
    wanted = AuditFilter(
        **{name: request.args.get(name, "").strip() for name in ("action", "actor", "request_id", "run_id")}
    )
    page = services().records.page(viewer, wanted, _before(request.args.get("before")))
    query = {name: value for name, value in vars(wanted).items() if value}
    return render("audit.html", page=page, wanted=wanted, query=query, phrases=PHRASES, phrase=phrase, details=details)


def _before(given: str | None) -> int | None:
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 19:
        raise InvalidInputError("This is not a place in the record.", {"before": "not a number"})
    return int(given)
