"""Actions on the queue itself: saved views, and decisions on several requests at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import flash, request

from app.domain.errors import AssentError, InvalidInputError, NotFoundError
from app.domain.people import Action
from app.domain.similarity import MOST_FINDINGS
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.approvals.bulk import CONFIRMED_RISKS, MOST, VERDICTS, SelectedRequest
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.similar_requests import Compared, Comparison
from app.web.approval_effect import effect_of
from app.web.field_text import submitted_text
from app.web.listing import filter_from, query_of
from app.web.pages import render, see_other, web
from assent.contracts import Verdict, calls_of


@web.post("/queue/views")
def queue_view_save() -> Any:
    """Save filters as a view."""
    actor, sent = current_actor(), request.form
    query = query_of(filter_from(sent, actor), sent.get("group", "") == "1")
    view = services().saved_views.save(actor, sent.get("name", ""), query)
    flash(f"The view “{view.name}” is saved.")
    return see_other("web.queue", **view.filters)


@web.post("/queue/views/<view_id>/name")
def queue_view_rename(view_id: str) -> Any:
    """Rename a view."""
    try:
        view = services().saved_views.rename(current_actor(), view_id, request.form.get("name", ""))
    except NotFoundError:
        flash("That view no longer exists.")
        return see_other("web.queue")
    flash(f"The view is renamed to “{view.name}”.")
    return see_other("web.queue", **view.filters)


@web.post("/queue/views/<view_id>/deletion")
def queue_view_delete(view_id: str) -> Any:
    """Delete a view."""
    services().saved_views.delete(current_actor(), view_id)
    flash("The view is deleted.")
    return see_other("web.queue")


@web.get("/queue/views")
@web.get("/queue/views/<view_id>/<any(name, deletion):act>")
def queue_view_shown(view_id: str = "", act: str = "") -> Any:
    """Show the queue: a browser may open an action's URL again."""
    return see_other("web.queue")


@web.get("/queue/marked")
def queue_marked() -> Any:
    """The selected requests, or those of a group, side by side, with what can be decided for all of them."""
    current_actor().require(Action.DECIDE)
    ids = list(dict.fromkeys(request.args.getlist("request")))
    return _page(ids)


@web.post("/queue/marked")
def queue_marked_decide() -> Any:
    """Decide on each checked request, and show each result; first, high and critical risk has to be confirmed."""
    actor, sent = current_actor(), request.form
    ids, confirmed = list(dict.fromkeys(sent.getlist("request"))), set(sent.getlist("confirmed"))
    seen = dict(pair.split(" ", 1) for pair in sent.getlist("seen") if " " in pair)
    shown = list(dict.fromkeys([*seen, *ids]))
    again = Resent(frozenset(ids), seen, submitted_text(sent.get("comment", "")))
    try:
        if not seen.keys() >= set(ids):
            raise InvalidInputError("Each request needs the digest of the proposal you saw.", {"digest": "missing"})
        verdict = _verdict(sent.get("verdict", ""))
        if verdict is Verdict.APPROVE and (unsure := services().bulk.unconfirmed(actor, ids, confirmed)):
            return _page(shown, resent=replace(again, confirm=frozenset(unsure) | confirmed))
        marked = [SelectedRequest(request_id, seen[request_id]) for request_id in ids]
        done = services().bulk.decide(actor, marked, verdict, again.comment, confirmed)
    except AssentError as error:
        if error.code == "forbidden":
            raise
        return _page(shown, error=error, resent=again)
    waits = {row.id for row in services().queue.rows(QueueFilter(), [result.request_id for result in done])}
    settled = [result.request_id for result in done if result.error is None or result.request_id not in waits]
    return render("queue_marked.html", done=done, unmark=settled, table=Comparison())


_DETAILS = 300
"""How many characters of its differences are named where a request has to be confirmed."""


@dataclass(frozen=True)
class Resent:
    """What a person has chosen on the page that is shown again.

    Attributes:
        checked: ids of the requests that they left checked.
        seen: by their ids, the digests of the proposals that they saw.
        confirm: ids of the requests of high or critical risk whose effect they confirm by pressing the button again.
    """

    checked: frozenset[str] = frozenset()
    seen: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    confirm: frozenset[str] = frozenset()


def _verdict(given: str) -> Verdict:
    if given not in VERDICTS:
        raise InvalidInputError("Choose a decision.", {"verdict": "unknown"})
    return Verdict(given)


def _page(ids: list[str], error: AssentError | None = None, resent: Resent | None = None) -> Any:
    if len(ids) > MOST and error is None:
        error = InvalidInputError(f"At most {MOST} requests can be decided at once.", {"request": "too many"})
    table = services().similar.compared(ids, current_actor())
    waits = {shown.row.id for shown in table.rows}
    columns = {member.id: group.columns for group, _ in table.groups for member in group.members}
    rows = [together_row(shown, columns.get(shown.row.id, ()), resent) for shown in table.rows]
    confirm = [row for row in rows if resent and row.id in resent.confirm and row.checked]
    status = status_of(error) if error else 409 if confirm else 200
    return render(
        "queue_marked.html", status,
        table=table, rows={row.id: row for row in rows}, confirm=confirm,
        gone=len(ids[:MOST]) - len(rows), error=error,
        unmark=[request_id for request_id in ids[:MOST] if request_id not in waits],
        comment=resent.comment if resent else "", problems=error.extra.get("fields", {}) if error else {},
        most_findings=MOST_FINDINGS, now=services().clock(),
    )  # fmt: skip


@dataclass(frozen=True)
class TogetherRow:
    """A request in the table.

    Attributes:
        tool: the tool that it calls, or the kind and language of its code.
        effect: what happens on approval, such as ``call refund_payment``.
        details: what distinguishes it from its group, such as ``amount 900, order B-3``.
        risky: approving it with others has to be confirmed.
        changed: the proposal is not the one that the person saw when they pressed the button.
        needs_comment: its rule requires a comment for an approval.
    """

    id: str
    tool: str
    effect: str
    details: str
    risky: bool
    checked: bool
    changed: bool
    needs_comment: bool


def together_row(shown: Compared, columns: Sequence[str], resent: Resent | None) -> TogetherRow:
    """A request in the table. At first, every request is checked that can be approved and is not of high risk.

    Args:
        columns: what the differences within its group are called.
    """
    row, payload = shown.row, shown.payload
    risky = row.risk in CONFIRMED_RISKS
    seen = resent.seen.get(row.id, "") if resent else ""
    changed = bool(seen) and seen != row.digest
    checked = not shown.why_not and not changed and (row.id in resent.checked if resent else not risky)
    parts = payload.get("items") or payload.get("calls") or payload.get("steps") or []
    effect = effect_of(row.kind, payload, len(parts) or 1) or f"approve “{row.title}”"
    values = shown.alike.values if shown.alike is not None else ()
    details = ", ".join(f"{label} {value}" for label, value in zip(columns, values, strict=False))
    if len(details) > _DETAILS:
        details = f"{details[:_DETAILS]}…"  # the table below shows all of it
    tool, needs_comment = _tool(row.kind, payload), shown.needs_comment
    return TogetherRow(row.id, tool, effect, details, risky, checked, changed, needs_comment)


def _tool(kind: str, payload: Mapping[str, Any]) -> str:
    if tools := [str(call.get("tool", "")) for call in calls_of(dict(payload))]:
        return ", ".join(dict.fromkeys(tools))
    words = kind.replace("_", " ")
    return f"{words}, {payload['language']}" if payload.get("language") else words
