"""The portal's metrics for monitoring, read from the database in one statement."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.people import Action, Actor
from app.store.engine import Sessions
from app.store.jobs import LAST_SIGN, WAITING

# Each part uses an index on what it counts: pending and due requests, live runs, waiting jobs, unsent email.
_NUMBERS = f"""
    select 'pending' as name, risk as label, count(*)::float8 as value from approval_requests
        where state = 'pending' group by risk
    union all select 'oldest_pending', '', extract(epoch from now() - min(opened_at))::float8 from approval_requests
        where state = 'pending'
    union all select 'overdue', '', greatest(0, extract(epoch from now() - min(due_at)))::float8 from approval_requests
        where due_at is not null
    union all select 'runs', state, count(*)::float8 from runs
        where state in ('queued', 'running', 'suspended', 'paused') group by state
    union all select 'jobs', queue, waiting::float8 from ({WAITING}) as jobs
    union all select 'deliveries', state, count(*)::float8 from deliveries where state in ('pending', 'failed')
        group by state
    union all select 'worker', '', extract(epoch from now() - ({LAST_SIGN}))::float8
    union all select 'audit', '', coalesce(max(seq), 0)::float8 from audit_entries
    order by name, label"""


@dataclass(frozen=True)
class Number:
    """One metric. `value` is None if there is nothing to measure."""

    name: str
    label: str
    value: float | None


class Numbers:
    """Reads the metrics."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def all(self, viewer: Actor) -> list[Number]:
        """All metrics. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        return [Number(**row) for row in self._sessions.execute(_NUMBERS, {})]
