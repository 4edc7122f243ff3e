"""Which process makes the call under an idempotency key, so that the key is free again soon after the process has died.

Revision ID: 0064
Revises: 0063
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency_keys", sa.Column("holder", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("idempotency_keys", "holder")
