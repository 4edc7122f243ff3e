"""What a run holds can be deleted on request; the run says when, and by whom.

Revision ID: 0057
Revises: 0056
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.add_column("runs", sa.Column("erased_by_name", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("runs", "erased_by_name")
    op.drop_column("runs", "erased_at")
