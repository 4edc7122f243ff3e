"""The list of requests on the queue and beside a request, with its filters as query parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import request

from app.domain.people import Action, Actor
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.people.saved_views import NamedView
from app.services.reading.at_work import NOBODY_AT_WORK, AtWork
from app.services.reading.queue import Count, OwnWork, QueuePage
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.similar_requests import QueueEntry
from app.store.people import Team
from app.web.pages import frame, is_fragment
from assent.contracts import RiskLevel, Urgency

PAGE = 50
KINDS = ("script", "optimizations", "tool_call", "tool_calls", "plan", "question", "custom", "value", "error")
COUNTED_VIEWS = 8
"""The number of saved views that show a count."""


@dataclass(frozen=True)
class Chip:
    """A preset of filters."""

    words: str
    query: dict[str, str]
    current: bool = False
    count: Count | None = None
    endpoint: str = "web.queue"


@dataclass(frozen=True)
class RequestList:
    """The list of requests as pages show it.

    Attributes:
        entries: the list with similar requests grouped; None if grouping is off.
        query: the filters as query parameters, without empty ones.
        soon: a row with less time left than this, in seconds, is highlighted.
        view: the saved view with exactly these filters, if there is one.
        may_decide: the viewer can select rows to decide them together.
        samples: how many decisions of policies wait for a review afterwards.
        own: the pending requests of the viewer; None for people who cannot decide.
        at_work: the runs at which agents are working.
    """

    wanted: QueueFilter
    page: QueuePage
    workflows: list[str]
    teams: list[Team]
    query: dict[str, str]
    chips: list[Chip] = field(default_factory=list)
    entries: list[QueueEntry] | None = None
    views: list[NamedView] = field(default_factory=list)
    view: NamedView | None = None
    may_decide: bool = False
    risks: tuple[str, ...] = tuple(level.value for level in reversed(RiskLevel))
    urgencies: tuple[str, ...] = tuple(urgency.value for urgency in reversed(Urgency))
    kinds: tuple[str, ...] = KINDS
    soon: int = 2 * 3600
    samples: int = 0
    own: OwnWork | None = None
    at_work: AtWork = NOBODY_AT_WORK

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the list, as query parameters."""
        return {name: value for name, value in self.query.items() if name != "group"}

    @property
    def filtered(self) -> bool:
        """True if anything narrows the list."""
        return bool(self.filters)

    @property
    def unfolded(self) -> bool:
        """True if a filter is set that neither a preset nor the search field shows."""
        return bool(set(self.query) - {"text"}) and not any(chip.current for chip in self.chips)


def filter_from(arguments: Any, viewer: Actor) -> QueueFilter:
    """The filters in query parameters; `mine` refers to the viewer. Raises InvalidInputError."""
    return QueueFilter(
        risk=arguments.get("risk", ""),
        urgency=arguments.get("urgency", ""),
        workflow=arguments.get("workflow", ""),
        kind=arguments.get("kind", ""),
        text=arguments.get("text", "").strip(),
        mine=viewer.member if arguments.get("mine", "") == "1" else None,
        my_teams=viewer.member if arguments.get("my_teams", "") == "1" else None,
        team=arguments.get("team", ""),
        unassigned=arguments.get("unassigned", "") == "1",
        snoozer=viewer.id,
        snoozed=arguments.get("snoozed", "") == "1",
    )


def query_of(wanted: QueueFilter, group: bool = False) -> dict[str, str]:
    """The inverse of `filter_from`."""
    given = {name: getattr(wanted, name) for name in ("risk", "urgency", "workflow", "kind", "text", "team")}
    set_ = {
        "mine": wanted.mine is not None,
        "my_teams": wanted.my_teams is not None,
        "unassigned": wanted.unassigned,
        "snoozed": wanted.snoozed,
        "group": group,
    }
    return {name: value for name, value in given.items() if value} | {name: "1" for name, on in set_.items() if on}


def query_here() -> dict[str, str]:
    """The filters of the current HTTP request, as query parameters. Raises InvalidInputError."""
    return query_of(filter_from(request.args, current_actor()), is_grouped())


def is_grouped() -> bool:
    """True if similar requests are grouped."""
    return request.args.get("group", "") == "1"


def shared_with_decided(query: dict[str, str]) -> dict[str, str]:
    """Those filters of the queue that the list of decided requests has, too."""
    return {name: value for name, value in query.items() if name in ("text", "workflow", "kind", "risk", "team")}


def listed(wanted: QueueFilter, cursor: str | None = None) -> RequestList:
    """One page of the list. Raises InvalidInputError."""
    actor, group = current_actor(), is_grouped()
    query = query_of(wanted, group)
    page = services().queue.page(wanted, cursor, PAGE)
    if cursor and is_fragment():
        # More rows for an open page, which has everything else.
        return RequestList(wanted, page, [], [], query, may_decide=actor.may(Action.DECIDE))
    views = services().saved_views.of(actor)
    chips = _chips(actor, query, views)
    return RequestList(
        wanted, page, services().queue.pending_workflows(), services().people.teams(), query,
        chips=chips, entries=services().similar.entries(wanted) if group else None, views=views,
        view=next((view for view in views if view.filters == query), None), may_decide=actor.may(Action.DECIDE),
        samples=services().samples.waiting(actor),
        own=here.own if (here := frame()) else None,
        at_work=services().working.now(),
    )  # fmt: skip


def _chips(actor: Actor, query: dict[str, str], views: list[NamedView]) -> list[Chip]:
    narrowed = {"Mine": {"mine": "1"}, "Unassigned": {"unassigned": "1"}}
    if actor.teams:
        narrowed["My teams"] = {"my_teams": "1"}
    narrowed |= {"Snoozed": {"snoozed": "1"}, "Critical": {"risk": "critical"}, "High risk": {"risk": "high"}}
    counted = narrowed | {f"view {view.id}": view.filters for view in views[:COUNTED_VIEWS]}
    counts = services().queue.counts({name: filter_from(filters, actor) for name, filters in counted.items()})
    chips = [Chip("Waiting", {}, query == {})]
    chips += [Chip(words, filters, query == filters, counts[words]) for words, filters in narrowed.items()]
    chips.append(Chip("Decided", shared_with_decided(query), endpoint="web.decided"))
    chips += [Chip(view.name, view.filters, query == view.filters, counts.get(f"view {view.id}")) for view in views]
    return chips
