"""Lessons from people's corrections, the requests that used them, and those that have been read for lessons.

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TEXTS = ("workflow", "node", "kind", "path", "situation", "situation_digest")
ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "lessons",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("requester_id", sa.Text),
        sa.Column("audience", postgresql.ARRAY(sa.Text), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in TEXTS),
        sa.Column("keys", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("by_name", sa.Text, nullable=False),
        sa.Column("learned_at", moment, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("votes_for", sa.Integer, nullable=False),
        sa.Column("votes_against", sa.Integer, nullable=False),
        sa.Column("replaces_id", sa.Text),
        sa.Column("edited_at", moment),
        sa.Column("edited_by_name", sa.Text, nullable=False),
        sa.Column("end_reason", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lessons"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name="fk_lessons_request_id_approval_requests", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["lessons.id"], name="fk_lessons_replaces_id_lessons", ondelete="SET NULL"
        ),
        sa.CheckConstraint("state in ('active', 'off', 'retired')", name="ck_lessons_state"),
    )
    op.create_index("ix_lessons_workflow", "lessons", ["workflow", "kind"], postgresql_where=ACTIVE)
    op.create_index("ix_lessons_keys", "lessons", ["keys"], postgresql_using="gin", postgresql_where=ACTIVE)
    op.create_index("ix_lessons_learned", "lessons", ["learned_at", "id"])
    op.create_index("ix_lessons_request", "lessons", ["request_id"])
    op.create_index("ix_lessons_replaces", "lessons", ["replaces_id"])
    op.create_table(
        "lesson_uses",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("lesson_id", "request_id", "path")),
        sa.Column("at", moment, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "request_id", "path", name="pk_lesson_uses"),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lessons.id"], name="fk_lesson_uses_lesson_id_lessons", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name="fk_lesson_uses_request_id_approval_requests",
            ondelete="CASCADE",
        ),
    )  # fmt: skip
    op.create_index("ix_lesson_uses_request", "lesson_uses", ["request_id"])
    op.create_table(
        "lesson_sources",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("read_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_lesson_sources"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name="fk_lesson_sources_request_id_approval_requests",
            ondelete="CASCADE",
        ),
    )  # fmt: skip


def downgrade() -> None:
    op.execute("drop table if exists lesson_vectors")
    for table in ("lesson_sources", "lesson_uses", "lessons"):
        op.drop_table(table)
