"""Requests that are alike have the same key.

Revision ID: 0050
Revises: 0049
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the version before, which may still run, open requests without the key; these are compared with none.
    op.add_column("approval_requests", sa.Column("likeness", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "ix_approval_requests_alike", "approval_requests", ["likeness", "attention_at", "id"],
        postgresql_where=sa.text("state = 'pending' and likeness <> ''"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_approval_requests_alike", "approval_requests")
    op.drop_column("approval_requests", "likeness")
