"""What language models have cost, over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, PlainSerializer

from app.api.models import Output
from app.api.registry import ApiCall, EndpointTable
from app.domain.errors import ScopeError
from app.domain.tokens import Scope
from app.http.body import PlainText, QueryArguments

table = EndpointTable()
RUNS = (Scope.RUNS_READ,)
READ = (Scope.APPROVALS_READ, Scope.APPROVALS_READ_ALL)
Dollars = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount:f}", return_type=str)]
"""US dollars, as a decimal number in a text."""


class ModelFiguresOut(Output):
    """Calls of models, and what they have cost."""

    calls: int = Field(description="Without those that the cache answered")
    cached: int = Field(description="Answers from the cache")
    failed: int = Field(description="Calls without a usable answer")
    input_tokens: int
    output_tokens: int
    estimated: bool = Field(description="Some tokens were counted by the portal, because a provider did not say")
    cost: Dollars | None = Field(description="US dollars of the calls whose price is known; null if none is")
    unpriced: int = Field(description="Calls whose price is not known")


class NodeFiguresOut(Output):
    """What a node of a run has used of a model, for one task."""

    node: str
    agent: str
    task: str
    model: str
    figures: ModelFiguresOut
    prices: str = Field(description="Version of the table of prices; empty if there is no cost")
    error: str = Field(description="Why a call failed; empty if none did")


class RunFiguresOut(Output):
    """What a run has used of models."""

    nodes: list[NodeFiguresOut]
    total: ModelFiguresOut


class ModelUsageQuery(QueryArguments):
    """The period, and what to count."""

    days: int = Field(default=30, description="The last 7, 30, or 90 days")
    workflow: PlainText = Field(default="", max_length=200)


class GroupFiguresOut(Output):
    """What a workflow, an agent, a model, or a day has used."""

    name: str
    figures: ModelFiguresOut


class ModelUsageOut(Output):
    """What models have cost in a period."""

    days: int
    total: ModelFiguresOut
    by_workflow: list[GroupFiguresOut] = Field(description="The workflows with the most tokens")
    by_agent: list[GroupFiguresOut] = Field(description="The agents with the most tokens; a step may name none")
    by_model: list[GroupFiguresOut] = Field(description="The models with the most tokens")
    by_day: list[GroupFiguresOut] = Field(description="Days in UTC, in their order")


class ForecastOut(Output):
    """What a run of a workflow may use of models, by its earlier runs."""

    runs: int = Field(description="Earlier runs that have ended, at most 200; 0: nothing is known")
    with_models: int = Field(description="Those of them that have used models")
    priced: int = Field(description="Runs all of whose prices are known; the costs are those of these runs")
    median_tokens: int | None
    p90_tokens: int | None = Field(description="Nine in ten runs used at most so many")
    median_cost: Dollars | None
    p90_cost: Dollars | None


@table.add("GET", "/runs/<uuid:id>/models", RunFiguresOut, scopes=RUNS)
def read_run_models(call: ApiCall) -> Any:
    """Read what a run has used of language models, and what that cost."""
    call.portal.services.views.run(call.id, call.actor)
    return call.portal.services.model_figures.of_run(call.id)


@table.add("GET", "/workflows/<workflow>/forecast", ForecastOut, scopes=RUNS)
def read_forecast(call: ApiCall) -> Any:
    """Read what a run of a workflow may cost, by its earlier runs."""
    call.portal.services.runs.workflow(call.path["workflow"])
    return call.portal.services.model_figures.forecast(call.actor, call.path["workflow"])


@table.add("GET", "/insights/models", ModelUsageOut, query=ModelUsageQuery, scopes=READ)
def read_model_usage(call: ApiCall) -> Any:
    """Read what language models have cost by workflow, agent, model, and day."""
    if not call.actor.sees_everything:
        needed = Scope.APPROVALS_READ_ALL.value
        words = f"An agent's token requires the scope {needed} for statistics about everybody's runs."
        raise ScopeError(words, scopes=[needed])
    return call.portal.services.model_figures.of_period(call.actor, call.query.days, call.query.workflow)
