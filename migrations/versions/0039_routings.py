"""Texts that people wanted routed, what was answered, and what they chose.

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "routings",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "asker_id", "asker_agent", "text", "key")),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("taken_at", moment),
        sa.Column("answered_at", moment),
        sa.Column("answer", sa.Text),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("chosen_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_routings"),
        sa.ForeignKeyConstraint(["asker_id"], ["people.id"], name="fk_routings_asker_id_people", ondelete="CASCADE"),
    )
    op.create_index("ix_routings_waiting", "routings", ["asked_at"], postgresql_where=sa.text("answered_at is null"))
    op.create_index("ix_routings_key", "routings", ["key", "chosen_at"], postgresql_where=sa.text("chosen <> ''"))
    op.create_index("ix_routings_asker", "routings", ["asker_id", "asked_at"])
    op.create_index("ix_routings_asked_at", "routings", ["asked_at"])


def downgrade() -> None:
    op.drop_table("routings")
