"""The ranked queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from app.http.runtime import services
from app.services.queue import QueueFilter, QueuePage
from app.web.pages import address, events_position, render, see_other, web
from assent.contracts import RiskLevel

PAGE = 50
KINDS = ("script", "optimizations", "tool_call", "question", "custom", "value", "error")


@dataclass(frozen=True)
class Listed:
    """The list of requests as the pages show it.

    Attributes:
        query: the filters as arguments of an address, without those that are empty.
        soon: seconds of time left below which a row stands out.
    """

    wanted: QueueFilter
    page: QueuePage
    workflows: list[str]
    query: dict[str, str]
    risks: tuple[str, ...] = tuple(level.value for level in reversed(RiskLevel))
    kinds: tuple[str, ...] = KINDS
    soon: int = 2 * 3600

    @property
    def filtered(self) -> bool:
        """True if anything narrows the list."""
        return bool(set(self.query) - {"resolved"})


def filter_from(arguments: Any) -> QueueFilter:
    """The filters in an address. Raises InvalidInputError."""
    return QueueFilter(
        risk=arguments.get("risk", ""),
        workflow=arguments.get("workflow", ""),
        kind=arguments.get("kind", ""),
        text=arguments.get("text", "").strip(),
        resolved=arguments.get("resolved", "") == "1",
    )


def query_of(wanted: QueueFilter) -> dict[str, str]:
    """The inverse of `filter_from`."""
    given = {name: getattr(wanted, name) for name in ("risk", "workflow", "kind", "text")}
    return {name: value for name, value in given.items() if value} | ({"resolved": "1"} if wanted.resolved else {})


def listed(wanted: QueueFilter, cursor: str | None = None) -> Listed:
    """One page of the list. Raises InvalidInputError."""
    page = services().queue.page(wanted, cursor, PAGE)
    return Listed(wanted, page, services().queue.pending_workflows(), query_of(wanted))


@web.get("/")
def home() -> Any:
    """The queue is where the work is."""
    return see_other("web.queue")


@web.get("/queue")
def queue() -> Any:
    """The list; with `cursor`, a further page of it."""
    seq = events_position()
    wanted = filter_from(request.args)
    cursor = request.args.get("cursor") or None
    return render(
        "queue.html",
        seq=seq,
        listed=listed(wanted, cursor),
        cursor=cursor,
        selected=request.args.get("selected", ""),
        now=services().clock(),
        live_src=address("web.queue", query_of(wanted)),
    )
