"""Approval requests and what people and runs do with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.lifecycle import RequestState
from app.store.base import Base, CanonicalJSON

_PENDING = text("state = 'pending'")
_RESOLVED = text("state <> 'pending'")


class ApprovalRequest(Base):
    """A proposal, its risk, terms, deadline and state.

    Attributes:
        interrupt_id: LangGraph's id of what is asked; empty for a request that no interrupt stands behind.
        value_digest: digest of the raw interrupt value that was reviewed; compared again before resuming.
        payload: what would be applied now; `proposed` is what the agent proposed, kept when a reviewer changed it.
        digest: SHA-256 of `payload` as stored.
        response_schema: JSON Schema of the answer, where the interrupt has one.
        attention_at: the ranking key (`app.domain.ranking`).
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
    digest: Mapped[str]
    proposed: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    proposed_digest: Mapped[str]
    response_schema: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    assessment: Mapped[dict[str, Any]]
    risk: Mapped[str]
    terms: Mapped[dict[str, Any]]
    requester_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    requester_name: Mapped[str]
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

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(each.value) for each in RequestState)})", name="state"),
        Index("uq_approval_requests_open_interrupt", "run_id", "interrupt_id", unique=True, postgresql_where=_PENDING),
        Index("ix_approval_requests_rank", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_risk", "risk", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_workflow", "workflow", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_rank_kind", "kind", "attention_at", "id", postgresql_where=_PENDING),
        Index("ix_approval_requests_due", "expires_at", postgresql_where=_PENDING),
        Index("ix_approval_requests_resolved", "resolved_at", "id", postgresql_where=_RESOLVED),
        Index("ix_approval_requests_run", "run_id", "opened_at"),
        Index("ix_approval_requests_previous", "previous_id"),
    )


class Decision(Base):
    """One person's word.

    `digest` is that of the payload it stands for, after the person's own change; of an answer, that of the payload and
    the answer together (`app.domain.policy.answer_digest`).
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

    __table_args__ = (UniqueConstraint("request_id", "person_id", "digest"),)


class OutcomeRow(Base):
    """What the policy made of the decisions. `body` is the `assent.Outcome` as the run receives it."""

    __tablename__ = "outcomes"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    verdict: Mapped[str]
    next_action: Mapped[str]
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class ReceiptRow(Base):
    """What the run did with an outcome. Its first writing is the proof of delivery.

    `explicit` is True when the workflow itself reported; what the portal concludes never replaces that.
    """

    __tablename__ = "receipts"

    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"), primary_key=True)
    status: Mapped[str]
    explicit: Mapped[bool] = mapped_column(default=False)
    summary: Mapped[str] = mapped_column(default="")
    detail: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    delivered_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Comment(Base):
    """A remark on a request that decides nothing."""

    __tablename__ = "comments"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    person_name: Mapped[str]
    body: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_comments_request", "request_id", "at"),)
