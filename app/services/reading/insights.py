"""Statistics on requests over a period, computed by the database.

One statement computes everything, so that all numbers are of the same moment, the rows of the period are read once,
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
"""Lengths of the period, in days."""
TIME_LIMIT_MS = 8000
"""The statement is canceled after this time."""
READING_SPEED = 25.0
"""Characters per second: 1,500 a minute, or about 250 words, a brisk speed for prose. Code takes longer to read."""
MAX_GROUPS = 20
"""How many workflows, teams, and sources of automatic answers are listed, those with the most requests first."""
MAX_EXPIRED = 20
"""How many expired requests are listed, newest first."""


@dataclass(frozen=True)
class InsightsFilter:
    """The period and what to count; empty fields do not restrict it.

    Attributes:
        days: one of `PERIODS`, up to now.
        team: slug of a team whose approval is required, or was when the request was settled.
    """

    days: int = 30
    workflow: str = ""
    team: str = ""

    def __post_init__(self) -> None:
        if self.days not in PERIODS:
            raise InvalidInputError("The period must be 7, 30, or 90 days.", {"days": "must be 7, 30, or 90"})
        for name in ("workflow", "team"):
            if len(getattr(self, name)) > 200 or not is_storable(getattr(self, name)):
                raise InvalidInputError("This filter is too long or has control characters.", {name: "not usable"})


@dataclass(frozen=True)
class PendingCount:
    """Pending requests of one risk level. `soon`: those with a deadline less than a day away."""

    risk: RiskLevel
    count: int
    soon: int
    oldest: datetime | None


@dataclass(frozen=True)
class DecisionPace:
    """Seconds from opening requests to people's decisions; the median and the 90th percentile are interpolated.

    Attributes:
        name: of the workflow; or ``team:<slug>``, ``person`` for people named individually, and empty for any reviewer.
    """

    name: str
    decided: int
    median: float
    p90: float


@dataclass(frozen=True)
class EndedCount:
    """Requests that ended in one state.

    Attributes:
        by_itself: those that a policy, a standing grant, or an earlier rejection decided.
        by_policy: of those, the ones that a policy decided at once.
    """

    state: RequestState
    count: int
    by_itself: int
    by_policy: int = 0


@dataclass(frozen=True)
class HasteCount:
    """Approved requests of one risk level, and how many of them someone approved faster than they could be read."""

    risk: RiskLevel
    approved: int
    faster: int


@dataclass(frozen=True)
class ExpiredRequest:
    """An expired request. `approved`: it was approved on expiry."""

    id: str
    title: str
    risk: RiskLevel
    workflow: str
    at: datetime
    approved: bool


@dataclass(frozen=True)
class AnswerSource:
    """A source of automatic answers. `kind` is ``grant`` or ``rejection``, `id` the grant's or the request's."""

    kind: str
    id: str
    title: str
    count: int


@dataclass(frozen=True)
class RuleDecisions:
    """What a rule of the policy decided at once, in all of its versions, and what people think of it.

    Attributes:
        sampled: how many of its decisions were drawn for review; `reviewed` are those that somebody has reviewed.
        disagreed: how many reviewers would have decided otherwise.
    """

    name: str
    approved: int
    rejected: int
    sampled: int
    reviewed: int
    disagreed: int


@dataclass(frozen=True)
class LessonEffect:
    """How many proposals of a workflow people approved or changed, before its first lesson and since.

    Attributes:
        first_at: when the first lesson was learned.
        before_changed, after_changed, used_changed: those that they approved with changes, or requested changes to.
        used: proposals since then that lessons had changed before people saw them.
    """

    name: str
    first_at: datetime
    before: int
    before_changed: int
    after: int
    after_changed: int
    used: int
    used_changed: int


@dataclass(frozen=True)
class Insights:
    """Statistics on requests that were settled between `since` and `until`, and on those pending now.

    Attributes:
        any_request: there is any request at all, regardless of the period and the filters.
        workflows: names to choose from.
        pending: by risk, highest first; every level is present, as in `hasty`.
        pace: of all requests; None if people decided none.
        by_workflow, by_team: at most `MAX_GROUPS`; a request for two teams counts for both.
        workflow_count, team_count: how many there are.
        ended: by state; every state except `pending` is present.
        expired: the newest `MAX_EXPIRED`.
        expired_approved: how many expired requests were approved on expiry.
        sources: at most `MAX_GROUPS`.
        rules: of policies that decided at once, at most `MAX_GROUPS`, those with the most decisions first.
        lessons: of workflows that have lessons, at most `MAX_GROUPS`, those with the most decisions first.
    """

    since: datetime
    until: datetime
    any_request: bool
    workflows: list[str]
    pending: list[PendingCount]
    pace: DecisionPace | None
    by_workflow: list[DecisionPace]
    workflow_count: int
    by_team: list[DecisionPace]
    team_count: int
    ended: list[EndedCount]
    hasty: list[HasteCount]
    expired: list[ExpiredRequest]
    expired_approved: int
    sources: list[AnswerSource]
    rules: list[RuleDecisions]
    rule_count: int
    lessons: list[LessonEffect]

    @property
    def settled(self) -> int:
        """How many requests ended."""
        return sum(group.count for group in self.ended)

    @property
    def waiting(self) -> int:
        """How many requests are pending."""
        return sum(group.count for group in self.pending)

    @property
    def by_grants(self) -> int:
        """How many requests standing grants approved."""
        return self._not_by_policy(RequestState.APPROVED)

    @property
    def by_rejections(self) -> int:
        """How many requests were rejected because of an earlier rejection."""
        return self._not_by_policy(RequestState.REJECTED)

    @property
    def by_policy(self) -> int:
        """How many requests a policy decided at once."""
        return sum(group.by_policy for group in self.ended)

    def _not_by_policy(self, state: RequestState) -> int:
        return next(group.by_itself - group.by_policy for group in self.ended if group.state is state)

    def count_of(self, state: RequestState) -> int:
        """How many requests ended in this state."""
        return next(group.count for group in self.ended if group.state == state)


class InsightsBook:
    """Computes the statistics, on every call."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def read(self, viewer: Actor, wanted: InsightsFilter) -> Insights:
        """The statistics for a period up to now.

        Raises:
            ForbiddenError: the viewer may not see requests.
            TookTooLongError: counting took longer than `TIME_LIMIT_MS` and was canceled.
        """
        viewer.require(Action.SEE)
        until = self._clock()
        since = until - timedelta(days=wanted.days)
        parts: dict[str, list[dict[str, Any]]] = {}
        for part, body in self._rows(viewer, wanted, since, until):
            parts.setdefault(part, []).append(body)
        return _insights(parts, since, until)

    def _rows(self, viewer: Actor, wanted: InsightsFilter, since: datetime, until: datetime) -> Sequence[Any]:
        statement = statement_of(workflow=bool(wanted.workflow), team=bool(wanted.team))
        values = {
            "since": since, "until": until, "soon": until + timedelta(days=1), "speed": READING_SPEED,
            "groups": MAX_GROUPS, "lapses": MAX_EXPIRED, "workflow": wanted.workflow, "team": [f"{TEAM}{wanted.team}"],
            "viewer": sorted(viewer.persons | viewer.account.ids),
        }  # fmt: skip
        with self._sessions.begin() as session:
            session.execute(text(_BOUNDS), {"limit": f"{TIME_LIMIT_MS}ms"})
            try:
                return session.execute(text(statement), values).all()
            except OperationalError as error:
                if isinstance(error.orig, QueryCanceled):
                    raise TookTooLongError(
                        f"Counting took longer than {TIME_LIMIT_MS / 1000:g} seconds and was stopped. "
                        "Choose a shorter period, one workflow, or one team."
                    ) from error
                raise


