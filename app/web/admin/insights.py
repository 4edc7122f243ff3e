"""Statistics about requests, as charts that the template draws and as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from app.domain.errors import InvalidInputError, TookTooLongError
from app.domain.lifecycle import RequestState
from app.domain.people import Action
from app.domain.policy.access import TEAM
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.insights import PERIODS, READING_SPEED, DecisionPace, EndedCount, Insights, InsightsFilter
from app.store.people import Team
from app.web.filters import duration
from app.web.pages import render, web

OUTCOMES = {
    RequestState.APPROVED: "Approved as proposed",
    RequestState.MODIFIED: "Approved with changes",
    RequestState.CHANGES_REQUESTED: "Changes requested",
    RequestState.REJECTED: "Rejected",
    RequestState.ANSWERED: "Answered",
    RequestState.EXPIRED: "Expired",
    RequestState.CANCELLED: "Canceled",
    RequestState.SUPERSEDED: "Superseded",
}
_ONLY_IF_ANY = frozenset({RequestState.ANSWERED, RequestState.SUPERSEDED})
_DAY = 86_400
_TICKS = ((1, "1 s"), (60, "1 min"), (3600, "1 h"), (_DAY, "1 day"), (30 * _DAY, "30 days"), (365 * _DAY, "1 year"))
_LONGEST_LABEL = 26


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart. `width` is that of the bar, `marked` that of the part set off at its end, in percent."""

    label: str
    value: str
    width: float
    look: str = ""
    marked: float = 0


@dataclass(frozen=True)
class DurationBar:
    """A row of a chart of durations: the median and the 90th percentile, in percent of the scale."""

    label: str
    value: str
    median: float
    p90: float


@dataclass(frozen=True)
class PaceRow:
    """A row of a table of durations. `query` are the filters that show only this row; may be empty."""

    name: str
    pace: DecisionPace
    query: dict[str, str]


@dataclass(frozen=True)
class Times:
    """A chart of durations and its table. `ticks` are positions in percent with their labels."""

    rows: list[PaceRow]
    spans: list[DurationBar]
    ticks: list[tuple[float, str]]
    of: int

    @property
    def words(self) -> str:
        """The chart in words, for people who cannot see it."""
        return "; ".join(
            f"{row.name}: median {_took(row.pace.median)}, 90 % within {_took(row.pace.p90)}" for row in self.rows
        )


@web.get("/insights")
def insights() -> Any:
    """Durations of decisions, outcomes, and requests decided without people."""
    viewer = current_actor()
    viewer.require(Action.SEE)
    wanted = filter_from(request.args)
    teams = services().people.teams()
    common: dict[str, Any] = {
        "wanted": wanted, "periods": PERIODS, "teams": teams, "query": query_of(wanted),
        "per_minute": f"{READING_SPEED * 60:,.0f}", "outcomes": OUTCOMES, "may_operate": viewer.may(Action.OPERATE),
    }  # fmt: skip
    try:
        found = services().insights.read(viewer, wanted)
    except TookTooLongError as error:
        workflows = [wanted.workflow] if wanted.workflow else []
        return render("insights.html", status_of(error), found=None, error=error, workflows=workflows, **common)
    return render(
        "insights.html", found=found, error=None, workflows=_workflows(found), ended=_ended(found),
        waiting=_waiting(found), endings=_endings(found), hasty=_hasty(found),
        by_workflow=_times([_workflow_row(pace, wanted) for pace in found.by_workflow], found.workflow_count),
        by_team=_times([_team_row(pace, wanted, teams) for pace in found.by_team], found.team_count),
        share=share, bars_words=bars_words, may_see_samples=viewer.may(Action.SEE_SAMPLES), **common,
    )  # fmt: skip


def filter_from(arguments: Mapping[str, str]) -> InsightsFilter:
    """The period and the filters in query parameters. Raises InvalidInputError."""
    days = arguments.get("days") or str(InsightsFilter.days)
    if days not in map(str, PERIODS):
        raise InvalidInputError("The period is 7, 30, or 90 days.", {"days": "must be 7, 30, or 90"})
    return InsightsFilter(int(days), arguments.get("workflow", ""), arguments.get("team", ""))


