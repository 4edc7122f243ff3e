"""The published contract: what an agent proposes, and what it receives in return.

Everything here is plain pydantic, so that agents, the portal, and tests share one definition. Nothing in this
module imports LangGraph: the portal's web process uses these types and must never load agent code.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, field_validator

from assent.findings import MAX_ATTACHMENTS, MAX_FINDINGS, AgentFinding, Attachment, refuse_too_much
from assent.json_values import checked
from assent.plans import MAX_STEPS, PlanAssessment, PlanStep, problems
from assent.situations import AppliedLesson, Correctable
from assent.visible import VisibleText

CONTRACT_VERSION = "1"
"""Marks an interrupt value as Assent's own dialect: ``{"assent": "1", "proposal": {...}}``."""


class RiskLevel(StrEnum):
    """How much harm an action may do, from none to irreversible."""

    SAFE = "safe"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for safe to 4 for critical."""
        return list(RiskLevel).index(self)


class Urgency(StrEnum):
    """How soon the requester needs a decision. Beside risk and deadline, it is a modest part of a request's rank."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """0 for low to 3 for urgent."""
        return list(Urgency).index(self)


class Verdict(StrEnum):
    """One reviewer's decision on a request."""

    APPROVE = "approve"
    MODIFY = "modify"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    ANSWER = "answer"


class CallDecision(StrEnum):
    """A decision on one tool call: make it, make it with other arguments, skip it, or answer instead of it."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"


class NextAction(StrEnum):
    """What the run should do with an outcome."""

    CONTINUE = "continue"
    RETRY = "retry"
    ABORT = "abort"
    ESCALATE = "escalate"


class ReceiptStatus(StrEnum):
    """What the run did with an outcome. `delivered` is provisional; the others are final."""

    DELIVERED = "delivered"
    APPLIED = "applied"
    PARTLY_APPLIED = "partly_applied"
    NOT_APPLIED = "not_applied"
    FAILED = "failed"


class _Contract(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class TableFacts(_Contract):
    """Facts about a table that a proposal touches, used to assess locks and rewrites."""

    rows: int | None = Field(default=None, ge=0, description="Estimated number of rows")
    bytes: int | None = Field(default=None, ge=0, description="Size on disk, without indexes")


class Tolerance(StrEnum):
    """How much a value may change before a proposal that rests on it no longer holds.

    `magnitude`: to less than about three times as much, and more than a third. `share`: by a given share of it.
    """

    EXACT = "exact"
    MAGNITUDE = "magnitude"
    SHARE = "share"


class BasisValue(_Contract):
    """A value that counts, out of what was read."""

    path: str = Field(min_length=1, max_length=300, description="Where it is in what was read; * stands for any name")
    value: JsonValue = Field(description="As it was read; a long one is cut")
    tolerance: Tolerance = Tolerance.EXACT
    share: float | None = Field(default=None, ge=0, le=10, description="With share: 0.1 means by up to 10 %")
    digest: str = Field(default="", max_length=64, description="Of a value that was cut: SHA-256 of its canonical JSON")


class Basis(_Contract):
    """A read that a proposal was made from; it is made again right before the action."""

    tool: str = Field(min_length=1, max_length=200, description="A tool that only reads")
    version: str = Field(default="", max_length=100)
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    read_at: AwareDatetime
    values: list[BasisValue] = Field(min_length=1, max_length=50)


class BasisChange(_Contract):
    """A difference between what a proposal was made from and what was found right before the action."""

    tool: str = Field(max_length=200)
    path: str = Field(default="", max_length=1_000, description="Empty: nothing could be read")
    before: JsonValue = None
    now: JsonValue = None
    problem: str = Field(default="", max_length=2_000, description="new, gone, or why it could not be read")


CORRECTS_LABEL = "corrects"
"""Label of a proposal in a run: the request of the same run whose call failed, and which this one corrects."""
STEP_LABEL = "plan_step"
"""Label of a proposal of a step of a plan: the step's id. No proposal of another step is a revision of it."""


class Changed(_Contract):
    """Why an approved proposal was not applied, and this one was made instead: what it rested on had changed."""

    request_id: str = Field(min_length=1, max_length=100, description="The request that was not applied")
    times: int = Field(default=1, ge=1, le=1_000, description="How often in a row this has happened")
    noticed_at: AwareDatetime
    changes: list[BasisChange] = Field(min_length=1, max_length=100)


