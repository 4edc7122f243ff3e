"""Why an approval counts no more that nobody took back.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("lapsed_why", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("decisions", "lapsed_why")
