"""Finds the requests of a list in the cheapest way (docs/decisions/0032).

A filter by one column matches the order of an index. Other filters (words, teams, the person's own) use one of two
ways: if many requests match, along the list order; if few do, through an index that finds just those, which are then
sorted. Probing the next `TOP` requests decides between them, so that neither stale statistics nor a plan that is cached
for all values can choose the wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CTE, Select, and_, func, select
from sqlalchemy.orm import Session

from app.domain.policy.access import Member
from app.services.reading.queue_filter import (
    NAMED,
    QueueFilter,
    after,
    can_be_looked_up,
    conditions,
    has_index,
    is_in_order,
    ordered,
)
from app.store.requests import ApprovalRequest

COUNT_CAP = 500
"""Counting stops here; the page then says "more than 500". The cost does not grow with the number of requests."""
TOP = 1_000
"""How many requests are probed to see how many of them match."""
_MANY, _LOOKED_THROUGH = 200, 4_000
"""If at least this many of `TOP` match, they are counted along the list, scanning at most this many requests."""


class QueueSearch:
    """Finds the requests of one list.

    Args:
        absent: the people whose delegate the person of `wanted.mine` is.
    """

    def __init__(self, session: Session, wanted: QueueFilter, absent: Sequence[Member] = ()) -> None:
        self._session = session
        self._wanted = wanted
        self._absent = absent
        self._in_order = is_in_order(wanted)
        self._can_be_looked_up = can_be_looked_up(wanted)
        self._from_top: tuple[int, int] | None = None
        self._number: int | None = None

    def first(self, query: Select[Any], limit: int, cursor: str | None = None) -> Sequence[Any]:
        """The first `limit` rows of `query` after a cursor, in order. Raises InvalidInputError."""
        narrowed = query.where(*conditions(self._wanted, self._absent))
        if self._are_many(limit, cursor):
            return self._session.execute(ordered(narrowed, self._wanted, cursor).limit(limit)).all()
        ids = self._few(limit, cursor)
        return self._session.execute(ordered(narrowed.where(ApprovalRequest.id.in_(ids)), self._wanted)).all()

    def count(self) -> int:
        """How many requests match, up to one more than `COUNT_CAP`."""
        if self._number is None:
            self._number = min(self._count(), COUNT_CAP + 1)
        return self._number

    def _count(self) -> int:
        if self._in_order or not self._can_be_looked_up:
            # In list order, because that has an index. Without an order, the table might be read from its start, where
            # requests are that were settled long ago.
            query = select(ApprovalRequest.id).where(*conditions(self._wanted, self._absent))
            return self._counted(ordered(query, self._wanted).limit(COUNT_CAP + 1))
        looked, fitting = self._look(None)
        if looked <= TOP or fitting > COUNT_CAP:
            return fitting
        if fitting >= _MANY:
            top = self._looked_at(None, _LOOKED_THROUGH).subquery()
            number = self._counted(select(top).where(top.c.fits).limit(COUNT_CAP + 1))
            if number > COUNT_CAP:
                return number
        # The index finds all of them, but only as many as are counted are read.
        return self._counted(select(self._by_index(None)).limit(COUNT_CAP + 1))

    def _are_many(self, limit: int, cursor: str | None) -> bool:
        """True if the first `limit` are best found in list order."""
        if self._in_order or not self._can_be_looked_up:
            return True
        looked, fitting = self._look(cursor)
        return looked <= TOP or fitting >= limit

    def _counted(self, query: Select[Any]) -> int:
        return self._session.scalar(select(func.count()).select_from(query.subquery())) or 0

    def _look(self, cursor: str | None) -> tuple[int, int]:
        """How many of the next requests were probed, which is more than `TOP` if there are more; and how many match."""
        if cursor is None and self._from_top is not None:
            return self._from_top
        top = self._looked_at(cursor, TOP + 1).subquery()
        row = self._session.execute(select(func.count(), func.count().filter(top.c.fits)).select_from(top)).one()
        if cursor is None:
            self._from_top = (row[0], row[1])
        return row[0], row[1]

    def _looked_at(self, cursor: str | None, limit: int) -> Select[Any]:
        """The next requests of the narrowest list that an index has in order, and for each whether it matches."""
        base = QueueFilter(resolved=self._wanted.resolved, viewer=self._wanted.viewer)
        if not self._wanted.snoozed:
            base = replace(base, snoozer=self._wanted.snoozer)
        named = [name for name in NAMED if has_index(self._wanted, name)]
        if named and not self._wanted.narrowed_to_viewer:
            base = replace(base, **{named[0]: getattr(self._wanted, named[0])})
        fits = and_(*conditions(self._wanted, self._absent)).label("fits")
        return ordered(select(fits).where(*conditions(base)), base, cursor).limit(limit)

    def _few(self, limit: int, cursor: str | None) -> list[str]:
        """The ids of the first requests, found through an index and sorted."""
        found = self._by_index(cursor)
        # All are found before the first one is known, so counting them costs nothing.
        query = select(found.c.id, func.count().over())
        if self._wanted.resolved:
            query = query.order_by(found.c.resolved_at.desc(), found.c.id.desc())
        else:
            query = query.order_by(found.c.attention_at, found.c.id)
        rows = self._session.execute(query.limit(limit)).all()
        if cursor is None:
            self._number = rows[0][1] if rows else 0
        return [row[0] for row in rows]

    def _by_index(self, cursor: str | None) -> CTE:
        """The matching requests, in no particular order.

        PostgreSQL plans this separately, so it cannot walk along the list order, or through all requests in the hope of
        finding enough matches soon.
        """
        row = ApprovalRequest
        query = select(row.id, row.attention_at, row.resolved_at)
        query = query.where(*conditions(self._wanted, self._absent, by_index=True))
        if self._wanted.resolved:
            query = query.where(row.resolved_at.is_not(None))
        if cursor:
            query = query.where(*after(self._wanted, cursor))
        return query.cte("few").prefix_with("MATERIALIZED")
