"""Events that call for notifications wait in a table of their own, and are planned many at once.

Until now each statement that wrote such events added a job, which is several rows and notifications for each.

Revision ID: 0029
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

CONCERNS_PEOPLE = """
        case kind
            when 'request.opened' then true
            when 'request.resolved' then true
            when 'request.receipt' then payload::json ->> 'status' <> 'delivered'
            when 'request.changed' then payload::json ->> 'what' in
                ('asks people', 'next stage', 'earlier stage again', 'escalated', 'warned', 'assigned')
                -- Whatever changes also changes what a message says that was sent, where messages can be rewritten.
                or exists (select from deliveries where deliveries.request_id = written.request_id
                    and channel = 'slack' and state in ('pending', 'sent'))
            else false
        end
        or exists (select from destinations where channel = 'webhook' and disabled_at is null and removed_at is null
            and (topics = '{}' or written.kind = any(topics)))"""
NOTE = f"""
create or replace function assent_tell_people() returns trigger language plpgsql as $$
begin
    -- A little later, so that a request that is decided at once notifies nobody in vain.
    insert into unplanned_events (event_id, due_at)
        select id, now() + interval '0.5 seconds' from written where {CONCERNS_PEOPLE};
    return null;
end $$;
"""  # noqa: S608
MOVE = """
do $$ begin
    if to_regclass('procrastinate_jobs') is not null then
        insert into unplanned_events (event_id, due_at)
            select distinct jsonb_array_elements_text(args -> 'events')::bigint, now()
            from procrastinate_jobs where task_name = 'notify.fan_out' and status in ('todo', 'doing')
            on conflict do nothing;
        delete from procrastinate_jobs where task_name = 'notify.fan_out' and status in ('todo', 'doing');
    end if;
end $$;
"""
TELL = f"""
create or replace function assent_tell_people() returns trigger language plpgsql as $$
begin
    -- One job for all events of a statement; runs' jobs go first.
    insert into procrastinate_jobs (queue_name, task_name, priority, args)
        select 'notify', 'notify.fan_out', -10, jsonb_build_object('events', jsonb_agg(id order by id)) from written
        where {CONCERNS_PEOPLE}
        having count(*) > 0;
    return null;
end $$;
"""  # noqa: S608
MOVE_BACK = """
    insert into procrastinate_jobs (queue_name, task_name, priority, args)
        select 'notify', 'notify.fan_out', -10, jsonb_build_object('events', jsonb_agg(event_id order by event_id))
        from unplanned_events having count(*) > 0
"""


LOCK = "lock table events in share row exclusive mode"
"""Whoever has written events ends first, so that none is noted in the other way afterwards."""


def upgrade() -> None:
    op.execute(LOCK)
    op.create_table(
        "unplanned_events",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_unplanned_events")),
    )
    op.execute(NOTE)
    op.execute(MOVE)


def downgrade() -> None:
    op.execute(TELL)
    op.execute(MOVE_BACK)
    op.drop_table("unplanned_events")
