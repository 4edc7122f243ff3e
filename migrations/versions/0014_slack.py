"""People in Slack, and events that change what a message there should say.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REWRITE = """
create function assent_rewrite_messages() returns trigger language plpgsql as $$
begin
    -- What `assent_tell_people` has no job for already, and only where there is a message that can be rewritten.
    insert into procrastinate_jobs (queue_name, task_name, priority, args)
        select 'notify', 'notify.fan_out', -10, jsonb_build_object('events', jsonb_agg(id order by id)) from written
        where kind = 'request.changed' and payload::json ->> 'what' not in
            ('asks people', 'next stage', 'earlier stage again', 'escalated', 'warned', 'assigned')
        and exists (select from deliveries where deliveries.request_id = written.request_id
            and channel = 'slack' and state in ('pending', 'sent'))
        having count(*) > 0;
    return null;
end $$;
create trigger events_rewrite_messages after insert on events referencing new table as written
    for each statement execute function assent_rewrite_messages();
"""


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "slack_people",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("slack_user", sa.Text(), nullable=False),
        sa.Column("slack_name", sa.Text(), nullable=False),
        sa.Column("linked_at", at, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_slack_people_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_slack_people")),
        sa.UniqueConstraint("slack_user", name=op.f("uq_slack_people_slack_user")),
    )
    op.create_table(
        "slack_codes",
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("slack_user", sa.Text(), nullable=False),
        sa.Column("slack_name", sa.Text(), nullable=False),
        sa.Column("expires_at", at, nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_slack_codes")),
    )
    op.create_table(
        "slack_calls",
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.PrimaryKeyConstraint("signature", name=op.f("pk_slack_calls")),
    )
    op.execute(REWRITE)


def downgrade() -> None:
    op.execute("drop trigger events_rewrite_messages on events")
    op.execute("drop function assent_rewrite_messages()")
    op.drop_table("slack_calls")
    op.drop_table("slack_codes")
    op.drop_table("slack_people")
