"""The top of the queue with similar requests grouped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.domain.risk import Assessment
from app.domain.similarity import Alike, Group, Like, comparable_text, grouped
from app.services.clock import Clock
from app.services.reading.queue_filter import QueueFilter
from app.services.reading.queue_rows import COLUMNS, QueueRow, rows_of
from app.services.reading.queue_search import QueueSearch
from app.services.reading.review_pace import ReviewPaces
from app.services.requests.delegation import represented_by
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

LOOKED_AT = 200
"""How many requests from the top are compared."""


@dataclass(frozen=True)
class QueueEntry:
    """A row of the grouped list.

    Attributes:
        rows: a single request, or those of the group by rank, each with what distinguishes it.
        group: None for a request that is similar to no other.
    """

    rows: tuple[tuple[QueueRow, Alike | None], ...]
    group: Group | None = None


class SimilarRequests:
    """Reads pending requests in groups."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._paces = ReviewPaces(clock)

    def entries(self, wanted: QueueFilter) -> list[QueueEntry]:
        """The first `LOOKED_AT` requests of the list; a group is placed where its first request would be."""
        with self._sessions.reads() as session:
            absent = represented_by(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
            query = select(*COLUMNS, ApprovalRequest.node, ApprovalRequest.payload)
            found = QueueSearch(session, wanted, absent).first(query, LOOKED_AT)
            rows = {row.id: row for row in rows_of(session, found, self._paces.current(session))}
        groups = grouped([_like(row) for row in found])
        at = {member.id: group for group in groups for member in group.members}
        entries: list[QueueEntry] = []
        for entry in rows.values():
            group = at.get(entry.id)
            if group is None:
                entries.append(QueueEntry(((entry, None),)))
            elif group.members[0].id == entry.id:
                entries.append(QueueEntry(tuple((rows[member.id], member) for member in group.members), group))
        return entries


def _like(row: Any) -> Like:
    payload = row.payload if isinstance(row.payload, dict) else {}
    subject = payload.get("tool") or (payload.get("verb"), payload.get("noun"), payload.get("language"))
    findings = Assessment.from_json(row.assessment).findings
    return Like(
        id=row.id,
        family=(row.workflow, row.node, row.kind, subject),
        text=comparable_text(row.payload),
        risk=RiskLevel(row.risk),
        environment=row.environment,
        rules=frozenset(finding.rule for finding in findings),
    )
