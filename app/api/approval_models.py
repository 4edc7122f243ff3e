"""The documents about approval requests. Times are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue

from app.api.models import Output, Tagged, Time
from app.api.terms_models import TermsOut
from app.domain.lifecycle import RequestState
from app.domain.policy.due import DueStep
from app.domain.policy.terms import OnExpiry
from assent.contracts import ReceiptStatus, RiskLevel, Urgency, Verdict

ANSWERED_BY = "`rejection:<request>`, `grant:<id>`, or `policy:<version>:<rule>`; empty if people decide"
SHORTAGE = "Why too few people can decide it, in words; empty if enough can"
URGENCY = "As the requester said it; an agent's above normal only as far as the policy allows"


class ApprovalSummary(Output):
    """A request as a row of the queue.

    `asked` are the teams and people whose approval is required now (empty: any reviewer), `agreed` those who have
    approved so far. `consequence` says what happens at `expires_at` without a decision; `on_expiry` is for programs.
    """

    id: str
    title: str
    risk: RiskLevel
    score: float
    understood: bool = Field(description="Everything that would run has been read, and its effects are known")
    kind: str
    state: RequestState
    workflow: str
    agent: str
    environment: str
    run_id: str | None
    requester_name: str
    approvals: int
    quorum: int
    priority: int = Field(description="Raised by escalation")
    urgency: Urgency = Field(description=URGENCY)
    review_seconds: int = Field(description="Estimated time of a review; 0: not known")
    rule: str
    policy_version: int | None
    stage: int = Field(description="The current stage, counted from 0")
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
    resolves_at: Time | None
    answered_by: str = Field(description=ANSWERED_BY)
    snoozed_until: Time | None = Field(description="Until when it is snoozed for everyone")
    shortage: str = Field(description=SHORTAGE)


class ApprovalList(Output):
    """Requests, most urgent first; resolved ones newest first. `total` is at most 500, and then `capped` is true."""

    items: list[ApprovalSummary]
    total: int
    capped: bool
    next_cursor: str | None


class FindingOut(Output):
    """A risk finding."""

    rule: str
    severity: RiskLevel
    message: str
    line: int | None
    item: str
    unread: bool = Field(description="This place could not be read, or runs something that has not been read")


class TouchesOut(Output):
    """What a proposal would touch, as far as its code and its arguments name it; sorted."""

    commands: list[str]
    paths: list[str]
    hosts: list[str]
    databases: list[str]
    objects: list[str] = Field(description="Tables and other objects of databases; resources of clusters and clouds")
    environment: list[str] = Field(description="Environment variables that it reads or sets")


class RuleChangeOut(Output):
    """A risk rule that the policy changes. `level` is null if it is switched off."""

    rule: str
    level: RiskLevel | None
    reason: str


class AdjustmentOut(Output):
    """What the policy changed about the risk: its version, the level without it, and the findings as they were."""

    policy_version: int | None
    level: RiskLevel
    score: float
    changes: list[RuleChangeOut]
    findings: list[FindingOut]


class RiskOut(Output):
    """The risk level and score, with the findings behind them."""

    level: RiskLevel
    score: float
    findings: list[FindingOut]
    understood: bool = Field(description="Everything that would run has been read, and its effects are known")
    touches: TouchesOut
    adjustment: AdjustmentOut | None = Field(None, description="What the policy changed; null: nothing")


class DecisionOut(Output):
    """One person's decision."""

    person_name: str
    verdict: Verdict
    seen_digest: str
    digest: str
    answer: Any = Field(None, description="The answer, which further approvers have to agree with")
    comment: str
    via: str
    at: Time
    stage: int = Field(description="The stage for which it counts, counted from 0; -1: none")
    on_behalf_of_name: str = Field(description="The absent person on whose behalf a delegate decided")
    made_by: str = Field(
        description="Who created the sign-in link or token that was used, if it was somebody else; this "
        "person counts as having decided as well"
    )
    withdrawn_at: Time | None = Field(description="When it was withdrawn or lapsed; it no longer counts")
    lapsed_why: str = Field(description="Why it lapsed: the approver left, or is no longer required; otherwise empty")


class CommentOut(Output):
    """A comment. One at a line has a `line`, and is open until `resolved_at`."""

    id: str
    person_name: str
    by_agent: bool = Field(description="An agent wrote it; `person_name` is then the agent's name")
    body: str
    at: Time
    line: int | None = Field(description="The line that it is about, from 1; null: the whole request, or a reply")
    part: str = Field(description="The part of the proposal with that line, named as in findings; empty: the script")
    line_text: str = Field(description="That line, as it was then")
    digest: str = Field(description="Of the payload to which it was made")
    reply_to: str | None = Field(description="The comment at a line that it replies to")
    resolved_at: Time | None
    resolved_by_name: str


