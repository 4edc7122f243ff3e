"""The order of a thread's checkpoints, which the database keeps independently of clocks.

LangGraph gives checkpoints time-based IDs, and considers the greatest the newest. When the clocks of two workers
differ, a later checkpoint can have a smaller ID: the thread seems to be in an earlier state, and the step after an
approval runs again. So each row has its own number, one more than that of its parent, and a checkpoint that does not
follow the newest one is rejected, regardless of its writer.

A trigger does this, so it also applies to LangGraph's own saver and to workers of earlier versions. The column's name
is our own, so that it cannot conflict with LangGraph's migrations; LangGraph's statements name their columns.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg

OVERTAKEN = "AS013"
"""SQLSTATE of a checkpoint that does not follow the newest one of its thread and namespace."""
UNIQUE = "checkpoints_assent_seq"
"""The index that prevents two concurrent writers from following the same checkpoint."""

_COMPLETE = """
    select exists (select from pg_attribute where attrelid = to_regclass('checkpoints') and attname = 'assent_seq'
            and attnotnull and not attisdropped)
        and exists (select from pg_trigger where tgrelid = to_regclass('checkpoints')
            and tgname = 'assent_order_checkpoint' and tgenabled <> 'D')
        and to_regclass('checkpoints_assent_seq') is not null"""

_FUNCTION: LiteralString = """
create or replace function assent_order_checkpoint() returns trigger language plpgsql as $$
declare
    newest record;
begin
    select checkpoint_id, assent_seq into newest from checkpoints
        where thread_id = new.thread_id and checkpoint_ns = new.checkpoint_ns
        order by assent_seq desc limit 1;
    if not found then
        new.assent_seq := 1;
    elsif newest.checkpoint_id = new.parent_checkpoint_id then
        new.assent_seq := newest.assent_seq + 1;
    else
        -- LangGraph may write a checkpoint again, which keeps its place.
        select assent_seq into new.assent_seq from checkpoints
            where thread_id = new.thread_id and checkpoint_ns = new.checkpoint_ns
                and checkpoint_id = new.checkpoint_id;
        if not found then
            raise exception 'checkpoint % of thread % follows %, but the newest one is %',
                new.checkpoint_id, new.thread_id, coalesce(new.parent_checkpoint_id, 'none'), newest.checkpoint_id
                using errcode = 'AS013';
        end if;
    end if;
    return new;
end $$;
create or replace trigger assent_order_checkpoint before insert on checkpoints
    for each row execute function assent_order_checkpoint();
"""

_FILL: LiteralString = """
set local work_mem = '256MB';
alter table checkpoints add column if not exists assent_seq bigint;
with recursive chain as (
    select thread_id, checkpoint_ns, checkpoint_id, checkpoint_id as latest, 1 as depth
        from checkpoints as root
        where not exists (select from checkpoints as parent
            where parent.thread_id = root.thread_id and parent.checkpoint_ns = root.checkpoint_ns
                and parent.checkpoint_id = root.parent_checkpoint_id and parent.checkpoint_id <> root.checkpoint_id)
    union all
    select child.thread_id, child.checkpoint_ns, child.checkpoint_id,
            greatest(chain.latest, child.checkpoint_id), chain.depth + 1
        from chain join checkpoints as child on child.thread_id = chain.thread_id
            and child.checkpoint_ns = chain.checkpoint_ns and child.parent_checkpoint_id = chain.checkpoint_id
            and child.checkpoint_id <> chain.checkpoint_id
), placed as (
    select thread_id, checkpoint_ns, checkpoint_id, row_number() over (
            partition by thread_id, checkpoint_ns order by latest, depth, checkpoint_id
        ) as place
        from chain
)
update checkpoints as row set assent_seq = placed.place from placed
    where row.thread_id = placed.thread_id and row.checkpoint_ns = placed.checkpoint_ns
        and row.checkpoint_id = placed.checkpoint_id;
alter table checkpoints alter column assent_seq set not null;
create unique index checkpoints_assent_seq on checkpoints (thread_id, checkpoint_ns, assent_seq);
"""
# A parent comes before its children. If clocks agreed, that is the order of the IDs. If they did not, each row uses the
# greatest ID on the path to it, so that checkpoints written after one "from the future" come after it; of two branches
# from one checkpoint, the longer one is the newer.


def order_threads(connection: psycopg.Connection) -> None:
    """Number the checkpoints of all threads, and install the trigger for new ones. Repeating this changes nothing.

    LangGraph's own migrations must be applied before. While stored threads are being numbered, the table is locked.
    """
    with connection.transaction():
        if not threads_ordered(connection):
            connection.execute("lock table checkpoints in access exclusive mode")
            if not threads_ordered(connection):
                connection.execute("drop index if exists checkpoints_assent_seq")
                connection.execute(_FILL)
        connection.execute(_FUNCTION)


def threads_ordered(connection: psycopg.Connection) -> bool:
    """Return True if `order_threads` was applied to the database, and not undone."""
    row = connection.execute(_COMPLETE).fetchone()
    return bool(row and row[0])
