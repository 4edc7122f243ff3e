"""Why too few people can decide a request.

Revision ID: 0060
Revises: 0059
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approval_requests", sa.Column("shortage", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("approval_requests", "shortage")
