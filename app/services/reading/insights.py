"""What became of requests over a period, in numbers that the database counts.

Everything comes from one statement, so that all numbers are of the same moment, the rows of the period are read once,
and one limit bounds the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.domain.errors import InvalidInputError, TookTooLongError
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor
from app.domain.policy.access import TEAM
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.reading.insights_sql import statement_of
from app.store.engine import Sessions
from assent.contracts import RiskLevel

PERIODS = (7, 30, 90)
"""Days that can be looked back on."""
TIME_LIMIT_MS = 8000
"""The statement is stopped then."""
READING_SPEED = 25.0
"""Characters a second: 1,500 a minute, or about 250 words, a brisk speed for prose. Code takes longer to read."""
MAX_GROUPS = 20
"""Most workflows, teams, and sources of answers that are named, those with the most requests first."""
MAX_EXPIRED = 20
"""Most expired requests that are named, the newest first."""


@dataclass(frozen=True)
class InsightsFilter:
    """The period and what to count; empty fields do not restrict.

    Attributes:
        days: one of `PERIODS`, up to now.
        team: slug of a team that is asked, or was when the request was settled.
    """

    days: int = 30
    workflow: str = ""
    team: str = ""

    def __post_init__(self) -> None:
        if self.days not in PERIODS:
            raise InvalidInputError("The period is 7, 30 or 90 days.", {"days": "must be 7, 30 or 90"})
        for name in ("workflow", "team"):
            if len(getattr(self, name)) > 200 or not is_storable(getattr(self, name)):
                raise InvalidInputError("This filter is too long or has control characters.", {name: "not usable"})


@dataclass(frozen=True)
class Waiting:
    """Pending requests of one risk level. `soon`: their deadline is less than a day away."""

    risk: RiskLevel
    count: int
    soon: int
    oldest: datetime | None


@dataclass(frozen=True)
class Pace:
    """Seconds from the opening of requests to people's decision; the median and the 90th percentile are interpolated.

    Attributes:
        name: of the workflow; or ``team:<slug>``, ``person`` where people are asked by name, and empty where anyone is.
    """

    name: str
    decided: int
    median: float
    p90: float


@dataclass(frozen=True)
class Ended:
    """Requests that ended in one state. `by_itself`: a standing grant or an earlier rejection answered them."""

    state: RequestState
    count: int
    by_itself: int


@dataclass(frozen=True)
class Haste:
    """Requests of one risk level that people approved, and how many of them somebody approved faster than one reads."""

    risk: RiskLevel
    approved: int
    faster: int


@dataclass(frozen=True)
class Lapse:
    """A request that expired. `approved`: that meant that it was approved."""

    id: str
    title: str
    risk: RiskLevel
    workflow: str
    at: datetime
    approved: bool


@dataclass(frozen=True)
class Source:
    """What answered requests by itself. `kind` is ``grant`` or ``rejection``, `id` the grant's or the request's."""

    kind: str
    id: str
    title: str
    count: int


@dataclass(frozen=True)
class Insights:
    """What became of requests that were settled from `since` up to `until`, and what is pending now.

    Attributes:
        any_request: there is a request at all, whatever the period and the filters.
        workflows: names to choose from.
        pending: by risk, the highest first; every level is there, as in `hasty`.
        pace: of all together; None if people decided nothing.
        by_workflow, by_team: at most `MAX_GROUPS`; a request that asks two teams counts for both.
        workflow_count, team_count: how many there are.
        ended: by state; every state is there but `pending`.
        expired: the newest `MAX_EXPIRED`.
        expired_approved: how many of those that expired were approved by that.
        sources: at most `MAX_GROUPS`.
    """

    since: datetime
    until: datetime
    any_request: bool
    workflows: list[str]
    pending: list[Waiting]
    pace: Pace | None
    by_workflow: list[Pace]
    workflow_count: int
    by_team: list[Pace]
    team_count: int
    ended: list[Ended]
    hasty: list[Haste]
    expired: list[Lapse]
    expired_approved: int
    sources: list[Source]

    @property
    def settled(self) -> int:
        """How many requests ended."""
        return sum(each.count for each in self.ended)

    @property
    def waiting(self) -> int:
        """How many requests are pending."""
        return sum(each.count for each in self.pending)

    @property
    def by_grants(self) -> int:
        """How many requests standing grants approved."""
        return next(each.by_itself for each in self.ended if each.state is RequestState.APPROVED)

    @property
    def by_rejections(self) -> int:
        """How many requests were rejected because the same had been rejected before."""
        return next(each.by_itself for each in self.ended if each.state is RequestState.REJECTED)

    def count_of(self, state: RequestState) -> int:
        """How many requests ended in the state."""
        return next(each.count for each in self.ended if each.state == state)


class InsightsBook:
    """The numbers, counted anew each time."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def read(self, viewer: Actor, wanted: InsightsFilter) -> Insights:
        """The numbers for a period up to now.

        Raises:
            ForbiddenError: the viewer may not see requests.
            TookTooLongError: counting took longer than `TIME_LIMIT_MS`, and was stopped.
        """
        viewer.require(Action.SEE)
        until = self._clock()
        since = until - timedelta(days=wanted.days)
        parts: dict[str, list[dict[str, Any]]] = {}
        for part, body in self._rows(wanted, since, until):
            parts.setdefault(part, []).append(body)
        return _insights(parts, since, until)

    def _rows(self, wanted: InsightsFilter, since: datetime, until: datetime) -> Sequence[Any]:
        statement = statement_of(workflow=bool(wanted.workflow), team=bool(wanted.team))
        values = {
            "since": since, "until": until, "soon": until + timedelta(days=1), "speed": READING_SPEED,
            "groups": MAX_GROUPS, "lapses": MAX_EXPIRED, "workflow": wanted.workflow, "team": [f"{TEAM}{wanted.team}"],
        }  # fmt: skip
        with self._sessions.begin() as session:
            session.execute(text(_BOUNDS), {"limit": f"{TIME_LIMIT_MS}ms"})
            try:
                return session.execute(text(statement), values).all()
            except OperationalError as error:
                if isinstance(error.orig, QueryCanceled):
                    raise TookTooLongError(
                        f"Counting took longer than {TIME_LIMIT_MS / 1000:g} seconds and was stopped. "
                        "Choose a shorter period, one workflow or one team."
                    ) from error
                raise


