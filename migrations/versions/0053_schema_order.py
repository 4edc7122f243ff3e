"""Requests keep the order in which the names of a schema were written, for display.

Revision ID: 0053
Revises: 0052
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Requests of the version before have no order: their names are shown sorted, required ones first.
    op.add_column("approval_requests", sa.Column("schema_order", sa.Text))


def downgrade() -> None:
    op.drop_column("approval_requests", "schema_order")
