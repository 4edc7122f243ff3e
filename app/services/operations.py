"""Figures for operators: the size of the database and of each kind of data, and who is connected to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.domain.people import Action, Actor
from app.store.engine import Sessions

_KINDS = {
    "Runs and checkpoints": ("runs", "checkpoints", "checkpoint_blobs", "checkpoint_writes", "artifacts", "tool_calls",
                             "step_progress"),
    "Requests and decisions": ("approval_requests", "decisions", "outcomes", "receipts", "comments", "claims",
                               "search_documents"),
    "Audit log": ("audit_entries", "audit_blocks"),
    "Events": ("events", "unplanned_events"),
    "Deliveries": ("deliveries",),
    "Files": ("stored_files", "file_chunks", "run_files"),
}  # fmt: skip
_OTHER = "Everything else"
_TABLES = text("""
    select c.relname as name, greatest(c.reltuples, s.n_live_tup, 0)::bigint as rows,
        pg_total_relation_size(c.oid) as bytes
    from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
    where c.relkind = 'r' and c.relnamespace = (select oid from pg_namespace where nspname = current_schema())""")
_SERVER = text("""
    select pg_database_size(current_database()) as bytes, current_setting('server_version') as version,
        current_setting('max_connections')::int as room, pg_is_in_recovery() as standby,
        (select at from events order by id limit 1) as oldest_event""")
_CONNECTIONS = text("""
    select coalesce(nullif(application_name, ''), 'others') as name, count(*) as number from pg_stat_activity
    where datname = current_database() group by 1 order by 2 desc, 1""")


@dataclass(frozen=True)
class Share:
    """Data of one kind. `rows` is the estimate of the database's statistics."""

    name: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class OperatingFigures:
    """The state of the database.

    Attributes:
        bytes: The size of the whole database.
        shares: The size of each kind of data, the largest first, and everything else last.
        version: PostgreSQL's.
        connections: Connections to this database, by the name of the program.
        room: Connections that the server accepts from all programs together.
        oldest_event: The time of the oldest event; None if there is none.
    """

    bytes: int
    shares: list[Share]
    version: str
    connections: list[tuple[str, int]]
    room: int
    oldest_event: datetime | None


class Operations:
    """Reads the figures. Only administrators may."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def figures(self, actor: Actor) -> OperatingFigures:
        """The figures now; they take a few milliseconds, however much is stored. Raises ForbiddenError."""
        actor.require(Action.OPERATE)
        with self._sessions.reads() as session:
            tables = {row.name: (int(row.rows), int(row.bytes)) for row in session.execute(_TABLES)}
            server = session.execute(_SERVER).one()
            connections = [(str(row.name), int(row.number)) for row in session.execute(_CONNECTIONS)]
        return OperatingFigures(
            int(server.bytes), _shares(tables), server.version, connections, server.room, server.oldest_event
        )


def _shares(tables: dict[str, tuple[int, int]]) -> list[Share]:
    left = dict(tables)
    found = []
    for kind, names in _KINDS.items():
        parts = [left.pop(name) for name in names if name in left]
        found.append(Share(kind, sum(rows for rows, _ in parts), sum(size for _, size in parts)))
    rest = Share(_OTHER, sum(rows for rows, _ in left.values()), sum(size for _, size in left.values()))
    return [*sorted(found, key=lambda share: -share.bytes), rest]
