"""What became of requests over a period, over REST."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.models import Output, Time
from app.api.registry import ApiCall, EndpointTable
from app.domain.errors import ScopeError
from app.domain.lifecycle import RequestState
from app.domain.tokens import Scope
from app.http.body import PlainText, QueryArguments
from app.services.reading.insights import READING_SPEED, InsightsFilter
from assent.contracts import RiskLevel

table = EndpointTable()
READ = (Scope.APPROVALS_READ, Scope.APPROVALS_READ_ALL)


class InsightsQuery(QueryArguments):
    """What to count. Empty fields do not restrict."""

    days: int = Field(default=30, description="7, 30 or 90, up to now")
    workflow: PlainText = Field(default="", max_length=200)
    team: PlainText = Field(default="", max_length=200, description="Slug of a team that is or was asked")


class WaitingOut(Output):
    """Pending requests of one risk level."""

    risk: RiskLevel
    count: int
    soon: int = Field(description="Those whose deadline is less than a day away")
    oldest: Time | None = Field(description="When the oldest was opened")


class PaceOut(Output):
    """Seconds from the opening of requests to people's decision; percentiles are interpolated."""

    name: str = Field(
        description="A workflow; or team:<slug>, person where people are asked by name, empty where anyone is"
    )
    decided: int
    median: float
    p90: float


class EndedOut(Output):
    """Requests that ended in one state."""

    state: RequestState
    count: int
    by_itself: int = Field(description="Those that a standing grant or an earlier rejection answered")


class HasteOut(Output):
    """Requests of one risk level that people approved."""

    risk: RiskLevel
    approved: int
    faster: int = Field(
        description="Those that somebody approved in less time than it takes to read what would be done"
    )


class LapseOut(Output):
    """A request that expired."""

    id: str
    title: str
    risk: RiskLevel
    workflow: str
    at: Time
    approved: bool = Field(description="That it expired meant that it was approved")


class SourceOut(Output):
    """What answered requests by itself."""

    kind: str = Field(description="grant or rejection")
    id: str = Field(description="The grant's, or the rejected request's")
    title: str
    count: int


class InsightsOut(Output):
    """What is pending now, and what became of requests that were settled in the period."""

    since: Time
    until: Time
    waiting: int
    settled: int
    reading_speed: float = Field(default=READING_SPEED, description="Characters a second that a text is read at")
    pending: list[WaitingOut]
    pace: PaceOut | None = Field(description="Of all together; null if people decided nothing")
    by_workflow: list[PaceOut] = Field(description="Those with the most decisions")
    workflow_count: int
    by_team: list[PaceOut] = Field(description="A request that asks two teams counts for both")
    team_count: int
    ended: list[EndedOut]
    hasty: list[HasteOut]
    expired: list[LapseOut] = Field(description="The newest ones")
    expired_approved: int
    sources: list[SourceOut] = Field(description="Those that answered most")


@table.add("GET", "/insights", InsightsOut, query=InsightsQuery, scopes=READ)
def read_insights(call: ApiCall) -> Any:
    """How long decisions take, and what becomes of requests."""
    if not call.actor.sees_everything:
        needed = Scope.APPROVALS_READ_ALL.value
        words = f"An agent's token needs the scope {needed} for numbers about everybody's requests."
        raise ScopeError(words, scopes=[needed])
    return call.portal.services.insights.read(call.actor, InsightsFilter(**call.query.model_dump()))
