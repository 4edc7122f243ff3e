"""Turns of messages in Slack, and the channel that comes first for everybody who has not chosen.

Revision ID: 0059
Revises: 0058
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slack_turns",
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_slack_turns")),
    )
    op.create_table(
        "notify_defaults",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notify_defaults")),
        sa.CheckConstraint("id = 1", name=op.f("ck_notify_defaults_one")),
    )


def downgrade() -> None:
    op.drop_table("notify_defaults")
    op.drop_table("slack_turns")
