"""What models have cost: of one run, of a period, and what the next run of a workflow may cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from psycopg.errors import QueryCanceled
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app.domain.errors import InvalidInputError, TookTooLongError
from app.domain.lifecycle import RunState
from app.domain.people import Action, Actor
from app.domain.text import is_storable
from app.services.sight import seen_runs
from app.store.base import among
from app.store.engine import Sessions
from app.store.runs import Run

PERIODS = (7, 30, 90)
"""Lengths of the period, in days."""
MOST_GROUPS = 20
"""How many workflows, agents, and models are listed, those with the most tokens first."""
RUNS_COUNTED = 200
"""A forecast is made from at most so many of the newest runs that have ended."""
TIME_LIMIT_MS = 8000
_SUMS = """
    count(*) filter (where use.status <> 'cached')::int as calls,
    count(*) filter (where use.status = 'cached')::int as cached,
    count(*) filter (where use.status not in ('ok', 'cached', 'begun'))::int as failed,
    coalesce(sum(use.input_tokens), 0)::bigint as input_tokens,
    coalesce(sum(use.output_tokens), 0)::bigint as output_tokens,
    coalesce(bool_or(use.estimated and use.input_tokens + use.output_tokens > 0), false) as estimated,
    sum(use.cost)::text as cost,
    count(*) filter (where use.cost is null and use.input_tokens + use.output_tokens > 0)::int as unpriced"""
_OF_RUN = f"""
    select use.node, use.agent, use.task, use.model, string_agg(distinct nullif(use.prices, ''), ', ') as prices,
        max(use.error) filter (where use.error <> '') as error, {_SUMS}
    from model_uses as use where use.run_id = %(run)s
    group by use.node, use.agent, use.task, use.model order by min(use.began_at), use.node, use.model"""
_OF_PERIOD = """
    select {group} as name, {sums} from model_uses as use join runs as started on started.id = use.run_id
    where use.began_at >= now() - make_interval(days => :days) and (:workflow = '' or started.workflow = :workflow)
    group by 1 order by {order} limit {limit}"""
_GROUPS = {
    "workflows": "started.workflow", "agents": "use.agent", "models": "use.model",
    "days": "to_char(use.began_at at time zone 'utc', 'YYYY-MM-DD')",
}  # fmt: skip
_FORECAST = """
    with sums as (
        select ended.id, coalesce(sum(input_tokens + output_tokens), 0) as tokens, coalesce(sum(cost), 0) as cost,
            count(model_uses.id) as uses,
            count(*) filter (where cost is null and input_tokens + output_tokens > 0) as unpriced
        from unnest(%(runs)s::text[]) as ended(id) left join model_uses on model_uses.run_id = ended.id
        group by ended.id)
    select count(*)::int as runs, count(*) filter (where uses > 0)::int as with_models,
        percentile_disc(0.5) within group (order by tokens)::bigint as median_tokens,
        percentile_disc(0.9) within group (order by tokens)::bigint as p90_tokens,
        count(*) filter (where unpriced = 0)::int as priced,
        (percentile_disc(0.5) within group (order by cost) filter (where unpriced = 0))::text as median_cost,
        (percentile_disc(0.9) within group (order by cost) filter (where unpriced = 0))::text as p90_cost
    from sums"""


@dataclass(frozen=True)
class ModelFigures:
    """Calls of models, and what they have cost.

    Attributes:
        calls: without those that the cache answered, which are `cached`.
        failed: calls without a usable answer.
        estimated: some of the tokens were counted here, because a provider did not say.
        cost: US dollars of the calls whose price is known; None: of none it is.
        unpriced: calls whose price is not known.
    """

    calls: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    cost: Decimal | None = None
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class NodeFigures:
    """What a node of a run has used of a model, for one task.

    Attributes:
        prices: the version of the table of prices; empty if there is no cost.
        error: of a failed call, masked; empty if none failed.
    """

    node: str
    agent: str
    task: str
    model: str
    figures: ModelFigures
    prices: str = ""
    error: str = ""


@dataclass(frozen=True)
class RunFigures:
    """What a run has used of models."""

    nodes: list[NodeFigures] = field(default_factory=list)
    total: ModelFigures = field(default_factory=ModelFigures)


@dataclass(frozen=True)
class GroupFigures:
    """What a workflow, an agent, a model, or a day has used; an agent may have no name."""

    name: str
    figures: ModelFigures


@dataclass(frozen=True)
class PeriodFigures:
    """What models have cost in a period. Groups are listed by their tokens, days in their order."""

    days: int
    total: ModelFigures
    by_workflow: list[GroupFigures]
    by_agent: list[GroupFigures]
    by_model: list[GroupFigures]
    by_day: list[GroupFigures]


@dataclass(frozen=True)
class Forecast:
    """What a run of a workflow may cost, by its earlier runs.

    Attributes:
        runs: earlier runs that have ended, at most `RUNS_COUNTED`.
        with_models: those of them that have used models.
        median_tokens, p90_tokens: half of the runs used at most so many, and nine in ten.
        priced: runs all of whose prices are known; the costs are those of these runs.
    """

    runs: int
    with_models: int
    priced: int
    median_tokens: int | None = None
    p90_tokens: int | None = None
    median_cost: Decimal | None = None
    p90_cost: Decimal | None = None


class ModelFigureBook:
    """Reads what models have cost."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def of_run(self, run_id: str) -> RunFigures:
        """What a run has used. The caller checks that the viewer may see the run."""
        rows = self._sessions.execute(_OF_RUN, {"run": run_id})
        nodes = [
            NodeFigures(
                row["node"], row["agent"], row["task"], row["model"], _figures(row), row["prices"] or "",
                row["error"] or "",
            )
            for row in rows
        ]  # fmt: skip
        return RunFigures(nodes, _sum(node.figures for node in nodes))

    def of_period(self, viewer: Actor, days: int = 30, workflow: str = "") -> PeriodFigures:
        """What models have cost in the last days.

        Args:
            days: one of `PERIODS`.
            workflow: only runs of this workflow; empty: all.

        Raises:
            ForbiddenError: the viewer may not see all runs.
            InvalidInputError: the period or the workflow is not usable.
            TookTooLongError: there is too much to count.
        """
        viewer.require(Action.SEE)
        if days not in PERIODS:
            raise InvalidInputError("The period must be 7, 30, or 90 days.", {"days": "must be 7, 30, or 90"})
        if len(workflow) > 200 or not is_storable(workflow):
            raise InvalidInputError("There is no such workflow.", {"workflow": "not usable"})
        found: dict[str, list[GroupFigures]] = {}
        with self._sessions.begin() as session:
            session.execute(text(f"set local statement_timeout = {TIME_LIMIT_MS}"))
            for name, group in _GROUPS.items():
                order = "1" if name == "days" else "sum(use.input_tokens + use.output_tokens) desc, 1"
                limit = days + 1 if name == "days" else MOST_GROUPS
                query = _OF_PERIOD.format(group=group, sums=_SUMS, order=order, limit=limit)
                try:
                    rows = session.execute(text(query), {"days": days, "workflow": workflow}).mappings().all()
                except OperationalError as error:
                    if isinstance(error.orig, QueryCanceled):
                        raise TookTooLongError("There are too many calls to count at once.") from error
                    raise
                found[name] = [GroupFigures(row["name"], _figures(row)) for row in rows]
        total = _sum(day.figures for day in found["days"])
        return PeriodFigures(days, total, found["workflows"], found["agents"], found["models"], found["days"])

    def forecast(self, viewer: Actor, workflow: str) -> Forecast:
        """What a run of a workflow may cost, by the earlier runs that the viewer may see. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        ended = among(Run.state, (RunState.COMPLETED.value, RunState.FAILED.value))
        query = select(Run.id).where(Run.workflow == workflow, ended).order_by(Run.created_at.desc())
        if (seen := seen_runs(viewer)) is not None:
            query = query.where(seen)
        with self._sessions.reads() as session:
            runs = list(session.scalars(query.limit(RUNS_COUNTED)))
        [row] = self._sessions.execute(_FORECAST, {"runs": runs})
        return Forecast(
            row["runs"], row["with_models"], row["priced"], row["median_tokens"], row["p90_tokens"],
            _dollars(row["median_cost"]), _dollars(row["p90_cost"]),
        )  # fmt: skip


def _figures(row: Any) -> ModelFigures:
    return ModelFigures(
        row["calls"], row["cached"], row["failed"], row["input_tokens"], row["output_tokens"], row["estimated"],
        _dollars(row["cost"]), row["unpriced"],
    )  # fmt: skip


def _dollars(stored: str | None) -> Decimal | None:
    return None if stored is None else Decimal(stored)


def _sum(all_figures: Iterable[ModelFigures]) -> ModelFigures:
    total = ModelFigures()
    for one in all_figures:
        known = [cost for cost in (total.cost, one.cost) if cost is not None]
        total = ModelFigures(
            total.calls + one.calls, total.cached + one.cached, total.failed + one.failed,
            total.input_tokens + one.input_tokens, total.output_tokens + one.output_tokens,
            total.estimated or one.estimated, sum(known, Decimal(0)) if known else None, total.unpriced + one.unpriced,
        )  # fmt: skip
    return total
