"""Which interrupt of which thread a callback answers, for agents that speak AG-UI.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("callbacks", sa.Column("ag_ui", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("callbacks", "ag_ui")
