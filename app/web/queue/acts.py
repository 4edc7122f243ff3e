"""Actions on the queue itself: saved views, and decisions on several requests at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, request

from app.domain.errors import AssentError, InvalidInputError, NotFoundError
from app.domain.people import Action
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.approvals.bulk import MOST, VERDICTS, BulkResult, SelectedRequest
from app.services.reading.queue_filter import QueueFilter
from app.web.field_text import submitted_text
from app.web.listing import filter_from, query_of
from app.web.pages import render, see_other, web
from assent.contracts import RiskLevel, Verdict


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
    """The selected requests, with what can be decided for all of them."""
    current_actor().require(Action.DECIDE)
    ids = list(dict.fromkeys(request.args.getlist("request")))
    return _page(ids)


@web.post("/queue/marked")
def queue_marked_decide() -> Any:
    """Decide on each selected request, and show each result."""
    actor, sent = current_actor(), request.form
    ids, digests = sent.getlist("request"), sent.getlist("digest")
    comment = submitted_text(sent.get("comment", ""))
    try:
        if len(ids) != len(digests):
            raise InvalidInputError("Each request needs the digest of the proposal you saw.", {"digest": "missing"})
        marked = [SelectedRequest(*pair) for pair in zip(ids, digests, strict=True)]
        done = services().bulk.decide(actor, marked, _verdict(sent.get("verdict", "")), comment)
    except AssentError as error:
        if error.code == "forbidden":
            raise
        return _page(list(dict.fromkeys(ids)), error=error, comment=comment)
    waits = {row.id for row in services().queue.rows(QueueFilter(), [result.request_id for result in done])}
    settled = [result.request_id for result in done if result.error is None or result.request_id not in waits]
    return _page([], done=done, settled=settled)


def _verdict(given: str) -> Verdict:
    if given not in VERDICTS:
        raise InvalidInputError("Choose a decision.", {"verdict": "unknown"})
    return Verdict(given)


def _page(
    ids: list[str], done: list[BulkResult] | None = None, error: AssentError | None = None, comment: str = "",
    settled: Sequence[str] = (),
) -> Any:  # fmt: skip
    if len(ids) > MOST and error is None:
        error = InvalidInputError(f"At most {MOST} requests can be decided at once.", {"request": "too many"})
    rows = services().queue.rows(QueueFilter(), ids[:MOST]) if ids else []
    waits = {row.id for row in rows}
    unmark = [*settled, *(request_id for request_id in ids[:MOST] if request_id not in waits)]
    approvable = [row for row in rows if row.risk is not RiskLevel.CRITICAL]
    return render(
        "queue_marked.html", status_of(error) if error else 200,
        rows=rows, texts=services().bulk.texts([row.id for row in rows]), gone=len(ids[:MOST]) - len(rows),
        critical=len(rows) - len(approvable), done=done, error=error, unmark=unmark,
        comment=comment, problems=error.extra.get("fields", {}) if error else {}, now=services().clock(),
    )  # fmt: skip
