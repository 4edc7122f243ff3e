"""Runs that are to ask before their next step.

Revision ID: 0046
Revises: 0045
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the version before, which may still run, start runs without this column.
    op.add_column("runs", sa.Column("ask_next", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("runs", "ask_next")
