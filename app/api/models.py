"""The documents of the REST API. Times are RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer

from app.domain.lifecycle import RequestState, RunState
from app.http.body import Input, PlainText, Query
from app.http.decisions import DecisionIn
from assent.contracts import ReceiptStatus, RiskLevel, Verdict

__all__ = ["DecisionIn"]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str)]


class Output(BaseModel):
    """What the API answers; built from rows and views by attribute."""

    model_config = ConfigDict(from_attributes=True)


# Workflows and runs


class WorkflowOut(Output):
    """A workflow that can be started."""

    name: str
    version: str
    title: str
    description: str
    input_schema: dict[str, Any]
    examples: list[Any]


class WorkflowList(Output):
    """All workflows."""

    items: list[WorkflowOut]


class RunIn(Input):
    """A run to start."""

    workflow: PlainText = Field(min_length=1, max_length=200)
    input: dict[str, JsonValue] = Field(default_factory=dict, description="Fits the workflow's input schema")
    title: PlainText = Field(default="", max_length=200)


class RunSummary(Output):
    """A run as a line of a list."""

    id: str
    workflow: str
    workflow_version: str
    title: str
    state: RunState
    control: str = Field(description="What was asked of a run that is being advanced: pause, cancel, or empty")
    started_by_name: str
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    updated_at: Time


class StepOut(Output):
    """One execution of a step."""

    task_id: str
    node: str
    title: str
    agent: str
    tool: str
    state: str
    started_at: Time
    duration_ms: int | None
    error: str


class ApprovalRef(Output):
    """A request of a run."""

    id: str
    title: str
    state: RequestState
    risk: RiskLevel
    opened_at: Time


class ArtifactRef(Output):
    """A text that a run left behind."""

    name: str
    media_type: str
    updated_at: Time


class RunOut(RunSummary):
    """A run with its steps. `controls` are what can be asked of it now."""

    input: JsonValue
    result: JsonValue
    error: JsonValue
    steps: list[StepOut]
    approvals: list[ApprovalRef]
    artifacts: list[ArtifactRef]
    controls: list[str]


class RunQuery(Query):
    """Which runs."""

    state: RunState | None = None
    cursor: PlainText = Field(default="", max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class RunList(Output):
    """Runs, newest first."""

    items: list[RunSummary]
    next_cursor: str | None


class RunEventQuery(Query):
    """Which events."""

    cursor: PlainText = Field(default="", max_length=100)
    limit: int = Field(default=200, ge=1, le=1000)


class EventOut(Output):
    """Something that happened. Following `cursor` may give an event twice; its id tells."""

    id: int
    at: Time
    kind: str
    run_id: str | None
    request_id: str | None
    payload: dict[str, Any]


class EventList(Output):
    """Events of a run. `cursor` asks for the next page, and when there is none for what comes later."""

    items: list[EventOut]
    more: bool
    cursor: str


class CancelRunIn(Input):
    """Why."""

    reason: PlainText = Field(default="", max_length=20_000)


class Empty(Input):
    """Nothing needs to be sent."""


# Approval requests


class ApprovalQuery(Query):
    """Which requests."""

    status: Literal["pending", "resolved"] = "pending"
    risk: RiskLevel | None = None
    workflow: PlainText = Field(default="", max_length=200)
    kind: PlainText = Field(default="", max_length=200)
    text: PlainText = Field(default="", max_length=200)
    cursor: PlainText = Field(default="", max_length=500)
    limit: int = Field(default=50, ge=1, le=200)


class ApprovalSummary(Output):
    """A request as a line of the queue."""

    id: str
    title: str
    risk: RiskLevel
    score: float
    kind: str
    state: RequestState
    workflow: str
    agent: str
    environment: str
    run_id: str | None
    requester_name: str
    approvals: int
    quorum: int
    priority: int
    on_expiry: str
    why_here: str
    opened_at: Time
    expires_at: Time
    resolved_at: Time | None


class ApprovalList(Output):
    """Requests, most pressing first; resolved ones newest first. `total` stops at 500, and `capped` says so."""

    items: list[ApprovalSummary]
    total: int
    capped: bool
    next_cursor: str | None


class FindingOut(Output):
    """A reason for the risk."""

    rule: str
    severity: RiskLevel
    message: str
    line: int | None
    item: str


class RiskOut(Output):
    """How risky it is, and why."""

    level: RiskLevel
    score: float
    findings: list[FindingOut]


class DecisionOut(Output):
    """One person's word."""

    person_name: str
    verdict: Verdict
    seen_digest: str
    digest: str
    answer: Any = Field(None, description="What was answered, which others have to agree to")
    comment: str
    via: str
    at: Time


