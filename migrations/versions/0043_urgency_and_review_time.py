"""The requester's urgency, the estimated time of a review, and how long people read before they decided.

Revision ID: 0043
Revises: 0042
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the version before, which may still run, open requests without these columns.
    op.add_column("approval_requests", sa.Column("urgency", sa.Text, nullable=False, server_default="normal"))
    op.add_column("approval_requests", sa.Column("review_seconds", sa.Integer, nullable=False, server_default="0"))
    op.add_column("decisions", sa.Column("read_seconds", sa.Integer, nullable=True))
    op.create_index(
        "ix_approval_requests_rank_urgency", "approval_requests", ["urgency", "attention_at", "id"],
        postgresql_where=sa.text("state = 'pending' and urgency <> 'normal'"),
    )  # fmt: skip
    op.create_index(
        "ix_approval_requests_resolved_urgency", "approval_requests", ["urgency", "resolved_at", "id"],
        postgresql_where=sa.text("state <> 'pending' and urgency <> 'normal'"),
    )  # fmt: skip
    op.create_index(
        "ix_decisions_read", "decisions", ["at"], postgresql_where=sa.text("read_seconds is not null")
    )


def downgrade() -> None:
    op.drop_index("ix_decisions_read", "decisions")
    op.drop_index("ix_approval_requests_resolved_urgency", "approval_requests")
    op.drop_index("ix_approval_requests_rank_urgency", "approval_requests")
    op.drop_column("decisions", "read_seconds")
    op.drop_column("approval_requests", "review_seconds")
    op.drop_column("approval_requests", "urgency")
