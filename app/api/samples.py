"""Samples of what policies decided, which people review afterwards, over REST."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from app.api.models import Output, Time
from app.api.registry import ApiCall, EndpointTable
from app.domain.tokens import Scope
from app.http.body import Input, PlainText, QueryArguments
from assent.contracts import RiskLevel

table = EndpointTable()
READ, REVIEW = (Scope.APPROVALS_READ,), (Scope.APPROVALS_DECIDE,)


class SampleQuery(QueryArguments):
    """A page of the samples; `cursor` is the previous page's `next_cursor`."""

    status: Literal["waiting", "reviewed"] = "waiting"
    cursor: PlainText = Field(default="", max_length=100)
    limit: int = Field(default=50, ge=1, le=200)


class SampleOut(Output):
    """A decision of a policy that was drawn. `agrees` is null until somebody has reviewed it."""

    request_id: str
    title: str
    kind: str
    risk: RiskLevel
    workflow: str
    environment: str
    agent: str
    policy_version: int
    rule: str
    verdict: str = Field(description="What the policy decided: `approve` or `reject`")
    drawn_at: Time
    reviewed_at: Time | None
    reviewer_name: str
    agrees: bool | None
    comment: str


class SampleList(Output):
    """Samples that wait, oldest first; reviewed ones, newest first."""

    items: list[SampleOut]
    next_cursor: str | None


class ReviewIn(Input):
    """A review. A comment is required to disagree."""

    agrees: bool
    comment: PlainText = Field(default="", max_length=100_000)


@table.add("GET", "/samples", SampleList, query=SampleQuery, scopes=READ)
def list_samples(call: ApiCall) -> Any:
    """List decisions of policies that were drawn for people to review afterwards."""
    asked = call.query
    page = call.portal.services.samples.page(
        call.actor, reviewed=asked.status == "reviewed", cursor=asked.cursor, limit=asked.limit
    )
    return {"items": [asdict(row) for row in page.rows], "next_cursor": page.next_cursor}


@table.add("POST", "/samples/<uuid:id>/review", SampleOut, body=ReviewIn, scopes=REVIEW)
def review_sample(call: ApiCall) -> Any:
    """Review a decision of a policy afterwards; it changes nothing for the run or the agent."""
    return asdict(call.portal.services.samples.review(call.actor, call.id, call.body.agrees, call.body.comment))
