"""Which conversation of an AG-UI agent a callback belongs to: its answers are sent together.

Revision ID: 0063
Revises: 0062
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("callbacks", sa.Column("conversation", sa.Text(), nullable=True))
    op.create_index(
        "ix_callbacks_conversation", "callbacks", ["conversation"], postgresql_where=sa.text("conversation is not null")
    )


def downgrade() -> None:
    op.drop_index("ix_callbacks_conversation", "callbacks")
    op.drop_column("callbacks", "conversation")