class CommentOut(Output):
    """A remark."""

    id: str
    person_name: str
    body: str
    at: Time


class ReceiptOut(Output):
    """What the run did with the outcome."""

    status: ReceiptStatus
    summary: str
    detail: JsonValue
    updated_at: Time


class TermsOut(Output):
    """What the request needs."""

    name: str
    quorum: int
    deadline_seconds: int
    on_expiry: str
    reason_required: list[Verdict]


class ApprovalOut(Output):
    """A request with everything a decision needs.

    `verdicts` are what the caller may say now; when there are none, `why_not` says why.
    """

    id: str
    title: str
    kind: str
    state: RequestState
    note: str
    workflow: str
    run_id: str | None
    node: str
    agent: str
    environment: str
    requester_name: str
    payload: JsonValue
    digest: str
    proposed_digest: str
    response_schema: JsonValue
    risk: RiskOut
    terms: TermsOut
    approvals: int
    quorum: int
    priority: int
    why_here: str
    revision: int
    previous_id: str | None
    next_id: str | None
    verdicts: list[Verdict]
    why_not: str
    decisions: list[DecisionOut]
    comments: list[CommentOut]
    outcome: JsonValue
    receipt: ReceiptOut | None
    opened_at: Time
    expires_at: Time
    resolved_at: Time | None


class DecisionResultOut(Output):
    """What a decision led to."""

    request_id: str
    state: RequestState
    resolved: bool
    digest: str
    approvals: int
    quorum: int
    words: str


class CommentIn(Input):
    """A remark to add."""

    comment: PlainText = Field(max_length=100_000)


class ReasonIn(Input):
    """Why."""

    reason: PlainText = Field(max_length=100_000)


class OptionalReasonIn(Input):
    """Why, if there is something to say."""

    reason: PlainText = Field(default="", max_length=100_000)


class PreviewIn(Input):
    """A change to assess."""

    change: JsonValue


class OutcomeQuery(Query):
    """How long to wait."""

    wait: float = Field(default=0, ge=0, le=60, allow_inf_nan=False, description="Seconds")


class OutcomeOut(Output):
    """What became of a request; `outcome` is null while it is pending, and for one that ended without an outcome."""

    request_id: str
    state: RequestState
    resolved: bool
    outcome: JsonValue
    receipt: ReceiptOut | None


# The record


class AuditQuery(Query):
    """Which entries."""

    action: PlainText = Field(default="", max_length=200)
    actor: PlainText = Field(default="", max_length=200)
    request_id: PlainText = Field(default="", max_length=200)
    run_id: PlainText = Field(default="", max_length=200)
    text: PlainText = Field(default="", max_length=200, description="A part of the details, as written in JSON")
    since: AwareDatetime | None = Field(default=None, description="From this instant on")
    until: AwareDatetime | None = Field(default=None, description="Before this instant")
    before: int | None = Field(default=None, ge=0, lt=2**63)
    limit: int = Field(default=100, ge=1, le=1000)


class AuditEntryOut(Output):
    """One line of the record."""

    seq: int
    at: Time
    actor_kind: str
    actor_id: str
    actor_name: str
    via: str
    source: str
    action: str
    request_id: str | None
    run_id: str | None
    detail: dict[str, Any]


class AuditList(Output):
    """Entries, newest first; ask on with `before`."""

    items: list[AuditEntryOut]
    next_before: int | None
