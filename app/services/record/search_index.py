"""Maintains the blocks by which the audit log is searched (docs/decisions/0032).

Writing an entry costs nothing extra: its keys are created later, in one statement for many entries, when the portal is
not busy. A block has the keys of details, of actors, and of the titles of requests and runs, which never change.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.store.engine import Sessions
from app.store.search import ACTOR_KEY, TITLE_KEY

BLOCK = 32
"""Entries per block. More entries make the index smaller, and searches scan more entries in vain."""
ENOUGH = 8_192
"""How many entries can wait for a block: scanning them is as fast as using an index."""
TOO_MANY = 65_536
"""With this many waiting entries, blocks are created even while the portal is busy."""
BUSY = 20.0
"""Entries per second from which the portal counts as busy."""
AT_ONCE = 64
"""Blocks per statement, which takes some tenths of a second."""
SETTLING_SECONDS = 5.0
"""How long to wait for transactions that may still write entries of the block."""

_LAST_NUMBER = text("select case when is_called then last_value else 0 end from audit_entries_seq_seq")
_LAST_BLOCK = text("select coalesce(max(last_seq), 0) from audit_blocks")
_WRITERS = text(
    "select coalesce(array_agg(distinct virtualtransaction), '{}') from pg_locks "
    "where locktype = 'relation' and relation = 'audit_entries'::regclass and mode = 'RowExclusiveLock' "
    "and database = (select oid from pg_database where datname = current_database())"
)
_TRY_LOCK, _UNLOCK = (text(f"select {how}(9053672, 1)") for how in ("pg_try_advisory_lock", "pg_advisory_unlock"))
_MAKE = text(f"""
    with entries as (
        select (seq - :first) / {BLOCK} as block, detail, actor_name, actor_id, request_id, run_id
            from audit_entries where seq >= :first and seq < :first + {BLOCK} * :blocks),
    actors as (select distinct block, actor_name, actor_id from entries),
    titles as (
        select block, request.title from entries join approval_requests as request on request.id = request_id
        union select block, run.title from entries join runs as run on run.id = run_id),
    keys as (
        select block, key from entries, unnest(assent_search_keys(detail)) as key
        union
        select block, key | {ACTOR_KEY} from actors, unnest(assent_search_keys(actor_name, actor_id)) as key
        union
        select block, key | {TITLE_KEY} from titles, unnest(assent_search_keys(title)) as key)
    insert into audit_blocks (first_seq, last_seq, keys)
    select :first + {BLOCK} * block, :first + {BLOCK} * block + {BLOCK} - 1,
            coalesce(array_agg(key) filter (where key is not null), '{{}}')
        from generate_series(0, :blocks - 1) as block left join keys using (block) group by block
    on conflict do nothing""")


@dataclass(frozen=True)
class IndexProgress:
    """How many blocks were created, and how many entries are in none yet."""

    made: int
    waiting: int


class AuditIndex:
    """Creates blocks. Several workers can try at once: only one does it."""

    def __init__(self, sessions: Sessions) -> None:
        self._engine = sessions.engine
        self._seen: tuple[int, float] | None = None

    def extend(self) -> IndexProgress:
        """Create some blocks if it is worthwhile and the portal is not busy."""
        with self._engine.connect() as connection:
            last = int(connection.execute(_LAST_NUMBER).scalar_one())
            covered = int(connection.execute(_LAST_BLOCK).scalar_one())
            waiting = last - covered
            busy = self._is_busy(last)
            if waiting < ENOUGH or (busy and waiting < TOO_MANY):
                return IndexProgress(0, waiting)
            blocks = min(waiting // BLOCK, AT_ONCE)
            if not connection.execute(_TRY_LOCK).scalar_one():
                return IndexProgress(0, waiting)
            try:
                if not self._settled(connection):
                    return IndexProgress(0, waiting)
                connection.execute(_MAKE, {"first": covered + 1, "blocks": blocks})
            finally:
                connection.execute(_UNLOCK)
            return IndexProgress(blocks, waiting - blocks * BLOCK)

    def _is_busy(self, last: int) -> bool:
        """True if many entries have been written since the last call."""
        before, self._seen = self._seen, (last, time.monotonic())
        return before is not None and last - before[0] > BUSY * (self._seen[1] - before[1])

    @staticmethod
    def _settled(connection: Connection) -> bool:
        """True once no transaction can still write entries with numbers assigned before this call.

        Numbers are assigned before entries become visible, and in a different order. A transaction that was assigned
        one holds a lock on the table from before that until it ends.
        """
        writers = set(connection.execute(_WRITERS).scalar_one())
        until = time.monotonic() + SETTLING_SECONDS
        while writers and time.monotonic() < until:
            time.sleep(0.05)
            writers &= set(connection.execute(_WRITERS).scalar_one())
        return not writers
