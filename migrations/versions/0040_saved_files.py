"""Files that runs save: each names its run, and a run has one complete file of each name.

Revision ID: 0040
Revises: 0039
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes of the version before, which may still run, store uploads without this column.
    op.add_column("files", sa.Column("run_id", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "ix_files_of_run", "files", ["run_id", "name"], unique=True,
        postgresql_where=sa.text("run_id <> '' and state = 'complete'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_files_of_run", "files")
    op.drop_column("files", "run_id")
