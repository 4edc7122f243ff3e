"""When the content of an old request was removed; and a row that health checks write.

Revision ID: 0062
Revises: 0061
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approval_requests", sa.Column("emptied_at", sa.DateTime(timezone=True)))
    op.create_table("write_checks", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False))
    op.execute("insert into write_checks values (now())")


def downgrade() -> None:
    op.drop_table("write_checks")
    op.drop_column("approval_requests", "emptied_at")
