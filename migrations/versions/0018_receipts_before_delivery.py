"""A reported receipt may be stored before it is certain that the run keeps the outcome.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("receipts", "delivered_at", nullable=True)


def downgrade() -> None:
    op.execute("update receipts set delivered_at = updated_at where delivered_at is null")
    op.alter_column("receipts", "delivered_at", nullable=False)
