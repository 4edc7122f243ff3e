"""The record is read by time as quickly as from its end.

A coarse index found the entries of a period, but not the newest of them: everything newer was read before.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_audit_entries_at", table_name="audit_entries")
    op.create_index("ix_audit_entries_at", "audit_entries", ["at", "seq"])


def downgrade() -> None:
    op.drop_index("ix_audit_entries_at", table_name="audit_entries")
    op.create_index(
        "ix_audit_entries_at", "audit_entries", ["at"], postgresql_using="brin", postgresql_with={"autosummarize": True}
    )
