"""Reasons that teams have written beforehand, for rejecting and for requesting changes.

Revision ID: 0051
Revises: 0050
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prepared_reasons",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("team_slug", sa.Text, sa.ForeignKey("teams.slug", ondelete="CASCADE"), nullable=False),
        sa.Column("use", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_prepared_reasons_team_slug", "prepared_reasons", ["team_slug"])


def downgrade() -> None:
    op.drop_table("prepared_reasons")