_BOUNDS = """
    select set_config('statement_timeout', :limit, true), set_config('work_mem', '48MB', true),
        set_config('jit', 'off', true)
"""
"""For this transaction only. What is sorted fits into that memory; compiling would take longer than running."""


def _insights(parts: Mapping[str, list[dict[str, Any]]], since: datetime, until: datetime) -> Insights:
    waiting = {each["risk"]: each for each in parts.get("waiting", ())}
    ended = {each["state"]: each for each in parts.get("ended", ())}
    hasty = {each["risk"]: each for each in parts.get("hasty", ())}
    levels = list(reversed(RiskLevel))
    states = [state for state in RequestState if state is not RequestState.PENDING]
    overall = parts.get("overall", [])
    return Insights(
        since=since,
        until=until,
        any_request=bool(parts.get("any")),
        workflows=sorted(each["name"] for each in parts.get("catalogue", ())),
        pending=[_waiting(level, waiting.get(level.value)) for level in levels],
        pace=_pace(overall[0]) if overall else None,
        by_workflow=_paces(parts.get("by_workflow", ())),
        workflow_count=_groups(parts.get("by_workflow")),
        by_team=_paces(parts.get("by_team", ())),
        team_count=_groups(parts.get("by_team")),
        ended=[_ended(state, ended.get(state.value)) for state in states],
        hasty=[_haste(level, hasty.get(level.value)) for level in levels],
        expired=sorted(map(_lapse, parts.get("lapse", ())), key=lambda each: each.at, reverse=True),
        expired_approved=sum(each["approved"] for each in parts.get("lapsed", ())),
        sources=sorted(map(_source, parts.get("source", ())), key=lambda each: (-each.count, each.kind, each.id)),
    )


def _waiting(level: RiskLevel, row: Mapping[str, Any] | None) -> Waiting:
    if row is None:
        return Waiting(level, 0, 0, None)
    return Waiting(level, row["count"], row["soon"], datetime.fromisoformat(row["oldest"]))


def _pace(row: Mapping[str, Any]) -> Pace:
    return Pace(row["name"], row["count"], row["spread"][0], row["spread"][1])


def _paces(rows: Sequence[Mapping[str, Any]]) -> list[Pace]:
    # The parts of a union have no promised order.
    return sorted(map(_pace, rows), key=lambda each: (-each.decided, each.name))


def _groups(rows: Sequence[Mapping[str, Any]] | None) -> int:
    return rows[0]["of"] if rows else 0


def _ended(state: RequestState, row: Mapping[str, Any] | None) -> Ended:
    return Ended(state, row["count"], row["by_itself"]) if row else Ended(state, 0, 0)


def _haste(level: RiskLevel, row: Mapping[str, Any] | None) -> Haste:
    return Haste(level, row["approved"], row["faster"]) if row else Haste(level, 0, 0)


def _lapse(row: Mapping[str, Any]) -> Lapse:
    at = datetime.fromisoformat(row["at"])
    return Lapse(row["id"], row["title"], RiskLevel(row["risk"]), row["workflow"], at, row["approved"])


def _source(row: Mapping[str, Any]) -> Source:
    kind, _, source_id = row["answered_by"].partition(":")
    return Source(kind, source_id, row["title"] or "", row["count"])
