"""What steps report of their progress.

Revision ID: 0055
Revises: 0054
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

NOTIFY = """
create function assent_notify_progress() returns trigger language plpgsql as $$
begin
    perform pg_notify('assent_progress', new.run_id);
    return null;
end $$;
create trigger step_progress_notify after insert or update on step_progress
    for each row execute function assent_notify_progress();
"""


def upgrade() -> None:
    op.create_table(
        "step_progress",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=True),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "node", name="pk_step_progress"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_step_progress_run_id_runs", ondelete="CASCADE"),
    )
    op.execute(NOTIFY)


def downgrade() -> None:
    op.drop_table("step_progress")
    op.execute("drop function assent_notify_progress()")