def query_of(wanted: InsightsFilter) -> dict[str, str]:
    """The inverse of `filter_from`."""
    given = {"days": str(wanted.days), "workflow": wanted.workflow, "team": wanted.team}
    return {name: value for name, value in given.items() if value and value != str(InsightsFilter.days)}


def share(part: int, whole: int) -> str:
    """A share in whole percent: 0 % only for nothing, and 100 % only for everything."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    if percent < 1:
        return "<1 %"
    return ">99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def _workflows(found: Insights) -> list[str]:
    """The workflows of the catalog, and those that agents named in their requests."""
    return sorted({*found.workflows, *(pace.name for pace in found.by_workflow)})


def _waiting(found: Insights) -> list[Bar]:
    most = max((level.count for level in found.pending), default=0)
    return [
        Bar(level.risk.value.capitalize(), f"{level.count:,}", _percent(level.count, most), level.risk.value)
        for level in found.pending
    ]


def _ended(found: Insights) -> list[EndedCount]:
    return [
        outcome
        for state in OUTCOMES
        for outcome in found.ended
        if outcome.state is state and (outcome.count or state not in _ONLY_IF_ANY)
    ]


def _endings(found: Insights) -> list[Bar]:
    return [
        Bar(
            OUTCOMES[outcome.state], f"{outcome.count:,}, {share(outcome.count, found.settled)}",
            _percent(outcome.count, found.settled), "", _percent(outcome.by_itself, found.settled),
        )
        for outcome in _ended(found)
    ]  # fmt: skip


def _hasty(found: Insights) -> list[Bar]:
    return [
        Bar(
            risk.risk.value.capitalize(),
            f"{risk.faster:,} of {risk.approved:,}, {share(risk.faster, risk.approved)}" if risk.approved else "none",
            _percent(risk.faster, risk.approved), risk.risk.value,
        )
        for risk in found.hasty
    ]  # fmt: skip


def _workflow_row(pace: DecisionPace, wanted: InsightsFilter) -> PaceRow:
    return PaceRow(pace.name.replace("_", " "), pace, query_of(wanted) | {"workflow": pace.name})


def _team_row(pace: DecisionPace, wanted: InsightsFilter, teams: Iterable[Team]) -> PaceRow:
    if not pace.name.startswith(TEAM):
        return PaceRow("People named in the rule" if pace.name else "Any reviewer", pace, {})
    slug = pace.name.removeprefix(TEAM)
    name = next((team.name for team in teams if team.slug == slug), slug)
    return PaceRow(name, pace, query_of(wanted) | {"team": slug})


def _times(rows: Sequence[PaceRow], of: int) -> Times:
    """A chart on a logarithmic scale, from the last tick below the values to the first one above them."""
    if not rows:
        return Times([], [], [], of)
    least, most = min(row.pace.median for row in rows), max(row.pace.p90 for row in rows)
    first = max((at for at, (seconds, _) in enumerate(_TICKS[:-1]) if seconds <= least), default=0)
    last = min((at for at, (seconds, _) in enumerate(_TICKS) if seconds >= most), default=len(_TICKS) - 1)
    shown = _TICKS[first : max(last, first + 1) + 1]
    low, high = math.log(shown[0][0]), math.log(shown[-1][0])

    def place(seconds: float) -> float:
        return round(min(100, max(0, 100 * (math.log(max(seconds, 1e-3)) - low) / (high - low))), 2)

    spans = [
        DurationBar(
            _short(row.name), f"{_took(row.pace.median)} – {_took(row.pace.p90)}",
            place(row.pace.median), place(row.pace.p90),
        )
        for row in rows
    ]  # fmt: skip
    return Times(list(rows), spans, [(place(seconds), words) for seconds, words in shown], of)


def _took(seconds: float) -> str:
    return duration(seconds * 1000)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0


def bars_words(bars: Iterable[Bar]) -> str:
    """A bar chart in words, for people who cannot see it."""
    return "; ".join(f"{bar.label}: {bar.value}" for bar in bars)
