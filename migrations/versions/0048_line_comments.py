"""Comments at lines of what a request proposes, which are resolved and reopened, and replies to them.

Revision ID: 0048
Revises: 0047
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the version before, which may still run, add comments without these columns.
    op.add_column("comments", sa.Column("line", sa.Integer))
    for name in ("part", "line_text", "digest", "resolved_by_name"):
        op.add_column("comments", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("comments", sa.Column("reply_to", sa.Text, sa.ForeignKey("comments.id")))
    op.add_column("comments", sa.Column("resolved_at", sa.DateTime(timezone=True)))
    op.add_column("comments", sa.Column("resolved_by_id", sa.Text, sa.ForeignKey("people.id")))


def downgrade() -> None:
    for name in (
        "resolved_by_id", "resolved_at", "reply_to", "resolved_by_name", "digest", "line_text", "part", "line"
    ):  # fmt: skip
        op.drop_column("comments", name)
