"""The documents of the REST API. Times are RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)

from app.domain.lifecycle import RequestState, RunState
from app.http.body import Input, PlainText, QueryArguments
from assent.contracts import RiskLevel


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_WANTED = "must be an RFC 3339 time with a time zone, such as 2026-08-03T09:00:00Z"


def _moment(given: Any) -> datetime:
    if not isinstance(given, str) or "T" not in given.upper():
        raise ValueError(_WANTED)
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(_WANTED)


_IN_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Time = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str), _IN_SCHEMA]
TimeIn = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str), _IN_SCHEMA]
"""A time with its time zone."""
MailAddress = Annotated[PlainText, Field(max_length=254)]


class Output(BaseModel):
    """A document that the API returns, built from the attributes of rows and views."""

    model_config = ConfigDict(from_attributes=True)


class Tagged(Output):
    """A document whose `version` increases with each change, sent with an ETag."""

    version: int


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
    input: dict[str, JsonValue] = Field(default_factory=dict, description="Must match the workflow's input schema")
    title: PlainText = Field(default="", max_length=200)


class RunSummary(Output):
    """A run as a row of a list."""

    id: str
    workflow: str
    workflow_version: str
    title: str
    state: RunState
    control: str = Field(description="The pending control of a running run: pause, cancel, or empty")
    ask_next: str = Field(description="Who wants the run to ask before its next step; empty: nobody")
    started_by_name: str
    started_by_agent: str = Field(description="Name of the agent that started it; empty if a person did")
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


class StepProgressOut(Output):
    """What a step reported last of its progress. `total` is null if the step does not know it."""

    node: str
    done: int
    total: int | None
    words: str
    counts: dict[str, int | float | str]
    updated_at: Time


class ApprovalRef(Output):
    """A request of a run."""

    id: str
    title: str
    state: RequestState
    risk: RiskLevel
    opened_at: Time


class ArtifactRef(Output):
    """A text that a run produced."""

    name: str
    media_type: str
    updated_at: Time


class SavedFileRef(Output):
    """A file that a run has saved; its content is at `files/{id}/content`."""

    id: str
    name: str
    size: int
    sha256: str
    updated_at: Time


class RunOut(RunSummary, Tagged):
    """A run with its steps. `controls` are the controls that it takes now."""

    input: JsonValue
    result: JsonValue
    error: JsonValue
    steps: list[StepOut]
    approvals: list[ApprovalRef]
    artifacts: list[ArtifactRef]
    files: list[SavedFileRef] = Field(description="Files that its steps have saved")
    controls: list[str]
    step_progress: list[StepProgressOut] = Field(description="Steps that report how much of their work is done")


class RunQuery(QueryArguments):
    """Filters for runs."""

    state: RunState | None = None
    cursor: PlainText = Field(default="", max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class RunList(Output):
    """Runs, newest first."""

    items: list[RunSummary]
    next_cursor: str | None


class RunEventQuery(QueryArguments):
    """Filters for events."""

    cursor: PlainText = Field(default="", max_length=100)
    limit: int = Field(default=200, ge=1, le=1000)


class EventOut(Output):
    """An event of a run. Following `cursor` may return an event twice; compare the ids."""

    id: int
    at: Time
    kind: str
    run_id: str | None
    request_id: str | None
    payload: dict[str, Any]


class EventList(Output):
    """Events of a run. `cursor` leads to the next page, and after the last one to later events."""

    items: list[EventOut]
    more: bool
    cursor: str


class CancelRunIn(Input):
    """Why."""

    reason: PlainText = Field(default="", max_length=20_000)


class EraseIn(Input):
    """The confirmation of a deletion."""

    confirm: PlainText = Field(max_length=100, description="The id from the URL, once more")


class HeldFile(Output):
    """A file that a run holds."""

    id: str
    name: str
    size: int


class HoldingsOut(Output):
    """What is deleted: the data of runs, files, and how much else."""

    runs: list[str] = Field(description="The runs whose input, result, steps, and requests' contents are deleted")
    files: list[HeldFile]
    kept_files: list[HeldFile] = Field(description="Files that stay because other runs use them")
    counts: dict[str, int] = Field(description="Requests, comments, lessons, artifacts, checkpoints, tool_calls")
    refusal: str = Field(description="Why nothing can be deleted now; empty if it can")


class Empty(Input):
    """An empty body."""


# The audit log


class AuditQuery(QueryArguments):
    """Filters for audit entries."""

    action: PlainText = Field(
        default="",
        max_length=200,
        description="An action or its beginning; decisions also with their verdict: `request.decided:approve`",
    )
    actor: PlainText = Field(default="", max_length=200, description="A person's ID, or part of a name")
    title: PlainText = Field(default="", max_length=200, description="Part of the title of the request or run")
    request_id: PlainText = Field(default="", max_length=200)
    run_id: PlainText = Field(default="", max_length=200)
    text: PlainText = Field(default="", max_length=200, description="Part of the details, as JSON text")
    since: AwareDatetime | None = Field(default=None, description="From this time on")
    until: AwareDatetime | None = Field(default=None, description="Before this time")
    before: int | None = Field(default=None, ge=0, lt=2**63, description="The same as `cursor`")
    cursor: int | None = Field(default=None, ge=0, lt=2**63)
    limit: int = Field(default=100, ge=1, le=1000)


class AuditEntryOut(Output):
    """An audit entry."""

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
    """Audit entries, newest first; `cursor` leads to the next page."""

    items: list[AuditEntryOut]
    next_cursor: str | None
    next_before: int | None = Field(description="`cursor` as a number")
