"""The queue, ordered by rank."""

from __future__ import annotations

from typing import Any

from flask import request

from app.domain.people import Action
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.queue import QueuePage, QueueRow
from app.services.reading.queue_filter import QueueFilter
from app.web.listing import RequestList, filter_from, listed, query_of, shared_with_decided
from app.web.pages import address, download, events_position, export_format, render, see_other, web


@web.get("/dashboard")
@web.get("/")
def home() -> Any:
    """Redirect to the queue."""
    return see_other("web.queue")


@web.get("/queue")
def queue() -> Any:
    """The list; with `cursor`, the next page; with `row`, the current state of those rows."""
    seq = events_position()
    wanted = filter_from(request.args, current_actor())
    if request.args.get("resolved", "") == "1":  # in bookmarks, from when this page had decided requests, too
        return see_other("web.decided", **shared_with_decided(query_of(wanted)))
    if rows := request.args.getlist("row"):
        return _rows(services().queue.rows(wanted, rows), wanted)
    cursor = request.args.get("cursor") or None
    selected = request.args.get("selected", "")
    found = listed(wanted, cursor)
    return render(
        "queue.html",
        seq=seq,
        listed=found,
        cursor=cursor,
        selected=selected,
        now=services().clock(),
        viewer=current_actor(),
        live_src=address("web.queue", found.query | ({"selected": selected} if selected else {})),
    )


@web.get("/queue/export")
def queue_export() -> Any:
    """The matching requests as a file, streamed."""
    viewer = current_actor()
    wanted = filter_from(request.args, viewer)
    return download(services().queue.export(viewer, wanted, export_format()), "pending-requests")


@web.get("/queue/at-work")
def queue_at_work() -> Any:
    """Which agent works on what, for an open page that refreshes it."""
    return render("queue_at_work.html", at_work=services().working.now(), now=services().clock())


def _rows(rows: list[QueueRow], wanted: QueueFilter) -> Any:
    page = QueuePage(rows, len(rows), False, None)
    found = RequestList(wanted, page, [], [], query_of(wanted), may_decide=current_actor().may(Action.DECIDE))
    return render(
        "queue.html", seq=0, listed=found, cursor="rows", selected=request.args.get("selected", ""),
        now=services().clock(), viewer=current_actor(), live_src="",
    )  # fmt: skip
