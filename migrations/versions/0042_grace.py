"""Grace: the decision that settles a request takes effect a little later, and can be taken back until then.

Revision ID: 0042
Revises: 0041
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approval_requests", sa.Column("resolves_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("approval_requests", "resolves_at")
