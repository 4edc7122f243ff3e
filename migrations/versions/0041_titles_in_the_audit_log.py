"""The audit log is found by the titles of requests and runs: blocks have their keys, and are made again.

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Workers make them again. Until then, searches scan those entries.
    op.execute("delete from audit_blocks")


def downgrade() -> None:
    op.execute("delete from audit_blocks")
