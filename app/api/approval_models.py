"""The documents about approval requests. Times are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from app.api.models import MailAddress, Output, Tagged, Time, TimeIn
from app.domain.lifecycle import RequestState
from app.domain.policy.due import DueStep
from app.domain.policy.terms import Edited, OnExpiry
from app.http.body import Input, PlainText, QueryArguments
from app.services.approvals.decisions.claims import CLAIM_MINUTES
from assent.contracts import Proposal, ReceiptStatus, RiskLevel, Verdict


class ApprovalQuery(QueryArguments):
    """Which requests."""

    status: Literal["pending", "resolved"] = "pending"
    risk: RiskLevel | None = None
    workflow: PlainText = Field(default="", max_length=200)
    kind: PlainText = Field(default="", max_length=200)
    text: PlainText = Field(default="", max_length=200)
    mine: bool = Field(default=False, description="Assigned to, claimed by, or asking the caller by name or team")
    team: PlainText = Field(default="", max_length=200, description="Slug of a team that is asked")
    unassigned: bool = Field(default=False, description="Neither assigned to anybody nor claimed")
    cursor: PlainText = Field(default="", max_length=500)
    limit: int = Field(default=50, ge=1, le=200)


class ApprovalSummary(Output):
    """A request as a line of the queue.

    `asked` are the teams and people who may decide now, empty for anyone who may decide; `agreed` those whose approval
    counts so far. `consequence` says what happens at `expires_at` if nobody decides; `on_expiry` says it for programs.
    """

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
    rule: str
    policy_version: int | None
    stage: int = Field(description="That is asked now, counted from 0")
    stages: int
    stage_name: str
    asked: list[str]
    agreed: list[str]
    claimed_by_name: str
    claimed_until: Time | None
    assigned_to_name: str
    on_expiry: OnExpiry
    consequence: str
    why_here: str
    opened_at: Time
    expires_at: Time
    resolved_at: Time | None
    held_until: Time | None
    answered_by: str = Field(description="`rejection:<request>` or `grant:<id>`; empty: people")


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
    stage: int = Field(description="For which it counts, counted from 0; -1: for none")
    on_behalf_of_name: str = Field(description="The absent person for whom a delegate decided")
    made_by: str = Field(
        description="Who made the sign-in link or the token with which it was decided, if it was somebody else; such a "
        "person counts as the one who decided as well"
    )
    withdrawn_at: Time | None = Field(description="When it was taken back, or lapsed; it no longer counts")
    lapsed_why: str = Field(description="Why it lapsed: its author has left, or is no longer asked; empty otherwise")


class CommentOut(Output):
    """A remark."""

    id: str
    person_name: str
    by_agent: bool = Field(description="An agent made it; `person_name` is then the agent's name")
    body: str
    at: Time


class ReceiptOut(Output):
    """What the run did with the outcome."""

    status: ReceiptStatus
    summary: str
    detail: JsonValue
    updated_at: Time


class StageTermsOut(Output):
    """People who have to agree before the next stage is asked; without teams and people, anyone who may decide."""

    name: str
    teams: list[str]
    people: list[str]
    quorum: int


class WorkingTimeOut(Output):
    """Working time, and the calendar in which it is counted. Weeks begin on Monday."""

    seconds: int
    timezone: str
    week: list[list[tuple[int, int]]] = Field(description="Spans of each day, in minutes of the day")
    holidays: list[str]


class EscalationStepOut(Output):
    """Whom to ask as well, and when."""

    after_seconds: int = Field(description="From the opening")
    words: str
    teams: list[str]
    people: list[str]
    priority: int


class ChangeWindowOut(Output):
    """Hours in which what was approved may be done. Days: 0 for Monday to 6 for Sunday."""

    timezone: str
    days: list[int]
    start: str
    end: str
    except_days: list[str]


class TermsOut(Output):
    """What the request needs, as a rule of the policy said when it was opened. Spans are seconds from the opening."""

    name: str
    policy_version: int | None
    stages: list[StageTermsOut]
    quorum: int
    deny_threshold: int
    reason_required: list[Verdict]
    edit_allowed: bool
    edited: Edited = Field(description="What the approval of the person who changed the proposal is worth")
    reauthenticate_seconds: int | None
    windows: list[ChangeWindowOut]
    further_windows: list[list[ChangeWindowOut]] = Field(description="Sets of which one has to be open as well")
    deadline_seconds: int
    deadline_again: WorkingTimeOut | None = Field(
        description="What an expiry that escalates gives anew, where that is working time"
    )
    on_expiry: OnExpiry
    warn_seconds: int
    escalation: list[EscalationStepOut]
    grants_allowed: bool


class StageOut(Output):
    """How far a stage has come. `state`: done, now, later; of a settled request also not asked."""

    name: str
    asked: list[str]
    approvals: int
    quorum: int
    state: str
    agreed: list[str]


class AheadOut(Output):
    """What time will do: `words` is followed by when; of steps at the same instant the first is done first."""

    step: DueStep
    at: Time
    words: str
    why: str


class ApprovalOut(Tagged):
    """A request with everything a decision needs.

    `verdicts` are what the caller may say now; when there are none, `why_not` says why. `acts` are what else they may
    do. `on_behalf_of` is the absent person for whom they would decide, and `sign_in_first` says that they have to sign
    in anew before they let something through.
    """

    id: str
    version: int = Field(description="Grows with each change; `If-Match` of a decision is compared with it")
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
    requester_made_by: str = Field(
        description="Who made the sign-in link or the token with which it was requested, if it was somebody else; "
        "such a person counts as the requester as well"
    )
    opened_by_agent: str = Field(description="Name of the agent that opened it; empty if a person, or their run, did")
    payload: JsonValue
    digest: str
    proposed_digest: str
    response_schema: JsonValue
    risk: RiskOut
    terms: TermsOut
    policy_version: int | None
    approvals: int
    quorum: int
    stage: int = Field(description="That is asked now, counted from 0")
    stages: list[StageOut]
    asked: list[str] = Field(description="Who may decide now, by name; empty: anyone who may decide")
    addressed_to: list[str] = Field(description="The same as addresses: `team:<slug>`, `person:<mail>`")
    ahead: list[AheadOut]
    windows: list[str]
    opens_at: Time | None = Field(description="When what is approved now would run; null: at once")
    claimed_by_name: str
    claimed_until: Time | None
    assigned_to_name: str
    escalation: int = Field(description="How many steps of the chain are done")
    next_step: str = Field(description="Whom an escalation asks as well; empty: nobody is left")
    extended: int = Field(description="How often it was given more time")
    answered_by: str = Field(description="`rejection:<request>` or `grant:<id>`; empty: people")
    held_until: Time | None = Field(description="It is approved, and waits until then for its change window")
    reopened_at: Time | None
    priority: int
    why_here: str
    revision: int
    previous_id: str | None = Field(description="The request that this one revises, if the caller sees it")
    next_id: str | None
    verdicts: list[Verdict]
    why_not: str
    on_behalf_of: str
    sign_in_first: bool
    acts: list[str]
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
    stage: int
    held_until: Time | None
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


class PreviewOut(RiskOut):
    """The risk a change would have, and what would then be needed.

    Where it is `raised`, the decision is refused with `risk_raised` unless it names this level as `acknowledged_risk`.
    """

    raised: bool
    words: str
    second_person: bool = Field(description="The person who sends the change cannot approve it alone")
    terms: TermsOut


class ClaimIn(Input):
    """For how long."""

    minutes: int = CLAIM_MINUTES
    take_over: bool = Field(default=False, description="Also when somebody else holds it")


class AssignmentIn(Input):
    """Who is to decide, and why. People are named by their mail addresses."""

    person: MailAddress = Field(default="", description="Empty: nobody in particular")
    reason: PlainText = Field(default="", max_length=100_000)


class ExtensionIn(Input):
    """The new deadline, and why."""

    until: TimeIn
    reason: PlainText = Field(max_length=100_000)


class AgUiIn(Input):
    """The interrupt of an agent that speaks AG-UI: the call is the run that continues from it."""

    thread_id: PlainText = Field(min_length=1, max_length=200)
    interrupt_id: PlainText = Field(min_length=1, max_length=200)


class CallbackIn(Input):
    """Where to call once the request is settled: a webhook by Standard Webhooks, which says that, and not what; with
    `ag_ui` the endpoint of an agent, which gets the outcome as the answer to its interrupt."""

    url: PlainText = Field(min_length=1, max_length=2000)
    secret: PlainText = Field(
        min_length=1, max_length=200, description="Signs the call: `whsec_` and 24 to 64 bytes in base64"
    )
    ag_ui: AgUiIn | None = None


class ApprovalIn(Input):
    """What an agent asks leave for: a `proposal`, or any `value` that people are to answer, one of the two."""

    proposal: Proposal | None = None
    value: JsonValue = Field(default=None, description="Shown as it is; people answer it")
    title: PlainText = Field(default="", max_length=200, description="Of a value: in one line")
    response_schema: dict[str, JsonValue] | None = Field(
        default=None, description="JSON Schema of the answer, for a value or a question"
    )
    workflow: PlainText = Field(
        default="", max_length=100,
        description="What it is filed under, for policies and filters; small letters, digits and `.-_`",
    )  # fmt: skip
    previous_id: PlainText = Field(
        default="", max_length=200, description="The caller's own request that this one revises, if any"
    )
    callback: CallbackIn | None = None


class ReceiptIn(Input):
    """What the agent did with the outcome. `delivered` cannot be reported."""

    status: ReceiptStatus = Field(strict=False)
    summary: PlainText = Field(default="", max_length=2_000)
    detail: JsonValue = None


class OutcomeQuery(QueryArguments):
    """How long to wait."""

    wait: float = Field(default=0, ge=0, le=60, allow_inf_nan=False, description="Seconds")


class OutcomeOut(Output):
    """What became of a request.

    `resolved` says that it can be acted on. `outcome` is null while it is pending, and for one that ended without an
    outcome. Of an agent elsewhere both wait for the change window, until `held_until`.
    """

    request_id: str
    state: RequestState
    resolved: bool
    outcome: JsonValue
    receipt: ReceiptOut | None
    held_until: Time | None
