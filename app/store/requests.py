"""Approval requests and what people and runs do with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.lifecycle import RequestState
from app.domain.people import signature
from app.store.base import Base, CanonicalJSON, Made
from app.store.search import REQUEST_KEYS

_PENDING = text("state = 'pending'")
_RESOLVED = text("state <> 'pending'")
_DUE = text("due_at is not null")
_STANDING = text("withdrawn_at is null")
_BY_AGENT = text("opened_by_agent <> ''")
_UNASSIGNED = text("state = 'pending' and assigned_to_id is null and claimed_by_id is null")
UNCLAIMED: Mapping[str, str | None] = {"claimed_by_id": None, "claimed_by_name": "", "claimed_until": None}
"""The columns of a request that nobody has claimed."""


class ApprovalRequest(Made, Base):
    """A proposal, its risk, terms, deadline and state.

    Attributes:
        interrupt_id: LangGraph's id of what is asked; empty for a request that no interrupt stands behind.
        value_digest: digest of the raw interrupt value that was reviewed; compared again before resuming.
        payload: what would be applied now; `proposed` is what the agent proposed, kept when a reviewer changed it.
        digest: SHA-256 of `payload` as stored.
        edited_by: ids of the people who made `payload` what it is, with those whose delegate or link they used; empty
            while it is as the agent proposed it.
        response_schema: JSON Schema of the answer, where the interrupt has one.
        opened_by_agent: name of the agent that opened it with a token of the requester's, or started its run so; empty
            if a person did.
        attention_at: the ranking key (`app.domain.ranking`).
        policy_version: of the policy it was opened under; None for the strict default.
        stage: of the terms, that reviews next.
        addressed_to: who may decide now, as `app.domain.policy.access` writes it; empty for any reviewer.
        escalated_to: who was added to this stage by escalations, in the same form; `escalation` counts the steps of
            the chain that are done.
        due_at: when time does something to it next (`app.domain.policy.due`); None: never.
        held_until: what was approved waits until then for its change window.
        answered_by: ``rejection:<request>`` or ``grant:<grant>`` that is to answer it, or has.
        reopened_at: a person wants the same proposal to be asked again, although this one was rejected.
        makers: of the token or link with which it was asked; they count as requesters, besides `requester_id`.
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
    answered_by: Mapped[str] = mapped_column(default="")
    reopened_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(state.value) for state in RequestState)})", name="state"),
        Index("uq_approval_requests_open_interrupt", "run_id", "interrupt_id", unique=True, postgresql_where=_PENDING),
        Index("ix_approval_requests_rank", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_risk", "risk", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_workflow", "workflow", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_kind", "kind", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_unassigned", "attention_at", "id", postgresql_where=_UNASSIGNED),
        Index("ix_approval_requests_rank_requester", "requester_id", "attention_at", "id", postgresql_where=_PENDING),
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
        Index("ix_approval_requests_due", "due_at", postgresql_where=_DUE),
        Index("ix_approval_requests_resolved", "resolved_at", "id", postgresql_where=_RESOLVED),
        Index("ix_approval_requests_resolved_risk", "risk", "resolved_at", "id", postgresql_where=_RESOLVED),
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
    """One person's word.

    `digest` is that of the payload it stands for, after the person's own change; of an answer, that of the payload and
    the answer together (`app.domain.policy.fold.answer_digest`). A withdrawn decision is kept and counts no more.

    Attributes:
        stage: of the request's terms, counted from 0.
        on_behalf_of_id: the absent person for whom a delegate decided.
        lapsed_why: why it counts no more although nobody took it back: its author has left, or is not asked any more.
        makers: of the sign-in link or token with which it was decided.
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
    lapsed_why: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        Index(
            "uq_decisions_standing", "request_id", "person_id", "stage", "digest",
            unique=True, postgresql_where=_STANDING,
        ),
    )  # fmt: skip


class OutcomeRow(Base):
    """What the policy made of the decisions. `body` is the `assent.Outcome` as the run receives it.

    The run is not told while `held_until` is set: a change window has to open first.
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

    `explicit` is True when the workflow itself reported; what the portal concludes never replaces that. `delivered_at`
    is the proof of delivery: empty where a step has reported, and it is not certain yet that the run keeps the outcome.
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
    """A remark on a request that decides nothing.

    `person_name` is the agent's where `by_agent` says that an agent made it; `person_id` is then the account that
    answers for the agent.
    """

    __tablename__ = "comments"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    person_name: Mapped[str]
    by_agent: Mapped[bool] = mapped_column(default=False, server_default=false())
    body: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def signature(self) -> str:
        """The author's name, marked if it is an agent's."""
        return signature("agent" if self.by_agent else "person", self.person_name)

    __table_args__ = (Index("ix_comments_request", "request_id", "at"),)
