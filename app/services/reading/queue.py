"""Reads the ranked queue in pages.

The first page costs the same with a thousand or a million pending requests: the order is an indexed column, the count
stops at `COUNT_CAP`, and the next page starts after the last row (keyset, not offset).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true

from app.domain.errors import InvalidInputError
from app.domain.people import Action, Actor
from app.domain.policy.access import Member
from app.domain.review_time import minutes_words
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.reading.cursors import encoded_cursor
from app.services.reading.queue_filter import PENDING, QueueFilter, conditions, is_in_order, ordered
from app.services.reading.queue_rows import COLUMNS, QueueRow, rows_of
from app.services.reading.queue_search import COUNT_CAP, TOP, QueueSearch
from app.services.reading.review_pace import ReviewPaces, band_column
from app.services.reading.workflow_names import workflow_names
from app.services.record.exports import SEARCH_LIMIT_MS, ExportFormat, ListExport, exported
from app.services.requests.delegation import represented_by
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, Decision
from app.store.snoozes import Snooze
from assent.contracts import Verdict

ROWS_AT_ONCE = 100
"""How many rows can be refreshed at once."""
CHIP_CAP = 99
"""The counts next to the filters stop here."""
MAX_PAGE = 200


@dataclass(frozen=True)
class QueuePage:
    """A page of rows, the total (at most `COUNT_CAP`), and where the next page starts (None: no more)."""

    rows: list[QueueRow]
    total: int
    capped: bool
    next_cursor: str | None


@dataclass(frozen=True)
class Count:
    """A count up to `CHIP_CAP`; `more` says that there may be further ones."""

    number: int
    more: bool = False

    @property
    def words(self) -> str:
        """Such as ``7`` or ``99+``; empty if none was found and the search stopped early."""
        return "" if self.more and not self.number else f"{self.number}{'+' if self.more else ''}"


@dataclass(frozen=True)
class OwnWork:
    """The pending requests of a person.

    Attributes:
        seconds: estimated time to review all of it.
        returns_at: when the next request that they have snoozed returns by itself; None: none does.
    """

    count: Count
    seconds: float
    returns_at: datetime | None = None

    @property
    def words(self) -> str:
        """Such as ``7, about 15 min``; empty if nothing waits."""
        if not self.count.number:
            return ""
        return f"{self.count.words}, {minutes_words(self.seconds)}" if self.seconds else self.count.words


class Queue:
    """The queue for reviewers."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._paces = ReviewPaces(clock)

    def page(self, wanted: QueueFilter, cursor: str | None = None, limit: int = 50) -> QueuePage:
        """One page of requests.

        Raises:
            InvalidInputError: the cursor is not valid, or the limit is not between 1 and `MAX_PAGE`.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"A page must have 1 to {MAX_PAGE} rows.", {"limit": "out of range"})
        with self._sessions.reads() as session:
            absent = represented_by(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
            search = QueueSearch(session, wanted, absent)
            found = search.first(select(*COLUMNS), limit + 1, cursor)
            more = len(found) > limit
            total = search.count() if more or cursor else len(found)
            rows = rows_of(session, found[:limit], self._paces.current(session))
        last = rows[-1] if more and rows else None
        return QueuePage(
            rows, min(total, COUNT_CAP), total > COUNT_CAP,
            encoded_cursor(last.resolved_at if wanted.resolved else last.attention_at, last.id) if last else None,
        )  # fmt: skip

    def export(self, viewer: Actor, wanted: QueueFilter, form: ExportFormat) -> Iterator[str]:
        """All matching pending requests as pieces of a file, in the order of the list.

        Raises:
            ForbiddenError: the viewer may not see requests.
            TookTooLongError: the first piece took too long to find; a later one raises it while the file is sent.
        """
        viewer.require(Action.SEE)
        row = ApprovalRequest
        with self._sessions.reads() as session:
            absent = represented_by(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
        query = select(
            row.id, row.title, row.kind, row.risk, row.urgency, row.workflow, row.environment, row.agent,
            row.requester_name, row.addressed_to.label("approval_required_from"),
            row.assigned_to_name.label("assigned_to"), row.review_seconds, row.run_id, row.opened_at, row.expires_at,
        ).where(*conditions(wanted, absent))  # fmt: skip
        limit = None if is_in_order(wanted) else SEARCH_LIMIT_MS
        listed = ListExport("pending requests", query, (row.attention_at, row.id), newest_first=False, limit_ms=limit)
        return exported(self._sessions, self._clock, viewer, listed, form, wanted.set_fields)

    def row(self, request_id: str) -> QueueRow | None:
        """One request as a row of the queue, or None."""
        with self._sessions.reads() as session:
            found = session.execute(select(*COLUMNS).where(ApprovalRequest.id == request_id)).all()
            rows = rows_of(session, found, self._paces.current(session))
        return rows[0] if rows else None

    def rows(self, wanted: QueueFilter, ids: Sequence[str]) -> list[QueueRow]:
        """Those of these requests that are in the list, in its order; at most `ROWS_AT_ONCE`.

        Raises:
            InvalidInputError: too many requests.
        """
        if len(ids) > ROWS_AT_ONCE:
            raise InvalidInputError(f"At most {ROWS_AT_ONCE} rows can be requested at once.", {"row": "too many"})
        usable = [request_id for request_id in ids if is_storable(request_id)]
        with self._sessions.reads() as session:
            absent = represented_by(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
            query = select(*COLUMNS).where(*conditions(wanted, absent), ApprovalRequest.id.in_(usable))
            return rows_of(session, session.execute(ordered(query, wanted)).all(), self._paces.current(session))

    def counts(self, wanted: Mapping[str, QueueFilter]) -> dict[str, Count]:
        """The counts of several lists, for less than it takes to read a page of one."""
        if not wanted:
            return {}
        with self._sessions.reads() as session:
            now = self._clock()
            people = {asked.mine.id for asked in wanted.values() if asked.mine is not None}
            absent = {person_id: represented_by(session, person_id, now) for person_id in people}
            parts = [_bounded(asked, absent.get(asked.mine.id, ()) if asked.mine else ()) for asked in wanted.values()]
            numbers = session.execute(select(*parts)).one()
            # If there are fewer, all of them have been searched.
            few_pending = QueueSearch(session, QueueFilter()).count() <= COUNT_CAP
        exact = {name for name, asked in wanted.items() if is_in_order(asked) or (few_pending and not asked.resolved)}
        return {
            name: Count(min(number, CHIP_CAP), number > CHIP_CAP or name not in exact)
            for name, number in zip(wanted, numbers, strict=True)
        }

    def own(self, actor: Actor) -> OwnWork:
        """The requests of a person that wait for their decision.

        Left out are those that they made or have decided, and those that are decided and only wait for the end of their
        grace period. Only the first `TOP` requests of the queue are looked through.
        """
        row = ApprovalRequest
        with self._sessions.reads() as session:
            absent = represented_by(session, actor.id, self._clock())
            pace = self._paces.current(session)
            wanted = QueueFilter(mine=actor.member, snoozer=actor.id)
            decided = exists().where(
                Decision.request_id == row.id, Decision.person_id == actor.id, Decision.withdrawn_at.is_(None),
                or_(Decision.digest == row.digest, Decision.verdict == Verdict.ANSWER.value),
            )  # fmt: skip
            others = row.requester_id.is_distinct_from(actor.id)
            fits = and_(*conditions(wanted, absent), others, row.resolves_at.is_(None), ~decided)
            theirs = _first_fitting(QueueFilter(), fits, row.kind, row.review_seconds).subquery()
            band = band_column(theirs.c.review_seconds).label("band")
            total = func.sum(theirs.c.review_seconds).label("seconds")
            sums = select(theirs.c.kind, band, func.count().label("number"), total)
            part = sums.group_by(theirs.c.kind, band).subquery()
            snoozed = Snooze.person_id == actor.id, Snooze.until > func.now()
            until = select(func.min(Snooze.until).label("returns_at")).where(*snoozed).subquery()
            parts = session.execute(select(until, part).select_from(until.outerjoin(part, true()))).all()
        found = [part for part in parts if part.number]
        number = sum(part.number for part in found)
        seconds = sum(part.seconds * pace.factor(part.kind, part.band) for part in found)
        return OwnWork(Count(min(number, CHIP_CAP), number > CHIP_CAP), seconds, parts[0].returns_at)

    def pending_count(self, viewer: str = "") -> tuple[int, bool]:
        """How many requests are pending, up to `COUNT_CAP`, and whether there are more.

        Args:
            viewer: the person whose snoozed requests, and those that are snoozed for everyone, do not count.
        """
        with self._sessions.reads() as session:
            total = QueueSearch(session, QueueFilter(snoozer=viewer)).count()
        return min(total, COUNT_CAP), total > COUNT_CAP

    def pending_workflows(self) -> list[str]:
        """Names of workflows that have pending requests."""
        with self._sessions.reads() as session:
            return workflow_names(session, PENDING)


def _bounded(wanted: QueueFilter, absent: Sequence[Member]) -> Any:
    """A count that stops at `CHIP_CAP`, or after searching `TOP` rows."""
    if is_in_order(wanted):
        in_order = ordered(select(ApprovalRequest.id).where(*conditions(wanted, absent)), wanted)
        found = in_order.limit(CHIP_CAP + 1)
    else:
        fits = and_(*conditions(wanted, absent))
        found = _first_fitting(QueueFilter(resolved=wanted.resolved), fits, ApprovalRequest.id)
    return select(func.count()).select_from(found.subquery()).scalar_subquery()


def _first_fitting(base: QueueFilter, fits: ColumnElement[bool], *columns: Any) -> Select[Any]:
    """The first requests that fit, at most `CHIP_CAP` + 1, among the first `TOP` of a list that has an index.

    Whether they do is a column of these. As a condition, PostgreSQL would look for it in the whole table, which most of
    all has requests that were settled long ago.
    """
    columns = (*columns, fits.label("fits"))
    top = ordered(select(*columns).where(*conditions(base)), base).limit(TOP).subquery()
    return select(top).where(top.c.fits).limit(CHIP_CAP + 1)
