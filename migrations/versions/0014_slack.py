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

TELL = """
create or replace function assent_tell_people() returns trigger language plpgsql as $$
begin
    -- One job for all events of a statement; runs' jobs go first.
    insert into procrastinate_jobs (queue_name, task_name, priority, args)
        select 'notify', 'notify.fan_out', -10, jsonb_build_object('events', jsonb_agg(id order by id)) from written
        where case kind
            when 'request.opened' then true
            when 'request.resolved' then true
            when 'request.receipt' then payload::json ->> 'status' <> 'delivered'
            when 'request.changed' then payload::json ->> 'what' in
                ('asks people', 'next stage', 'earlier stage again', 'escalated', 'warned', 'assigned'){or_rewritten}
            else false
        end
        having count(*) > 0;
    return null;
end $$;
"""
OR_REWRITTEN = """
                -- Whatever changes also changes what a message says that was sent, where messages can be rewritten.
                or exists (select from deliveries where deliveries.request_id = written.request_id
                    and channel = 'slack' and state in ('pending', 'sent'))"""


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
    op.execute(TELL.format(or_rewritten=OR_REWRITTEN))


def downgrade() -> None:
    op.execute(TELL.format(or_rewritten=""))
    op.drop_table("slack_calls")
    op.drop_table("slack_codes")
    op.drop_table("slack_people")