_BOUNDS = """
    select set_config('statement_timeout', :limit, true), set_config('work_mem', '48MB', true),
        set_config('jit', 'off', true)
"""
"""For this transaction only. Sorting fits into this memory; JIT compilation would take longer than the query."""


def _insights(parts: Mapping[str, list[dict[str, Any]]], since: datetime, until: datetime) -> Insights:
    waiting = {group["risk"]: group for group in parts.get("waiting", ())}
    ended = {group["state"]: group for group in parts.get("ended", ())}
    hasty = {group["risk"]: group for group in parts.get("hasty", ())}
    levels = list(reversed(RiskLevel))
    states = [state for state in RequestState if state is not RequestState.PENDING]
    overall = parts.get("overall", [])
    return Insights(
        since=since,
        until=until,
        any_request=bool(parts.get("any")),
        workflows=sorted(entry["name"] for entry in parts.get("catalog", ())),
        pending=[_waiting(level, waiting.get(level.value)) for level in levels],
        pace=_pace(overall[0]) if overall else None,
        by_workflow=_paces(parts.get("by_workflow", ())),
        workflow_count=_groups(parts.get("by_workflow")),
        by_team=_paces(parts.get("by_team", ())),
        team_count=_groups(parts.get("by_team")),
        ended=[_ended(state, ended.get(state.value)) for state in states],
        hasty=[_haste(level, hasty.get(level.value)) for level in levels],
        expired=sorted(map(_lapse, parts.get("lapse", ())), key=lambda lapse: lapse.at, reverse=True),
        expired_approved=sum(row["approved"] for row in parts.get("lapsed", ())),
        sources=sorted(
            map(_source, parts.get("source", ())), key=lambda source: (-source.count, source.kind, source.id)
        ),
        rules=sorted(map(_rule, parts.get("rule", ())), key=lambda rule: (-(rule.approved + rule.rejected), rule.name)),
        rule_count=_groups(parts.get("rule")),
        lessons=sorted(
            map(_effect, parts.get("taught", ())), key=lambda effect: (-(effect.before + effect.after), effect.name)
        ),
    )


