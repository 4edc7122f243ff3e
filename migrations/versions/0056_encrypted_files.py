"""The parts of files are encrypted; each says with which key.

Parts that are there already stay as they are until `assent keys rotate` encrypts them.

Revision ID: 0056
Revises: 0055
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("file_chunks", sa.Column("size", sa.BigInteger, nullable=True))
    op.execute("update file_chunks set size = octet_length(content)")
    op.alter_column("file_chunks", "size", nullable=False)
    op.add_column("file_chunks", sa.Column("key_id", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_file_chunks_key", "file_chunks", ["key_id"])


def downgrade() -> None:
    op.drop_index("ix_file_chunks_key", "file_chunks")
    op.drop_column("file_chunks", "key_id")
    op.drop_column("file_chunks", "size")
