"""Reading the ranked queue, a page at a time.

Page one costs the same with a thousand or a million pending: the order is an indexed column, the count stops at
`COUNT_CAP`, and the next page starts where the last one ended (keyset, not offset).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, and_, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError
from app.domain.policy.access import TEAM, Member
from app.domain.text import is_storable
from app.services.clock import Clock, system_clock
from app.services.people.standing_in import stands_for
from app.services.reading.queue_rows import COLUMNS, QueueRow, rows_of
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

COUNT_CAP = 500
"""Counting stops here; the page then says "more than 500". A filter counts as many rows with a million pending."""
MAX_PAGE = 200


@dataclass(frozen=True)
class QueueFilter:
    """What the reviewer wants to see; empty fields do not restrict.

    Attributes:
        risk: one of the risk levels.
        workflow: a workflow's name.
        kind: a proposal's kind.
        text: words looked for in the title, the workflow and the agent.
        mine: only what is assigned to this person, claimed by them, or asks them by name or team, or somebody absent
            for whom they stand in.
        team: slug of a team that is asked.
        unassigned: only what nobody has claimed or been assigned.
        resolved: True lists what has been resolved, newest first, instead of what is pending.
    """

    risk: str = ""
    workflow: str = ""
    kind: str = ""
    text: str = ""
    mine: Member | None = None
    team: str = ""
    unassigned: bool = False
    resolved: bool = False

    def __post_init__(self) -> None:
        if self.risk and self.risk not in set(RiskLevel):
            raise InvalidInputError(f"There is no risk level {self.risk!r}.", {"risk": "unknown"})
        for name in ("workflow", "kind", "text", "team"):
            if len(getattr(self, name)) > 200 or not is_storable(getattr(self, name)):
                raise InvalidInputError("This filter is too long or has control characters.", {name: "not usable"})


@dataclass(frozen=True)
class QueuePage:
    """Some rows, how many there are (at most `COUNT_CAP`), and where the next page starts (None: no more)."""

    rows: list[QueueRow]
    total: int
    capped: bool
    next_cursor: str | None


class Queue:
    """The queue as reviewers read it."""

    def __init__(self, sessions: Sessions, clock: Clock = system_clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def page(self, wanted: QueueFilter, cursor: str | None = None, limit: int = 50) -> QueuePage:
        """One page of requests.

        Raises:
            InvalidInputError: the cursor is not one of ours, or the limit is not between 1 and `MAX_PAGE`.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"A page has between 1 and {MAX_PAGE} rows.", {"limit": "out of range"})
        with self._sessions.reads() as session:
            absent = stands_for(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
            query = _ordered(_restricted(select(*COLUMNS), wanted, absent), wanted, cursor)
            found = session.execute(query.limit(limit + 1)).all()
            more = len(found) > limit
            total = self._count(session, wanted, absent) if more or cursor else len(found)
            rows = rows_of(session, found[:limit])
        return QueuePage(
            rows, min(total, COUNT_CAP), total > COUNT_CAP, _cursor_after(rows[-1], wanted) if more and rows else None
        )

    def row(self, request_id: str) -> QueueRow | None:
        """One request as a line of the queue, or None."""
        with self._sessions.reads() as session:
            rows = rows_of(session, session.execute(select(*COLUMNS).where(ApprovalRequest.id == request_id)).all())
        return rows[0] if rows else None

    def pending_count(self) -> tuple[int, bool]:
        """How many are pending, up to `COUNT_CAP`, and whether there are more."""
        with self._sessions.reads() as session:
            total = self._count(session, QueueFilter())
        return min(total, COUNT_CAP), total > COUNT_CAP

    def pending_workflows(self) -> list[str]:
        """Names of workflows that have pending requests; found by skipping through the index, not by a scan."""
        least = select(func.min(ApprovalRequest.workflow).label("name")).where(_PENDING)
        names = least.cte("names", recursive=True)
        following = least.where(ApprovalRequest.workflow > names.c.name).scalar_subquery()
        names = names.union_all(select(following).where(names.c.name.is_not(None)))
        with self._sessions.reads() as session:
            return list(session.scalars(select(names.c.name).where(names.c.name.is_not(None)).limit(100)))

    @staticmethod
    def _count(session: Session, wanted: QueueFilter, absent: Sequence[Member] = ()) -> int:
        # In the order of the list, as that has an index. Without an order the table might be read from its start,
        # where what was resolved long ago lies.
        some = _ordered(_restricted(select(ApprovalRequest.id), wanted, absent), wanted, None)
        capped = some.limit(COUNT_CAP + 1).subquery()
        return session.scalar(select(func.count()).select_from(capped)) or 0


# Spelled out rather than passed as a parameter, so that any plan may use the indexes of what is pending.
_PENDING = ApprovalRequest.state == literal_column("'pending'")
_RESOLVED = ApprovalRequest.state != literal_column("'pending'")


def _restricted(query: Select[Any], wanted: QueueFilter, absent: Sequence[Member]) -> Select[Any]:
    """The requests that are wanted; `absent` are those for whom the person of `wanted.mine` stands in."""
    query = query.where(_RESOLVED if wanted.resolved else _PENDING)
    for name in ("risk", "workflow", "kind"):
        if value := getattr(wanted, name):
            query = query.where(getattr(ApprovalRequest, name) == value)
    if wanted.mine is not None:
        query = query.where(_concerns(wanted.mine, absent))
    if wanted.team:
        query = query.where(_addressed({f"{TEAM}{wanted.team}"}))
    if wanted.unassigned:
        query = query.where(ApprovalRequest.assigned_to_id.is_(None), ApprovalRequest.claimed_by_id.is_(None))
    for word in wanted.text.split()[:8]:
        pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(
            or_(
                ApprovalRequest.title.ilike(pattern),
                ApprovalRequest.workflow.ilike(pattern),
                ApprovalRequest.agent.ilike(pattern),
            )
        )
    return query


def _concerns(person: Member, absent: Sequence[Member]) -> ColumnElement[bool]:
    instead = (
        and_(_addressed(each.addresses), ApprovalRequest.requester_id.is_distinct_from(each.id)) for each in absent
    )
    return or_(
        ApprovalRequest.assigned_to_id == person.id,
        ApprovalRequest.claimed_by_id == person.id,
        _addressed(person.addresses),
        *instead,
    )


def _addressed(addresses: frozenset[str] | set[str]) -> ColumnElement[bool]:
    # Found along the order of the list: what is asked of many stands near its start, and of few is found more slowly.
    return ApprovalRequest.addressed_to.bool_op("&&")(literal(sorted(addresses), ARRAY(Text)))


def _ordered(query: Select[Any], wanted: QueueFilter, cursor: str | None) -> Select[Any]:
    if wanted.resolved:
        # What a supersession ended has no moment of its own to sort by, but every resolved row has one.
        key = tuple_(ApprovalRequest.resolved_at, ApprovalRequest.id)
        query = query.where(ApprovalRequest.resolved_at.is_not(None))
        if cursor:
            query = query.where(key < tuple_(*_decode(cursor)))
        return query.order_by(ApprovalRequest.resolved_at.desc(), ApprovalRequest.id.desc())
    if cursor:
        at, request_id = _decode(cursor)
        query = query.where(
            and_(
                ApprovalRequest.attention_at >= at,
                tuple_(ApprovalRequest.attention_at, ApprovalRequest.id) > tuple_(at, request_id),
            )
        )
    return query.order_by(ApprovalRequest.attention_at, ApprovalRequest.id)


def _cursor_after(row: QueueRow, wanted: QueueFilter) -> str:
    at = row.resolved_at if wanted.resolved else row.attention_at
    raw = json.dumps([at.isoformat() if at else "", row.id])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, str]:
    try:
        at, request_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError) as error:
        raise InvalidInputError("This cursor is not one of ours.", {"cursor": "not usable"}) from error
    if moment.tzinfo is None or not isinstance(request_id, str) or not is_storable(request_id):
        raise InvalidInputError("This cursor is not one of ours.", {"cursor": "not usable"})
    return moment, request_id
