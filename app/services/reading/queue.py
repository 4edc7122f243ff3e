"""Reading the ranked queue, a page at a time.

Page one costs the same with a thousand or a million pending: the order is an indexed column, the count stops at
`COUNT_CAP`, and the next page starts where the last one ended (keyset, not offset).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, and_, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError
from app.domain.people import Actor
from app.domain.policy.access import TEAM, Member
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.reading.queue_rows import COLUMNS, QueueRow, rows_of
from app.services.requests.delegation import stands_for
from app.services.sight import seen_requests
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

ROWS_AT_ONCE = 100
"""So many rows are brought up to date in one go."""
CHIP_CAP = 99
"""The counts at the filters stop here."""
CHIP_SCAN = 1_000
"""Where no index counts them, so many rows from the top are looked through."""
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
        my_teams: only what asks one of this person's teams.
        team: slug of a team that is asked.
        unassigned: only what nobody has claimed or been assigned.
        resolved: True lists what has been resolved, newest first, instead of what is pending.
        viewer: only what they see; None: everything.
    """

    risk: str = ""
    workflow: str = ""
    kind: str = ""
    text: str = ""
    mine: Member | None = None
    my_teams: Member | None = None
    team: str = ""
    unassigned: bool = False
    resolved: bool = False
    viewer: Actor | None = None

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


@dataclass(frozen=True)
class Count:
    """How many, up to `CHIP_CAP`; `more` says that there may be further ones."""

    number: int
    more: bool = False

    @property
    def words(self) -> str:
        """Such as ``7`` or ``99+``; empty where nothing was found and not all was looked through."""
        return "" if self.more and not self.number else f"{self.number}{'+' if self.more else ''}"


class Queue:
    """The queue as reviewers read it."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
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
            query = ordered(restricted(select(*COLUMNS), wanted, absent), wanted, cursor)
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

    def rows(self, wanted: QueueFilter, ids: Sequence[str]) -> list[QueueRow]:
        """Those of the named requests that are in the list, in its order; at most `ROWS_AT_ONCE`.

        Raises:
            InvalidInputError: more are named.
        """
        if len(ids) > ROWS_AT_ONCE:
            raise InvalidInputError(f"At most {ROWS_AT_ONCE} rows at once.", {"row": "too many"})
        usable = [each for each in ids if is_storable(each)]
        with self._sessions.reads() as session:
            absent = stands_for(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
            query = ordered(restricted(select(*COLUMNS), wanted, absent), wanted, None)
            return rows_of(session, session.execute(query.where(ApprovalRequest.id.in_(usable))).all())

    def counts(self, wanted: Mapping[str, QueueFilter]) -> dict[str, Count]:
        """How many are in each of several lists, for less than it takes to read a page of one."""
        if not wanted:
            return {}
        with self._sessions.reads() as session:
            now = self._clock()
            people = {each.mine.id: each.mine for each in wanted.values() if each.mine is not None}
            absent = {each: stands_for(session, each, now) for each in people}
            parts = [_bounded(each, absent.get(each.mine.id, ()) if each.mine else ()) for each in wanted.values()]
            numbers = session.execute(select(*parts)).one()
            # With fewer than that, all have been looked through.
            scanned_all = self._count(session, QueueFilter()) <= COUNT_CAP
        return {
            name: Count(min(number, CHIP_CAP), number > CHIP_CAP or not (scanned_all or _has_index(wanted[name])))
            for name, number in zip(wanted, numbers, strict=True)
        }

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
        some = ordered(restricted(select(ApprovalRequest.id), wanted, absent), wanted, None)
        capped = some.limit(COUNT_CAP + 1).subquery()
        return session.scalar(select(func.count()).select_from(capped)) or 0


# Spelled out rather than passed as a parameter, so that any plan may use the indexes of what is pending.
_PENDING = ApprovalRequest.state == literal_column("'pending'")
_RESOLVED = ApprovalRequest.state != literal_column("'pending'")


def restricted(query: Select[Any], wanted: QueueFilter, absent: Sequence[Member]) -> Select[Any]:
    """The requests that are wanted; `absent` are those for whom the person of `wanted.mine` stands in."""
    query = query.where(_RESOLVED if wanted.resolved else _PENDING)
    if wanted.viewer is not None and (seen := seen_requests(wanted.viewer)) is not None:
        query = query.where(seen)
    for name in ("risk", "workflow", "kind"):
        if value := getattr(wanted, name):
            query = query.where(getattr(ApprovalRequest, name) == value)
    if wanted.mine is not None:
        query = query.where(_concerns(wanted.mine, absent))
    if wanted.my_teams is not None:
        query = query.where(_addressed({f"{TEAM}{each}" for each in wanted.my_teams.teams}))
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


def _has_index(wanted: QueueFilter) -> bool:
    """True if what is wanted stands together in an index, so that counting stops at the cap."""
    named = [bool(wanted.risk), bool(wanted.workflow), bool(wanted.kind)]
    others = (wanted.text, wanted.mine, wanted.my_teams, wanted.team, wanted.unassigned)
    return sum(named) <= 1 and not any(others)


def _bounded(wanted: QueueFilter, absent: Sequence[Member]) -> Any:
    """A count that stops at `CHIP_CAP`, or that looks no further than `CHIP_SCAN` rows."""
    if _has_index(wanted) or wanted.resolved:
        found = ordered(restricted(select(ApprovalRequest.id), wanted, absent), wanted, None).limit(CHIP_CAP + 1)
    else:
        top = ordered(select(ApprovalRequest.id).where(_PENDING), QueueFilter(), None).limit(CHIP_SCAN).subquery()
        narrowed = restricted(select(ApprovalRequest.id), wanted, absent)
        found = narrowed.where(ApprovalRequest.id.in_(select(top.c.id))).limit(CHIP_CAP + 1)
    return select(func.count()).select_from(found.subquery()).scalar_subquery()


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


def ordered(query: Select[Any], wanted: QueueFilter, cursor: str | None) -> Select[Any]:
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
