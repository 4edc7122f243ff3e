"""Runs go only the ways that are listed (`app.domain.lifecycle.RUN_TRANSITIONS`), whatever a statement says.

What is legal is told by the trigger's condition, so that a legal change calls no function.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

REFUSE = """
create function assent_refuse_run_state() returns trigger language plpgsql as $$
begin
    raise exception 'run % is %, and cannot become %', old.id, old.state, new.state using errcode = 'check_violation';
end $$;
create trigger runs_listed_ways before update of state on runs for each row
    when (old.state <> new.state and (old.state, new.state) not in (
        ('queued', 'running'), ('queued', 'paused'), ('queued', 'cancelled'),
        ('running', 'queued'), ('running', 'suspended'), ('running', 'paused'), ('running', 'completed'),
        ('running', 'failed'), ('running', 'cancelled'),
        ('suspended', 'running'), ('suspended', 'queued'), ('suspended', 'paused'), ('suspended', 'cancelled'),
        ('paused', 'queued'), ('paused', 'cancelled'),
        ('failed', 'queued')))
    execute function assent_refuse_run_state();
"""


def upgrade() -> None:
    op.execute(REFUSE)


def downgrade() -> None:
    op.execute("drop trigger runs_listed_ways on runs")
    op.execute("drop function assent_refuse_run_state()")
