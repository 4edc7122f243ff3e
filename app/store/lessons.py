"""Lessons: what people corrected, where it was used since, and which requests have been read for lessons.

Embeddings are in a table of their own, which exists only where the database has pgvector (`app.store.vectors`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.lessons import LessonState
from app.store.base import Base, CanonicalJSON


class Lesson(Base):
    """What people made of one proposed value.

    Attributes:
        request_id: The request in which they did; the lesson goes with it.
        requester_id: The account that requested it.
        audience: Who could decide on it, in the form of `app.domain.policy.access`; empty: any reviewer. Only they, and
            the requester, are served by the lesson.
        node: The step whose request it was.
        kind: Of the situation.
        path: JSON pointer of the value in that proposal.
        keys: By which similar situations are found without pgvector (`app.domain.likeness.keys_of`).
        before, after: What was proposed, and what people made of it; equal if they restored it.
        votes_for, votes_against: How often people approved and undid what the lesson had changed.
        replaces_id: The lesson that they undid.
        end_reason: Why it is switched off or retired; empty while it is active.
    """

    __tablename__ = "lessons"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("approval_requests.id", ondelete="CASCADE"))
    requester_id: Mapped[str | None]
    audience: Mapped[list[str]] = mapped_column(ARRAY(Text))
    workflow: Mapped[str]
    node: Mapped[str]
    kind: Mapped[str]
    path: Mapped[str]
    situation: Mapped[dict[str, Any]]
    situation_digest: Mapped[str]
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text))
    before: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    after: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    why: Mapped[str]
    by_name: Mapped[str]
    learned_at: Mapped[datetime]
    state: Mapped[str]
    votes_for: Mapped[int]
    votes_against: Mapped[int]
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("lessons.id", ondelete="SET NULL"))
    edited_at: Mapped[datetime | None]
    edited_by_name: Mapped[str]
    end_reason: Mapped[str]
    version: Mapped[int]

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(state.value) for state in LessonState)})", name="state"),
        Index("ix_lessons_workflow", "workflow", "kind", postgresql_where=text("state = 'active'")),
        Index("ix_lessons_keys", "keys", postgresql_using="gin", postgresql_where=text("state = 'active'")),
        Index("ix_lessons_learned", "learned_at", "id"),
        Index("ix_lessons_request", "request_id"),
        Index("ix_lessons_replaces", "replaces_id"),
    )


class LessonUse(Base):
    """A request whose proposal was changed by a lesson, at `path`.

    `result` says what people made of the change: ``kept``, ``undone``, or empty, while they have not approved it.
    """

    __tablename__ = "lesson_uses"

    lesson_id: Mapped[str] = mapped_column(ForeignKey("lessons.id", ondelete="CASCADE"), primary_key=True)
    request_id: Mapped[str] = mapped_column(
        ForeignKey("approval_requests.id", ondelete="CASCADE"), primary_key=True
    )  # fmt: skip
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]
    result: Mapped[str]

    __table_args__ = (Index("ix_lesson_uses_request", "request_id"),)


class LessonSource(Base):
    """A request that has been read for lessons, so that no other worker reads it again."""

    __tablename__ = "lesson_sources"

    request_id: Mapped[str] = mapped_column(
        ForeignKey("approval_requests.id", ondelete="CASCADE"), primary_key=True
    )  # fmt: skip
    read_at: Mapped[datetime]
