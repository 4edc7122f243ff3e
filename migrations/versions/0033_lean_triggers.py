"""Leaner triggers: one on events instead of two, and a condition on runs that is quick to read.

PostgreSQL reads a trigger's condition anew for each statement. That of the runs' ways had 16 kB, and took a quarter of
the time of such an UPDATE. The two triggers on events looked at the same rows one after the other, the second one with
two subqueries for events that never concern anybody.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

LOCK = "lock table events, runs in share row exclusive mode"
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
    insert into unplanned_events (event_id, due_at)
        select id, now() + interval '0.5 seconds' from written where {CONCERNS_PEOPLE};"""  # noqa: S608
NOTIFY_PARTS = """
    perform pg_notify('assent_events', ids) from (
        select string_agg(id::text, ',' order by id) as ids
        from (select id, (row_number() over (order by id) - 1) / 350 as part from written) as numbered
        group by part order by part
    ) as parts;"""
TELL = f"""
create or replace function assent_tell_people() returns trigger language plpgsql as $$
declare
    many boolean;
    all_ids text;
    notable boolean;
begin
    select count(*) > 350, string_agg(id::text, ','),
        bool_or(kind in ('request.opened', 'request.resolved', 'request.receipt', 'request.changed'))
            or exists (select from destinations
                where channel = 'webhook' and disabled_at is null and removed_at is null)
        into many, all_ids, notable from written;
    -- One notification for many rows; its text may have 8,000 characters.
    if not many then
        perform pg_notify('assent_events', all_ids) where all_ids is not null;
    else {NOTIFY_PARTS}
    end if;
    -- Planned a little later, so that a request that is decided at once notifies nobody in vain.
    if notable then {NOTE}
    end if;
    return null;
end $$;
drop trigger events_notify on events;
drop function assent_notify_event();
"""  # noqa: S608
TELL_APART = f"""
create function assent_notify_event() returns trigger language plpgsql as $$
begin {NOTIFY_PARTS}
    return null;
end $$;
create trigger events_notify after insert on events referencing new table as written
    for each statement execute function assent_notify_event();
create or replace function assent_tell_people() returns trigger language plpgsql as $$
begin {NOTE}
    return null;
end $$;
"""
WAYS = """
    ('queued', 'running'), ('queued', 'paused'), ('queued', 'cancelled'),
    ('running', 'queued'), ('running', 'suspended'), ('running', 'paused'), ('running', 'completed'),
    ('running', 'failed'), ('running', 'cancelled'),
    ('suspended', 'running'), ('suspended', 'queued'), ('suspended', 'paused'), ('suspended', 'cancelled'),
    ('paused', 'queued'), ('paused', 'cancelled'),
    ('failed', 'queued')"""


def upgrade() -> None:
    op.execute(LOCK)
    op.execute(TELL)
    _limit_ways("old.state || '>' || new.state <> all ('{" + _words() + "}'::text[])")


def downgrade() -> None:
    op.execute(TELL_APART)
    _limit_ways(f"(old.state, new.state) not in ({WAYS})")


def _limit_ways(condition: str) -> None:
    op.execute("drop trigger runs_listed_ways on runs")
    op.execute(f"""
        create trigger runs_listed_ways before update of state on runs for each row
            when (old.state <> new.state and {condition}) execute function assent_refuse_run_state()""")


def _words() -> str:
    """Return the ways as ``queued>running,…``."""
    parts = [part.strip(" \n'") for part in WAYS.replace("(", "").replace(")", "").split(",")]
    return ",".join(f"{old}>{new}" for old, new in zip(parts[::2], parts[1::2], strict=True))
