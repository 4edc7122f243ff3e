"""Tools: their catalog, what each worker has, the calls that runs made, and the approved calls that have begun.

Revision ID: 0034
Revises: 0033
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "tools",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name="pk_tools"),
    )
    op.create_table(
        "toolboxes",
        sa.Column("worker", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("tools", sa.Text, nullable=False),
        sa.Column("broken", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_toolboxes"),
    )
    op.create_table(
        "tool_calls",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("node", "tool", "version", "status")),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ms", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("inputs", "error", "warnings", "call_id", "parent_id", "request_id")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tool_calls"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_tool_calls_run_id_runs", ondelete="CASCADE"),
    )
    op.create_index("ix_tool_calls_run", "tool_calls", ["run_id", "id"])
    op.create_index("ix_tool_calls_tool", "tool_calls", ["tool", "began_at"])
    op.create_table(
        "begun_calls",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_begun_calls"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_begun_calls_run_id_runs", ondelete="CASCADE"),
    )


def downgrade() -> None:
    for table in ("begun_calls", "tool_calls", "toolboxes", "tools"):
        op.drop_table(table)
