"""Calls of language models that runs have made, and answers that are kept for some time.

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_uses",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "run_id", "node", "agent", "task")),
        sa.Column("tier", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("model", "status")),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("ms", "input_tokens", "output_tokens", "cached_tokens")
        ),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost", sa.Numeric, nullable=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("prices", "error")),
        sa.PrimaryKeyConstraint("id", name="pk_model_uses"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_model_uses_run_id_runs", ondelete="CASCADE"),
    )
    op.create_index("ix_model_uses_run", "model_uses", ["run_id", "began_at"])
    op.create_index("ix_model_uses_began_at", "model_uses", ["began_at"])
    op.create_table(
        "model_answers",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("key", "task", "model", "content")),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_model_answers"),
    )
    op.create_index("ix_model_answers_expires_at", "model_answers", ["expires_at"])


def downgrade() -> None:
    op.drop_table("model_answers")
    op.drop_table("model_uses")