class ThreadOut(Output):
    """A comment at a line of a request, or of an earlier revision, and the replies to it."""

    comment: CommentOut
    replies: list[CommentOut]
    open: bool = Field(description="Nobody has resolved it")
    revision: int = Field(description="At which it was made")
    current_line: int | None = Field(description="The line with that text in the current payload; null: outdated")


class CommentList(Output):
    """The comments on a request. `open_comments` counts the open ones at lines, earlier revisions included."""

    comments: list[CommentOut]
    threads: list[ThreadOut]
    open_comments: int
    must_be_resolved: bool = Field(description="Approvals are refused while comments at lines are open")


class ReceiptOut(Output):
    """What the run or agent did with the outcome."""

    status: ReceiptStatus
    summary: str
    detail: JsonValue
    updated_at: Time


class StageOut(Output):
    """The progress of a stage. `state`: done, now, or later; in a resolved request also not asked."""

    name: str
    asked: list[str]
    approvals: int
    quorum: int
    state: str
    agreed: list[str]


class AheadOut(Output):
    """A scheduled step: `words` says what happens at that time. Steps at the same time happen in order."""

    step: DueStep
    at: Time
    words: str
    why: str


class ApprovalOut(Tagged):
    """A request with everything that a decision needs.

    `verdicts` are the decisions that the caller may make now; if there are none, `why_not` says why. `acts` are further
    actions. `on_behalf_of` is the absent person for whom they would decide, and `sign_in_first` says that they must
    sign in again before they approve.
    """

    id: str
    version: int = Field(description="Increases with each change; `If-Match` of a decision is compared with it")
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
        description="Who created the sign-in link or token that was used, if it was somebody else; "
        "this person counts as the requester as well"
    )
    opened_by_agent: str = Field(description="Name of the agent that opened it; empty if a person or their run did")
    payload: JsonValue
    digest: str
    proposed_digest: str
    response_schema: JsonValue
    risk: RiskOut
    terms: TermsOut
    policy_version: int | None
    approvals: int
    quorum: int
    stage: int = Field(description="The current stage, counted from 0")
    stages: list[StageOut]
    asked: list[str] = Field(description="Whose approval is required now, by name; empty: any reviewer")
    addressed_to: list[str] = Field(description="The same for programs: `team:<slug>`, `person:<email>`")
    ahead: list[AheadOut]
    windows: list[str]
    opens_at: Time | None = Field(description="When the change would run if it is approved now; null: immediately")
    claimed_by_name: str
    claimed_until: Time | None
    assigned_to_name: str
    escalation: int = Field(description="How many steps of the escalation chain are done")
    next_step: str = Field(description="Whose approval the next escalation requires as well; empty: nobody's")
    extended: int = Field(description="How often the deadline was extended")
    answered_by: str = Field(description=ANSWERED_BY)
    held_until: Time | None = Field(description="If it is approved and waits for its change window, until when")
    resolves_at: Time | None = Field(description="If it is decided and that can still be undone, until when")
    reopened_at: Time | None
    snoozed_until: Time | None = Field(description="Until when it is snoozed for everyone")
    shortage: str = Field(description=SHORTAGE)
    rejections: int = Field(description="How many people reject it; `terms.deny_threshold` are required")
    priority: int = Field(description="Raised by escalation")
    urgency: Urgency = Field(description=URGENCY)
    why_here: str
    revision: int
    previous_id: str | None = Field(description="The request that this one revises, if the caller may see it")
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
    """The result of a decision."""

    request_id: str
    state: RequestState
    resolved: bool
    digest: str
    approvals: int
    quorum: int
    stage: int
    held_until: Time | None
    resolves_at: Time | None = Field(description="When the decision takes effect; until then it can be withdrawn")
    words: str


class PreviewOut(RiskOut):
    """The risk of a change, and the approvals that it would require.

    If it is `raised`, the decision is refused with `risk_raised` unless its `acknowledged_risk` is this level.
    """

    raised: bool
    words: str
    second_person: bool = Field(description="The person who made the change cannot approve it alone")
    left_out: list[str] = Field(description="The items, calls, or steps that it leaves out, if it changes nothing else")
    terms: TermsOut


class OutcomeOut(Output):
    """The outcome of a request.

    `resolved` says that the caller can act on it. `outcome` is null while the request is pending, or if it has none.
    For requests without a run, both wait for the change window, until `held_until`.
    """

    request_id: str
    state: RequestState
    resolved: bool
    outcome: JsonValue
    receipt: ReceiptOut | None
    held_until: Time | None