def _waiting(level: RiskLevel, row: Mapping[str, Any] | None) -> PendingCount:
    if row is None:
        return PendingCount(level, 0, 0, None)
    return PendingCount(level, row["count"], row["soon"], datetime.fromisoformat(row["oldest"]))


def _pace(row: Mapping[str, Any]) -> DecisionPace:
    return DecisionPace(row["name"], row["count"], row["spread"][0], row["spread"][1])


def _paces(rows: Sequence[Mapping[str, Any]]) -> list[DecisionPace]:
    # The parts of a union have no guaranteed order.
    return sorted(map(_pace, rows), key=lambda pace: (-pace.decided, pace.name))


def _groups(rows: Sequence[Mapping[str, Any]] | None) -> int:
    return rows[0]["of"] if rows else 0


def _ended(state: RequestState, row: Mapping[str, Any] | None) -> EndedCount:
    return EndedCount(state, row["count"], row["by_itself"], row["by_policy"]) if row else EndedCount(state, 0, 0)


def _haste(level: RiskLevel, row: Mapping[str, Any] | None) -> HasteCount:
    return HasteCount(level, row["approved"], row["faster"]) if row else HasteCount(level, 0, 0)


def _lapse(row: Mapping[str, Any]) -> ExpiredRequest:
    at = datetime.fromisoformat(row["at"])
    return ExpiredRequest(row["id"], row["title"], RiskLevel(row["risk"]), row["workflow"], at, row["approved"])


def _rule(row: Mapping[str, Any]) -> RuleDecisions:
    return RuleDecisions(**{name: value for name, value in row.items() if name != "of"})


def _effect(row: Mapping[str, Any]) -> LessonEffect:
    return LessonEffect(**dict(row) | {"first_at": datetime.fromisoformat(row["first_at"])})


def _source(row: Mapping[str, Any]) -> AnswerSource:
    kind, _, source_id = row["answered_by"].partition(":")
    return AnswerSource(kind, source_id, row["title"] or "", row["count"])
