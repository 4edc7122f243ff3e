"""Who advances a run stands in its row; the lock that proves a worker to live is one per process.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("holder", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("runs", "holder")
