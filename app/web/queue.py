"""The ranked queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from app.domain.people import Actor
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.queue import QueueFilter, QueuePage
from app.store.people import Team
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
    teams: list[Team]
    query: dict[str, str]
    risks: tuple[str, ...] = tuple(level.value for level in reversed(RiskLevel))
    kinds: tuple[str, ...] = KINDS
    soon: int = 2 * 3600

    @property
    def filtered(self) -> bool:
        """True if anything narrows the list."""
        return bool(set(self.query) - {"resolved"})


def filter_from(arguments: Any, viewer: Actor) -> QueueFilter:
    """The filters in an address; `mine` is the viewer's. Raises InvalidInputError."""
    return QueueFilter(
        risk=arguments.get("risk", ""),
        workflow=arguments.get("workflow", ""),
        kind=arguments.get("kind", ""),
        text=arguments.get("text", "").strip(),
        mine=viewer.member if arguments.get("mine", "") == "1" else None,
        team=arguments.get("team", ""),
        unassigned=arguments.get("unassigned", "") == "1",
        resolved=arguments.get("resolved", "") == "1",
    )


def query_of(wanted: QueueFilter) -> dict[str, str]:
    """The inverse of `filter_from`."""
    given = {name: getattr(wanted, name) for name in ("risk", "workflow", "kind", "text", "team")}
    set_ = {"mine": wanted.mine is not None, "unassigned": wanted.unassigned, "resolved": wanted.resolved}
    return {name: value for name, value in given.items() if value} | {name: "1" for name, on in set_.items() if on}


def listed(wanted: QueueFilter, cursor: str | None = None) -> Listed:
    """One page of the list. Raises InvalidInputError."""
    page = services().queue.page(wanted, cursor, PAGE)
    return Listed(wanted, page, services().queue.pending_workflows(), services().people.teams(), query_of(wanted))


@web.get("/")
def home() -> Any:
    """The queue is where the work is."""
    return see_other("web.queue")


@web.get("/queue")
def queue() -> Any:
    """The list; with `cursor`, a further page of it."""
    seq = events_position()
    wanted = filter_from(request.args, current_actor())
    cursor = request.args.get("cursor") or None
    return render(
        "queue.html",
        seq=seq,
        listed=listed(wanted, cursor),
        cursor=cursor,
        selected=request.args.get("selected", ""),
        now=services().clock(),
        viewer=current_actor(),
        live_src=address("web.queue", query_of(wanted)),
    )