class _Proposal(_Contract):
    title: VisibleText = Field(min_length=1, max_length=200, description="What is proposed, in one line")
    summary: str = Field(default="", max_length=20_000, description="Why, in Markdown")
    agent: str = Field(default="", max_length=100, description="Who proposes it; empty: the node's agent")
    environment: str = Field(default="", max_length=100, description="Where it would run, such as production")
    labels: dict[str, str] = Field(
        default_factory=dict, max_length=200, description="Free labels for filters and policies"
    )
    risk_floor: RiskLevel = Field(default=RiskLevel.SAFE, description="The assessed risk is never below this")
    expires_in_seconds: int | None = Field(
        default=None, ge=10, le=366 * 86_400, description="Deadline; empty: the policy's"
    )
    urgency: Urgency = Field(
        default=Urgency.NORMAL,
        description="How soon a decision is needed; an agent's counts as normal at most, unless the policy's rule says "
        "otherwise",
    )
    rests_on: list[Basis] = Field(
        default_factory=list, max_length=20, description="What it was made from, to be read again before it is applied"
    )
    changed: Changed | None = Field(default=None, description="Why an earlier, approved proposal was not applied")
    lessons: list[AppliedLesson] = Field(
        default_factory=list, max_length=500, description="What was changed in it because of lessons; people decide it"
    )
    correctable: list[Correctable] = Field(
        default_factory=list, max_length=500, description="Values that people may correct, with their situations"
    )
    findings: list[AgentFinding] = Field(
        default_factory=list, max_length=MAX_FINDINGS, description="What the agent found in it, shown at its lines"
    )
    attachments: list[Attachment] = Field(
        default_factory=list, max_length=MAX_ATTACHMENTS, description="Texts beside it, such as an analysis"
    )

    @field_validator("attachments")
    @classmethod
    def _short_enough(cls, attachments: list[Attachment]) -> list[Attachment]:
        refuse_too_much(attachments)
        return attachments


class Script(_Proposal):
    """A script that would be run, or delivered, exactly as written."""

    kind: Literal["script"] = "script"
    language: str = Field(description="sql, bash, powershell, python …")
    dialect: str = Field(default="", description="For SQL: postgres, sqlite …")
    server_version: str = Field(
        default="", max_length=40, description="For SQL: the server's version, such as 15.4; decides what locks"
    )
    content: str = Field(min_length=1, max_length=2_000_000)
    target: str = Field(default="", description="What it would run against")
    effect: Literal["", "deliver"] = Field(
        default="", description="What the agent does with it, for the button: deliver it; empty: run it"
    )
    tables: dict[str, TableFacts] = Field(default_factory=dict)


class OptimizationItem(_Contract):
    """One change of a set; each can be approved, edited, or left out separately."""

    id: str = Field(min_length=1, max_length=100)
    title: VisibleText = Field(min_length=1, max_length=200)
    statement: str = Field(min_length=1, max_length=200_000)
    rationale: str = ""
    benefit: str = Field(default="", description="In words, such as 14.2×")
    benefit_factor: float | None = Field(default=None, ge=0, description="Time before ÷ time after")
    cost: str = Field(default="", description="In words, such as 38 MB")
    rollback: str = Field(default="", description="The statement that undoes it")


class Optimizations(_Proposal):
    """A set of independent changes; reviewers may approve only some of them."""

    kind: Literal["optimizations"] = "optimizations"
    language: str = "sql"
    dialect: str = Field(default="", description="For SQL: postgres, sqlite …")
    server_version: str = Field(
        default="", max_length=40, description="For SQL: the server's version, such as 15.4; decides what locks"
    )
    target: str = ""
    verb: str = Field(default="apply", max_length=40, description="For the button: create, drop, apply …")
    noun: str = Field(default="change", max_length=40, description="For the button, singular: index, setting …")
    noun_plural: str = Field(default="changes", max_length=40)
    items: list[OptimizationItem] = Field(min_length=1, max_length=500)
    tables: dict[str, TableFacts] = Field(default_factory=dict)


class _Called(_Contract):
    tool: str = Field(min_length=1, max_length=200)
    args: dict[str, JsonValue] = Field(default_factory=dict)
    args_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of args")
    decisions: list[CallDecision] | None = Field(
        default=None, min_length=1, description="What reviewers may decide; empty: approve, edit, and reject"
    )
    decision: Literal[CallDecision.APPROVE, CallDecision.REJECT, CallDecision.RESPOND] = Field(
        default=CallDecision.APPROVE, description="The reviewers' decision: whether to make the call as given here"
    )
    message: str = Field(
        default="", max_length=100_000, description="Why it is skipped, or the answer to use as its result"
    )


class ToolCall(_Called, _Proposal):
    """A call of a named tool with arguments."""

    kind: Literal["tool_call"] = "tool_call"


class Call(_Called):
    """One of several tool calls; each can be approved, edited, rejected, or answered separately."""

    id: str = Field(min_length=1, max_length=100)
    summary: str = Field(default="", max_length=20_000, description="Why, in Markdown")


class ToolCalls(_Proposal):
    """Several tool calls that an agent wants to make in one turn, decided one by one on the same page."""

    kind: Literal["tool_calls"] = "tool_calls"
    calls: list[Call] = Field(min_length=1, max_length=100)


