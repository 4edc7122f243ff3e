"""Statistics about requests over REST."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.models import Output, Time
from app.api.registry import ApiCall, EndpointTable
from app.domain.errors import ScopeError
from app.domain.lifecycle import RequestState
from app.domain.people import Action
from app.domain.tokens import Scope
from app.http.body import PlainText, QueryArguments
from app.services.reading.insights import READING_SPEED, InsightsFilter
from assent.contracts import RiskLevel

table = EndpointTable()
READ = (Scope.APPROVALS_READ, Scope.APPROVALS_READ_ALL)


class InsightsQuery(QueryArguments):
    """Filters for the statistics; empty ones do not restrict."""

    days: int = Field(default=30, description="The last 7, 30, or 90 days")
    workflow: PlainText = Field(default="", max_length=200)
    team: PlainText = Field(default="", max_length=200, description="Slug of a team whose approval is or was required")


class WaitingOut(Output):
    """Pending requests of one risk level."""

    risk: RiskLevel
    count: int
    soon: int = Field(description="Requests whose deadline is less than a day away")
    oldest: Time | None = Field(description="When the oldest request was opened")


class PaceOut(Output):
    """Seconds from opening requests to people's decisions; percentiles are interpolated."""

    name: str = Field(
        description="A workflow; or `team:<slug>`, `person` for rules that name people, empty for any reviewer"
    )
    decided: int
    median: float
    p90: float


class EndedOut(Output):
    """Requests that ended in one state."""

    state: RequestState
    count: int
    by_itself: int = Field(description="Requests that a policy, a standing grant, or an earlier rejection decided")
    by_policy: int = Field(description="Of those, requests that a policy decided at once")


class HasteOut(Output):
    """Requests of one risk level that people approved."""

    risk: RiskLevel
    approved: int
    faster: int = Field(description="Approvals that took less time than it takes to read the proposal")


class LapseOut(Output):
    """A request that expired."""

    id: str
    title: str
    risk: RiskLevel
    workflow: str
    at: Time
    approved: bool = Field(description="It was approved on expiry")


class SourceOut(Output):
    """A grant or earlier rejection that decided requests."""

    kind: str = Field(description="grant or rejection")
    id: str = Field(description="Id of the grant or the rejected request")
    title: str
    count: int


class RuleDecisionsOut(Output):
    """What a rule of the policy decided at once, and what people think of the samples; agents do not see the latter."""

    name: str
    approved: int
    rejected: int
    sampled: int | None
    reviewed: int | None
    disagreed: int | None


class LessonEffectOut(Output):
    """Proposals of a workflow that people approved or changed, before its first lesson and since.

    `used` are those that lessons had changed before people saw them.
    """

    name: str
    first_at: Time
    before: int
    before_changed: int = Field(description="People approved these with changes, or requested changes")
    after: int
    after_changed: int
    used: int
    used_changed: int


class InsightsOut(Output):
    """Requests that are pending now, and statistics about those resolved in the period."""

    since: Time
    until: Time
    waiting: int
    settled: int
    reading_speed: float = Field(default=READING_SPEED, description="Assumed reading speed, in characters per second")
    pending: list[WaitingOut]
    pace: PaceOut | None = Field(description="For all of them; null if people decided nothing")
    by_workflow: list[PaceOut] = Field(description="The workflows with the most decisions")
    workflow_count: int
    by_team: list[PaceOut] = Field(description="A request that requires approval from two teams counts for both")
    team_count: int
    ended: list[EndedOut]
    hasty: list[HasteOut]
    expired: list[LapseOut] = Field(description="The newest expired requests")
    expired_approved: int
    sources: list[SourceOut] = Field(description="Those that decided most")
    rules: list[RuleDecisionsOut] = Field(description="Rules that decided at once, those that decided most")
    rule_count: int
    lessons: list[LessonEffectOut] = Field(description="Workflows that have lessons, those with the most decisions")


@table.add("GET", "/insights", InsightsOut, query=InsightsQuery, scopes=READ)
def read_insights(call: ApiCall) -> Any:
    """Read durations of decisions and outcomes of requests."""
    if not call.actor.sees_everything:
        needed = Scope.APPROVALS_READ_ALL.value
        words = f"An agent's token requires the scope {needed} for statistics about everybody's requests."
        raise ScopeError(words, scopes=[needed])
    found = call.portal.services.insights.read(call.actor, InsightsFilter(**call.query.model_dump()))
    if call.actor.may(Action.SEE_SAMPLES):
        return found
    # An agent that watches these numbers could tell which of its requests were drawn.
    hidden = {"sampled": None, "reviewed": None, "disagreed": None}
    document = InsightsOut.model_validate(found).model_dump()
    return document | {"rules": [rule | hidden for rule in document["rules"]]}
