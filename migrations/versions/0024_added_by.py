"""Who added an account counts as its person, until somebody else makes a sign-in link for it.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("makers", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("people", sa.Column("made_by", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("people", "made_by")
    op.drop_column("people", "makers")