class Plan(_Proposal):
    """Steps that an agent wants to carry out, one after the other, to serve a request.

    Reviewers may leave steps out, move them, and edit their inputs, as long as everything that a step needs comes
    before it. The approval of a plan replaces the approval of none of its steps.
    """

    kind: Literal["plan"] = "plan"
    goal: str = Field(default="", max_length=20_000, description="What was asked for, in the requester's words")
    assessment: PlanAssessment | None = Field(default=None, description="What the agent makes of the request")
    steps: list[PlanStep] = Field(min_length=1, max_length=MAX_STEPS, description="In the order they are carried out")

    @field_validator("steps")
    @classmethod
    def _fit_together(cls, steps: list[PlanStep]) -> list[PlanStep]:
        if found := problems(steps):
            raise ValueError(" ".join(found[:10]))
        return steps


class Question(_Proposal):
    """A question to people; the run waits for the answer."""

    kind: Literal["question"] = "question"
    question: str = Field(min_length=1, max_length=20_000)
    answer_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of the answer; empty: text")


class Custom(_Proposal):
    """Anything else, with or without a JSON Schema."""

    kind: Literal["custom"] = "custom"
    data: JsonValue
    data_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of data")


_LEFT_OUT = (
    "server_version", "rests_on", "changed", "lessons", "correctable", "findings", "attachments", "effect",
)  # fmt: skip

_AnyProposal = Script | Optimizations | ToolCall | ToolCalls | Plan | Question | Custom
Proposal = Annotated[_AnyProposal, Field(discriminator="kind")]
proposal_adapter: TypeAdapter[_AnyProposal] = TypeAdapter(Proposal)


def document_of(proposal: Any) -> dict[str, Any]:
    """Return a proposal as JSON, with U+FFFD in place of unpaired surrogates.

    Raises:
        pydantic.ValidationError: the proposal does not conform to the contract.
        assent.json_values.JsonError: it contains a value that JSON cannot represent.
    """
    found = proposal_adapter.validate_python(proposal)
    # Checked before the conversion to JSON, which would replace each half of a pair with three characters.
    plain = found.model_dump()
    fit = checked(plain)
    if fit is not plain:
        found = proposal_adapter.validate_python(fit)
    document = found.model_dump(mode="json")
    # Left out where they are empty, so that requests from before these fields were added keep their digests.
    for name in _LEFT_OUT:
        if not document.get(name):
            document.pop(name, None)
    if document["urgency"] == Urgency.NORMAL:
        del document["urgency"]
    return document


def resting_on(proposal: Any, rests_on: Iterable[Any], changed: Any = None) -> Any:
    """Return a proposal, or its JSON, with what it rests on.

    Args:
        rests_on: each a `Basis` or its JSON.
        changed: why an earlier proposal was not applied: a `Changed` or its JSON; None: there is none.

    Raises:
        pydantic.ValidationError: one of them does not conform to the contract.
    """
    stated = {
        "rests_on": [Basis.model_validate(basis) for basis in rests_on],
        "changed": None if changed is None else Changed.model_validate(changed),
    }
    return proposal | stated if isinstance(proposal, dict) else proposal.model_copy(update=stated)


def calls_of(payload: Any) -> list[dict[str, Any]]:
    """The tool calls of a proposal; empty for proposals of other kinds."""
    if not isinstance(payload, dict):
        return []
    if payload.get("kind") == "tool_call":
        return [payload]
    calls = payload.get("calls") if payload.get("kind") == "tool_calls" else None
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


class Remark(_Contract):
    """A reviewer's comment on a decision."""

    who: str
    verdict: Verdict
    comment: str = ""
    at: datetime


class Outcome(_Contract):
    """The result of the reviewers' decisions under the policy, as the run receives it.

    `payload` is the effective proposal (with the reviewers' changes applied) for approve and modify, and the original
    proposal for request_changes and reject. `answer` holds the answer to a question.
    """

    request_id: str
    verdict: Verdict
    payload: JsonValue = None
    digest: str = Field(description="SHA-256 of the canonical JSON of `payload`, as the reviewers last saw it")
    proposed_digest: str = Field(description="SHA-256 of the agent's proposal, before any changes by reviewers")
    answer: JsonValue = None
    remarks: list[Remark] = Field(default_factory=list)
    decided_at: datetime
    next_action: NextAction

    @property
    def approved(self) -> bool:
        """True if the run may continue with `payload`."""
        return self.verdict in (Verdict.APPROVE, Verdict.MODIFY)

    @property
    def proposal(self) -> _AnyProposal:
        """The effective payload as a typed proposal. Raises pydantic.ValidationError for payloads of other dialects."""
        return proposal_adapter.validate_python(self.payload)

    @property
    def comment(self) -> str:
        """All comments as one text, for an agent that proposes a revision."""
        return "\n".join(f"{remark.who}: {remark.comment}" for remark in self.remarks if remark.comment)


class CallReceipt(_Contract):
    """What was done with one call of an approved `ToolCalls`."""

    id: str = Field(min_length=1, max_length=100, description="Id of the call")
    status: ReceiptStatus
    summary: str = Field(default="", max_length=2_000)
    detail: JsonValue = None


class Receipt(_Contract):
    """What the run did with an outcome; shown on the request's page."""

    request_id: str
    status: ReceiptStatus
    summary: str = Field(default="", max_length=2_000)
    detail: JsonValue = None
