"""The audit log is searched by blocks of entries; a worker fills the table.

Revision ID: 0030
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_blocks",
        sa.Column("first_seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("keys", sa.ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("first_seq", name=op.f("pk_audit_blocks")),
    )
    op.create_index(
        "ix_audit_blocks_keys", "audit_blocks", ["keys"],
        postgresql_using="gin", postgresql_with={"fastupdate": "off"},
    )  # fmt: skip
    # How frequent each key is does not matter to any plan, and takes long to find out.
    op.execute("alter table audit_blocks alter column keys set statistics 0")


def downgrade() -> None:
    op.drop_table("audit_blocks")
