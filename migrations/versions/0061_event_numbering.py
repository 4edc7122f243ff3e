"""Which server numbers the transactions of events, so that a restored database is recognized.

Revision ID: 0061
Revises: 0060
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_numbering",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("last_old_id", sa.BigInteger, nullable=False),
    )
    # The first start finds out which server it is, and whether the events are from another one.
    op.execute("insert into event_numbering values (1, '', 0, 0)")


def downgrade() -> None:
    op.drop_table("event_numbering")
