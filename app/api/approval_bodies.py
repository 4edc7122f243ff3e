"""What is sent about approval requests: bodies and query arguments. Times are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from app.api.models import MailAddress, TimeIn
from app.domain.snoozing import WakesOn
from app.http.body import Input, PlainText, QueryArguments
from app.services.approvals.decisions.claims import CLAIM_MINUTES
from assent.contracts import Proposal, ReceiptStatus, RiskLevel, Urgency
from assent.visible import visible_or_empty


class ApprovalQuery(QueryArguments):
    """Filters for requests."""

    status: Literal["pending", "resolved"] = "pending"
    risk: RiskLevel | None = None
    urgency: Urgency | None = None
    workflow: PlainText = Field(default="", max_length=200)
    kind: PlainText = Field(default="", max_length=200)
    text: PlainText = Field(default="", max_length=200)
    mine: bool = Field(
        default=False, description="Assigned to, claimed by, or requiring approval from the caller or their team"
    )
    team: PlainText = Field(default="", max_length=200, description="Slug of a team whose approval is required")
    unassigned: bool = Field(default=False, description="Neither assigned nor claimed")
    snoozed: bool | None = Field(
        default=None, description="Only what is snoozed for the caller or for everyone; false: leaves that out"
    )
    cursor: PlainText = Field(default="", max_length=500)
    limit: int = Field(default=50, ge=1, le=200)


class CommentIn(Input):
    """A comment to add: on the request, at a line of its proposal, or as a reply to a comment at a line."""

    comment: PlainText = Field(max_length=100_000)
    line: int | None = Field(default=None, ge=1, le=10_000_000, description="From 1; null: the whole request")
    part: PlainText = Field(
        default="", max_length=300,
        description="The part of the proposal with that line, named as in findings: the id of an item, or the path "
        "of an argument, after `<id>/` if there are several calls or steps; empty: the script",
    )  # fmt: skip
    digest: PlainText = Field(
        default="", max_length=100, description="Of the payload whose lines are meant; empty: the current one"
    )
    reply_to: PlainText = Field(default="", max_length=100, description="The id of a comment at a line")


class ReasonIn(Input):
    """Why."""

    reason: PlainText = Field(max_length=100_000)


class OptionalReasonIn(Input):
    """A reason, if there is one."""

    reason: PlainText = Field(default="", max_length=100_000)


class PreviewIn(Input):
    """A change to assess."""

    change: JsonValue


class ClaimIn(Input):
    """How long to claim a request."""

    minutes: int = CLAIM_MINUTES
    take_over: bool = Field(default=False, description="Even if somebody else has claimed it")


class AssignmentIn(Input):
    """Who should decide, and why. People are named by their email."""

    person: MailAddress = Field(default="", description="Empty: nobody")
    reason: PlainText = Field(default="", max_length=100_000)


class SnoozeIn(Input):
    """Until when a request is out of the queue, and for whom."""

    until: TimeIn | None = Field(default=None, description="Null: until something of `wakes` happens")
    wakes: list[Annotated[WakesOn, Field(strict=False)]] = Field(
        default_factory=list, max_length=10, description="What brings it back earlier"
    )
    for_all: bool = Field(default=False, description="For everyone; only for those whose approval is required")
    reason: PlainText = Field(default="", max_length=100_000, description="Required with `for_all`")


class SnoozeEnd(QueryArguments):
    """For whom the request returns to the queue."""

    for_all: bool = False


class ExtensionIn(Input):
    """The new deadline, and why."""

    until: TimeIn
    reason: PlainText = Field(max_length=100_000)


class AgUiIn(Input):
    """The interrupt of an agent that speaks AG-UI: the callback starts the run that continues from it."""

    thread_id: PlainText = Field(min_length=1, max_length=200)
    interrupt_id: PlainText = Field(min_length=1, max_length=200)


class CallbackIn(Input):
    """A callback for when the request is resolved: a Standard Webhooks call without the outcome itself; with
    `ag_ui`, a call of an agent's endpoint with the outcome as the answer to its interrupt."""

    url: PlainText = Field(min_length=1, max_length=2000)
    secret: PlainText = Field(
        min_length=1, max_length=200, description="Signs the callback: `whsec_` and 24 to 64 bytes in base64"
    )
    ag_ui: AgUiIn | None = None


class ApprovalIn(Input):
    """What an agent requests approval for: either a `proposal`, or a `value` that people answer."""

    proposal: Proposal | None = None
    value: JsonValue = Field(default=None, description="Shown as it is, for people to answer")
    title: Annotated[PlainText, AfterValidator(visible_or_empty)] = Field(
        default="", max_length=200, description="The title of a value, in one line"
    )
    urgency: Urgency = Field(
        default=Urgency.NORMAL, strict=False, description="How soon a value has to be answered; a proposal has its own"
    )
    response_schema: dict[str, JsonValue] | None = Field(
        default=None, description="JSON Schema of the answer to a value or a question"
    )
    workflow: PlainText = Field(
        default="", max_length=100,
        description="The workflow name for policies and filters: lowercase letters, digits, and `.-_`",
    )  # fmt: skip
    previous_id: PlainText = Field(
        default="", max_length=200,
        description="The caller's own request that this one revises, if any: one that was not approved, or that was "
        "approved and not applied because what it rested on had changed (`proposal.changed` names it)",
    )  # fmt: skip
    callback: CallbackIn | None = None


class CallReceiptIn(Input):
    """What the agent did with one call of several."""

    id: PlainText = Field(min_length=1, max_length=100, description="Id of the call in the approved proposal")
    status: ReceiptStatus = Field(strict=False)
    summary: PlainText = Field(default="", max_length=2_000)
    detail: JsonValue = None


class ReceiptIn(Input):
    """What the agent did with the outcome. `delivered` cannot be reported."""

    status: ReceiptStatus = Field(strict=False)
    summary: PlainText = Field(default="", max_length=2_000)
    detail: JsonValue = None
    calls: list[CallReceiptIn] = Field(
        default_factory=list, max_length=100,
        description="For `tool_calls`: what was done with each call; part of `detail` in the answer",
    )  # fmt: skip


class KeyQuery(QueryArguments):
    """The idempotency key of a request."""

    key: PlainText = Field(min_length=1, max_length=255)


class OutcomeQuery(QueryArguments):
    """How long to wait for the outcome."""

    wait: float = Field(default=0, ge=0, le=60, allow_inf_nan=False, description="Seconds")
