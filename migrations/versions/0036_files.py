"""Files that people and programs upload for runs, in chunks, and which runs use them.

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "name")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("size", "received")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("state", "place", "wanted_sha256", "sha256")),
        sa.Column("version", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("owner_id", "owner_name", "owner_agent")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_owner", "files", ["owner_id", "created_at", "id"])
    op.create_index("ix_files_updated_at", "files", ["updated_at"])
    op.create_table(
        "file_chunks",
        sa.Column("file_id", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("file_id", "start", name="pk_file_chunks"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_file_chunks_file_id_files", ondelete="CASCADE"),
    )
    # Most files are compressed already, or not worth the time that it takes.
    op.execute("alter table file_chunks alter column content set storage external")
    op.create_table(
        "run_files",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("file_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "file_id", name="pk_run_files"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_files_run_id_runs", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_run_files_file_id_files"),
    )
    op.create_index("ix_run_files_file", "run_files", ["file_id"])


def downgrade() -> None:
    for table in ("run_files", "file_chunks", "files"):
        op.drop_table(table)
