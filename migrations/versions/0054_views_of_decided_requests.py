"""Decided requests have a page of their own, so no saved view of the queue lists them any more.

Revision ID: 0054
Revises: 0053
"""

from __future__ import annotations

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody could open such a view on the queue to delete it.
    op.execute("delete from saved_views where filters::json ->> 'resolved' is not null")


def downgrade() -> None:
    pass
