"""When a step of a run has first opened a file, so that it is on the audit log once.

Revision ID: 0058
Revises: 0057
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run_files", sa.Column("opened_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("run_files", "opened_at")
