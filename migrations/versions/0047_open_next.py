"""People choose whether the next request opens after a decision.

Revision ID: 0047
Revises: 0046
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("open_next", sa.Text(), nullable=False, server_default="beside"))


def downgrade() -> None:
    op.drop_column("people", "open_next")
