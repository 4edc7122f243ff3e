"""Prepared reasons over REST."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.api.models import Output
from app.api.registry import ApiCall, EndpointTable
from app.domain.prepared_reasons import ReasonUse
from app.domain.tokens import WIDER_SIGHT, Scope
from app.http.body import PlainText, QueryArguments

table = EndpointTable()


class ReasonQuery(QueryArguments):
    """Whose reasons."""

    team: PlainText = Field(default="", max_length=200, description="Slug of a team; empty: all teams")


class ReasonOut(Output):
    """A reason that a team has written beforehand."""

    id: str
    team: str
    team_name: str
    use: ReasonUse = Field(description="What it is offered for")
    text: str


class ReasonList(Output):
    """Prepared reasons by team, oldest first."""

    items: list[ReasonOut]


@table.add(
    "GET", "/prepared-reasons", ReasonList, query=ReasonQuery, scopes=(Scope.APPROVALS_READ, *WIDER_SIGHT)
)  # fmt: skip
def list_prepared_reasons(call: ApiCall) -> Any:
    """List the prepared reasons of teams, for rejecting and for requesting changes."""
    return {"items": call.portal.services.prepared_reasons.all(call.actor, call.query.team)}
