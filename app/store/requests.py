"""Approval requests, decisions, outcomes, receipts, and comments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, false, func, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.lifecycle import RequestState
from app.domain.people import signature
from app.store.base import Base, CanonicalJSON, Made, OrderedJSON
from app.store.search import REQUEST_KEYS
from assent.contracts import Urgency

_PENDING = text("state = 'pending'")
_RESOLVED = text("state <> 'pending'")
_PENDING_URGENT = text("state = 'pending' and urgency <> 'normal'")
_RESOLVED_URGENT = text("state <> 'pending' and urgency <> 'normal'")
_ALIKE = text("state = 'pending' and likeness <> ''")
_READ = text("read_seconds is not null")
_SNOOZED = text("state = 'pending' and snoozed_until is not null")
_DUE = text("due_at is not null")
_STANDING = text("withdrawn_at is null")
_BY_AGENT = text("opened_by_agent <> ''")
_UNASSIGNED = text("state = 'pending' and assigned_to_id is null and claimed_by_id is null")
UNCLAIMED: Mapping[str, str | None] = {"claimed_by_id": None, "claimed_by_name": "", "claimed_until": None}
"""The columns of a request that nobody has claimed."""


class ApprovalRequest(Made, Base):
    """An approval request: a proposal with its risk, terms, deadline, and state.

    Attributes:
        interrupt_id: LangGraph's ID of the interrupt; empty for a request without one.
        value_digest: Digest of the interrupt's raw value that was reviewed; compared again before resuming.
        payload: What would be applied now; `proposed` is the agent's proposal, kept when a reviewer changed it.
        digest: SHA-256 of `payload` as stored.
        edited_by: IDs of the people who changed `payload`, and of those whose delegate or link they used; empty while
            it is as the agent proposed it.
        response_schema: JSON Schema of the answer, if the interrupt has one.
        schema_order: The order of the names in the proposal's schemas, for display (`app.domain.schema_order`).
        opened_by_agent: Name of the agent that opened it, or started its run, with a token of the requester; empty if
            a person did.
        attention_at: The ranking key (`app.domain.ranking`).
        urgency: The requester's urgency as far as it counts; what was asked for is in `payload`.
        review_seconds: Estimated time of a review by content (`app.domain.review_time`); 0 for one from before there
            were estimates.
        likeness: The same for all requests that are alike (`app.domain.outlines`); empty for one that is compared with
            none, or from before requests had it.
        policy_version: Version of the policy under which it was opened; None for the strict default.
        stage: Current stage of the terms.
        addressed_to: Who may decide now, in the form of `app.domain.policy.access`; empty for any reviewer.
        escalated_to: Who was added to this stage by escalations, in the same form; `escalation` is the number of
            completed steps of the chain.
        due_at: Time of the next scheduled step (`app.domain.policy.due`); None if there is none.
        held_until: Time until which an approved change waits for its change window.
        resolves_at: When the decision that settles it takes effect, if it can still be taken back; None otherwise.
        answered_by: ``rejection:<request>`` or ``grant:<grant>`` that answered it, or will, or
            ``policy:<version>:<rule>``.
        reopened_at: When a person reopened it, so that the same proposal is reviewed again although it was rejected.
        snoozed_until: Until when it is out of everyone's queue; `snooze_wakes` is what ends that earlier, and
            `snoozed_by_name` and `snooze_reason` belong to the latest time.
        was_snoozed: It was snoozed for everyone at some time, so it is not approved on expiry.
        shortage: Why too few people can decide it, as a sentence; empty if enough can. It is noted a moment after what
            changes it, and only while the request is pending.
        emptied_at: When its content was removed, because it had been kept long enough.
        makers: Makers of the token or link with which it was opened; they count as requesters, like `requester_id`.
    """

    __tablename__ = "approval_requests"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    workflow: Mapped[str]
    node: Mapped[str]
    agent: Mapped[str]
    interrupt_id: Mapped[str]
    dialect: Mapped[str]
    value_digest: Mapped[str]
    kind: Mapped[str]
    title: Mapped[str]
    environment: Mapped[str]
    payload: Mapped[Any] = mapped_column(CanonicalJSON)
    edited_by: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    digest: Mapped[str]
    proposed: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    proposed_digest: Mapped[str]
    response_schema: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    schema_order: Mapped[dict[str, list[str]] | None] = mapped_column(OrderedJSON)
    assessment: Mapped[dict[str, Any]]
    risk: Mapped[str]
    terms: Mapped[dict[str, Any]]
    requester_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    requester_name: Mapped[str]
    opened_by_agent: Mapped[str] = mapped_column(default="", server_default="")
    previous_id: Mapped[str | None] = mapped_column(ForeignKey("approval_requests.id"))
    revision: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default=RequestState.PENDING.value)
    note: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    approvals: Mapped[int] = mapped_column(default=0)
    quorum: Mapped[int] = mapped_column(default=1)
    priority: Mapped[int] = mapped_column(default=0)
    urgency: Mapped[str] = mapped_column(default=Urgency.NORMAL.value, server_default=Urgency.NORMAL.value)
    likeness: Mapped[str] = mapped_column(default="", server_default="")
    review_seconds: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attention_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    policy_version: Mapped[int | None] = mapped_column(ForeignKey("policy_versions.version"))
    stage: Mapped[int] = mapped_column(default=0)
    addressed_to: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    escalated_to: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    escalation: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    warned: Mapped[bool] = mapped_column(default=False)
    extended: Mapped[int] = mapped_column(default=0)
    claimed_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    claimed_by_name: Mapped[str] = mapped_column(default="")
    claimed_until: Mapped[datetime | None]
    assigned_to_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    assigned_to_name: Mapped[str] = mapped_column(default="")
    held_until: Mapped[datetime | None]
    resolves_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(default="")
    reopened_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]
    snooze_wakes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    snoozed_by_name: Mapped[str] = mapped_column(default="", server_default="")
    snooze_reason: Mapped[str] = mapped_column(default="", server_default="")
    was_snoozed: Mapped[bool] = mapped_column(default=False, server_default=false())
    shortage: Mapped[str] = mapped_column(default="", server_default="")
    emptied_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(state.value) for state in RequestState)})", name="state"),
        Index("uq_approval_requests_open_interrupt", "run_id", "interrupt_id", unique=True, postgresql_where=_PENDING),
        Index("ix_approval_requests_rank", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_risk", "risk", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_workflow", "workflow", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_kind", "kind", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_urgency", "urgency", "attention_at", "id", postgresql_where=_PENDING_URGENT),
        Index("ix_approval_requests_rank_unassigned", "attention_at", "id", postgresql_where=_UNASSIGNED),
        Index("ix_approval_requests_rank_requester", "requester_id", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_alike", "likeness", "attention_at", "id", postgresql_where=_ALIKE),
        Index(
            "ix_approval_requests_assigned",
            "assigned_to_id",
            "state",
            postgresql_where=text("assigned_to_id is not null"),
        ),
        Index(
            "ix_approval_requests_claimed", "claimed_by_id", "state", postgresql_where=text("claimed_by_id is not null")
        ),
        Index(
            "ix_approval_requests_search",
            text(REQUEST_KEYS),
            "addressed_to",
            postgresql_using="gin",
            postgresql_where=_PENDING,
        ),
        Index("ix_approval_requests_snoozed", "snoozed_until", postgresql_where=_SNOOZED),
        Index("ix_approval_requests_due", "due_at", postgresql_where=_DUE),
        Index("ix_approval_requests_resolved", "resolved_at", "id", postgresql_where=_RESOLVED),
        Index("ix_approval_requests_resolved_risk", "risk", "resolved_at", "id", postgresql_where=_RESOLVED),
        Index(
            "ix_approval_requests_resolved_urgency", "urgency", "resolved_at", "id", postgresql_where=_RESOLVED_URGENT
        ),
        Index("ix_approval_requests_resolved_workflow", "workflow", "resolved_at", "id", postgresql_where=_RESOLVED),
        Index("ix_approval_requests_resolved_kind", "kind", "resolved_at", "id", postgresql_where=_RESOLVED),
        Index(
            "ix_approval_requests_resolved_requester", "requester_id", "resolved_at", "id", postgresql_where=_RESOLVED
        ),
        Index(
            "ix_approval_requests_resolved_search",
            text(REQUEST_KEYS),
            "addressed_to",
            postgresql_using="gin",
            postgresql_where=_RESOLVED,
        ),
        Index("ix_approval_requests_run", "run_id", "opened_at"),
        Index("ix_approval_requests_previous", "previous_id"),
        Index("ix_approval_requests_agent", "requester_id", "opened_by_agent", "opened_at", postgresql_where=_BY_AGENT),
    )


class Decision(Made, Base):
    """One person's decision.

    `digest` is that of the payload that was decided, after the person's own change; for an answer, it is that of the
    payload and the answer (`app.domain.policy.fold.answer_digest`). A withdrawn decision is kept, but no longer counts.

    Attributes:
        stage: Stage of the request's terms, starting at 0.
        on_behalf_of_id: The absent person on whose behalf a delegate decided.
        read_seconds: How long the page of the request was in view before the decision, as far as that is known.
        lapsed_why: Why it no longer counts although it was not withdrawn: its author has left, or is no longer an
            approver.
        makers: Makers of the sign-in link or token with which the decision was made.
    """

    __tablename__ = "decisions"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    person_name: Mapped[str]
    verdict: Mapped[str]
    seen_digest: Mapped[str]
    digest: Mapped[str]
    change: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    answer: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    comment: Mapped[str]
    via: Mapped[str]
    at: Mapped[datetime]
    stage: Mapped[int] = mapped_column(default=0)
    on_behalf_of_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    on_behalf_of_name: Mapped[str] = mapped_column(default="")
    withdrawn_at: Mapped[datetime | None]
    read_seconds: Mapped[int | None]
    lapsed_why: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        Index("ix_decisions_read", "at", postgresql_where=_READ),
        Index(
            "uq_decisions_standing", "request_id", "person_id", "stage", "digest",
            unique=True, postgresql_where=_STANDING,
        ),
        Index("ix_decisions_person", "person_id", "at", "id", postgresql_where=_STANDING),
    )  # fmt: skip


class OutcomeRow(Base):
    """The outcome of the decisions. `body` is the `assent.Outcome` that the run receives.

    The run does not receive it while `held_until` is set, because a change window has to open first.
    """

    __tablename__ = "outcomes"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    verdict: Mapped[str]
    next_action: Mapped[str]
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    held_until: Mapped[datetime | None]


class ReceiptRow(Base):
    """What the run did with an outcome.

    `explicit` is True if the workflow itself reported it; the portal's conclusions never replace that. `delivered_at`
    proves the delivery: it is empty if a step has reported, but it is not certain yet that the run keeps the outcome.
    """

    __tablename__ = "receipts"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    status: Mapped[str]
    explicit: Mapped[bool] = mapped_column(default=False)
    summary: Mapped[str] = mapped_column(default="")
    detail: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    delivered_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class Comment(Base):
    """A comment on a request, without a decision.

    If `by_agent` is set, `person_name` is the agent's name, and `person_id` is the account responsible for the agent.

    Attributes:
        line: the line that it is about, from 1; None if it is about the whole request, or a reply.
        part: the part of the proposal with that line, named as in `app.domain.risk.Finding`.
        line_text: that line, as it was then.
        digest: of the payload to which it was made; empty for a comment without a line.
        reply_to: the comment at a line that it replies to.
        resolved_at: when a comment at a line was resolved; None while it is open.
    """

    __tablename__ = "comments"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    person_name: Mapped[str]
    by_agent: Mapped[bool] = mapped_column(default=False, server_default=false())
    body: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    line: Mapped[int | None]
    part: Mapped[str] = mapped_column(default="", server_default="")
    line_text: Mapped[str] = mapped_column(default="", server_default="")
    digest: Mapped[str] = mapped_column(default="", server_default="")
    reply_to: Mapped[str | None] = mapped_column(ForeignKey("comments.id"))
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    resolved_by_name: Mapped[str] = mapped_column(default="", server_default="")

    @property
    def signature(self) -> str:
        """The author's name, marked if it is an agent's."""
        return signature("agent" if self.by_agent else "person", self.person_name)

    __table_args__ = (Index("ix_comments_request", "request_id", "at"),)


class SearchDocument(Base):
    """The words by which a decided request is found (`app.domain.search_words`).

    A worker makes it shortly after the decision; until then, the request is scanned.

    Attributes:
        resolved_at: As in the request.
        words: Of its title, content, and comments, and one for each value that lists filter by.
        stale: There are comments since it was made. A trigger on the comments sets this.
    """

    __tablename__ = "search_documents"

    request_id: Mapped[str] = mapped_column(
        Text, ForeignKey("approval_requests.id", ondelete="CASCADE"), primary_key=True
    )
    resolved_at: Mapped[datetime]
    words: Mapped[Any] = mapped_column(TSVECTOR)
    stale: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        Index("ix_search_documents_resolved", "resolved_at", "request_id"),
        Index("ix_search_documents_words", "words", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("ix_search_documents_stale", "request_id", postgresql_where=text("stale")),
    )
