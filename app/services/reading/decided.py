"""Reads the list of decided requests: newest first, in pages, with filters.

A page costs the same with a thousand or a million requests. The next requests in order are looked through first; if too
few of them match, those that do are found by the words of their documents (docs/decisions/0058). What is decided by one
person is in the order of their decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, func, literal, select, tuple_, union
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from app.domain.errors import InvalidInputError
from app.domain.people import Action, Actor
from app.services.clock import Clock
from app.services.reading.cursors import decoded_cursor, encoded_cursor
from app.services.reading.decided_filter import (
    DecidedFilter,
    found_for_row,
    has_words,
    restrictions,
    seen_by,
    value_query,
    word_query,
)
from app.services.reading.queue_filter import RESOLVED
from app.services.reading.queue_rows import COLUMNS, QueueRow, rows_of
from app.services.reading.workflow_names import workflow_names
from app.services.record.exports import SEARCH_LIMIT_MS, ExportFormat, ListExport, exported
from app.services.record.time_limit import time_limited
from app.services.requests.search_documents import is_behind
from app.services.requests.votes import decider
from app.store.base import among
from app.store.engine import Sessions
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision, SearchDocument
from assent.contracts import Verdict

PAGE = 50
MAX_PAGE = 200
TOP = 200
"""How many requests are looked through first."""
_SOME, FARTHEST = 3, 20_000
"""If at least `_SOME` of those match, more are looked through: as many as should be enough, and at most `FARTHEST`."""
CANDIDATES = 10_000
"""If at most this many documents have the values, their words are read, instead of looking up the words, too."""
RECENT = 500
"""How many of the newest requests are looked through for those that have no document yet."""
TIME_LIMIT_MS = 5_000
MOST_PEOPLE = 1_000


@dataclass(frozen=True)
class DecidedBy:
    """A decision on a listed request: who made it, what it was, and when."""

    name: str
    verdict: Verdict
    at: datetime


@dataclass(frozen=True)
class DecidedRow:
    """A decided request; `at` is when it was decided, or when the person did by whom the list is filtered."""

    row: QueueRow
    at: datetime
    decisions: tuple[DecidedBy, ...]


@dataclass(frozen=True)
class DecidedPage:
    """A page of rows, and where the next one starts (None: no more).

    Attributes:
        behind: older requests cannot be found by the words of their content and comments yet.
    """

    rows: list[DecidedRow]
    next_cursor: str | None
    behind: bool = False


class DecidedRequests:
    """The list of decided requests."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def page(self, wanted: DecidedFilter, cursor: str | None = None, limit: int = PAGE) -> DecidedPage:
        """One page of requests.

        Raises:
            InvalidInputError: the cursor is not valid, or the limit is not between 1 and `MAX_PAGE`.
            TookTooLongError: no index fits this combination of filters.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"A page must have 1 to {MAX_PAGE} rows.", {"limit": "out of range"})
        after = decoded_cursor(cursor) if cursor else None
        limited = bool(restrictions(wanted))
        with time_limited(self._sessions, TIME_LIMIT_MS) if limited else self._sessions.reads() as session:
            found = DecidedSearch(session, wanted).first(limit + 1, after)
            rows = rows_of(session, found[:limit])
            decisions = _decisions(session, [row.id for row in rows])
            behind = bool(wanted.words) and is_behind(session)
        listed = [
            DecidedRow(row, stored.at, tuple(decisions.get(row.id, ())))
            for row, stored in zip(rows, found, strict=False)
        ]
        last = found[limit - 1] if len(found) > limit else None
        return DecidedPage(listed, encoded_cursor(last.at, last.place) if last else None, behind)

    def export(self, viewer: Actor, wanted: DecidedFilter, form: ExportFormat) -> Iterator[str]:
        """All matching requests as pieces of a file, in the order of the list.

        Raises:
            ForbiddenError: the viewer may not see requests.
            TookTooLongError: the first piece took too long to find; a later one raises it while the file is sent.
        """
        viewer.require(Action.SEE)
        request, made = ApprovalRequest, aliased(Decision)
        words = func.string_agg(made.person_name + ": " + made.verdict, aggregate_order_by(literal("; "), made.at))
        standing = select(words).where(made.request_id == request.id, made.withdrawn_at.is_(None)).scalar_subquery()
        columns = (
            request.id, request.title, request.workflow, request.agent, request.environment, request.kind, request.risk,
            request.state.label("outcome"), request.note, request.requester_name, standing.label("decisions"),
            request.answered_by, request.run_id, request.opened_at, request.resolved_at,
        )  # fmt: skip
        fits = restrictions(wanted)
        query = _listed(wanted, columns).where(*fits)
        listed = ListExport("decided requests", query, _place_in(wanted), limit_ms=SEARCH_LIMIT_MS if fits else None)
        asked = {name: value for name, value in vars(wanted).items() if name != "viewer"}
        return exported(self._sessions, self._clock, viewer, listed, form, asked)

    def workflows(self) -> list[str]:
        """Names of workflows that have decided requests."""
        with self._sessions.reads() as session:
            return workflow_names(session, RESOLVED)

    def people(self) -> list[tuple[str, str]]:
        """Ids and names of people, by name, the first `MOST_PEOPLE`; they may have left."""
        query = select(Person.id, Person.name, Person.active).order_by(Person.name, Person.id).limit(MOST_PEOPLE)
        with self._sessions.reads() as session:
            return [(row.id, row.name if row.active else f"{row.name} (not active)") for row in session.execute(query)]

    def latest(self, person_id: str, limit: int = 5) -> list[DecidedRow]:
        """What a person decided last."""
        return self.page(DecidedFilter(decided_by=person_id), limit=limit).rows


class DecidedSearch:
    """Finds the requests of one list in the cheapest way."""

    def __init__(self, session: Session, wanted: DecidedFilter) -> None:
        self._session = session
        self._wanted = wanted
        self._fits = restrictions(wanted)
        self._values, self._words = value_query(wanted), word_query(wanted)
        self._place = _place_in(wanted)

    def first(self, limit: int, after: tuple[datetime, str] | None) -> Sequence[Any]:
        """The first requests after a place, in order, with `COLUMNS`, ``at``, and ``place``."""
        if not self._fits:
            return self._session.execute(self._in_order(COLUMNS, after).limit(limit)).all()
        far = TOP
        looked, ids = self._among(far, limit, after)
        if looked > far and _SOME <= len(ids) < limit:
            far = min(2 * limit * far // len(ids), FARTHEST)
            looked, ids = self._among(far, limit, after)
        enough = looked <= far or len(ids) == limit
        if not enough and (self._values or self._words):
            ids = self._by_documents(limit, after)
        elif not enough:
            return self._session.execute(self._in_order(COLUMNS, after).where(*self._fits).limit(limit)).all()
        # What was found by documents is looked at once more: they are made a little later than what they are about.
        wanted = among(ApprovalRequest.id, ids)
        return self._session.execute(self._in_order(COLUMNS, after).where(wanted, *self._fits).limit(limit)).all()

    def _in_order(self, columns: Sequence[Any], after: tuple[datetime, str] | None) -> Select[Any]:
        """The requests of the narrowest list that an index has in order."""
        at, place = self._place
        query = _listed(self._wanted, (*columns, at.label("at"), place.label("place")))
        if after:
            query = query.where(tuple_(at, place) < tuple_(*after))
        return query.order_by(at.desc(), place.desc())

    def _among(self, count: int, limit: int, after: tuple[datetime, str] | None) -> tuple[int, list[str]]:
        """How many of the next requests were looked through, which is more than `count` if there are more; and the ids
        of the first of them that match."""
        fits = and_(*self._fits).label("fits")
        top = self._in_order((ApprovalRequest.id.label("request_id"), fits), after).limit(count + 1).subquery()
        in_order = aggregate_order_by(top.c.request_id, top.c.at.desc(), top.c.place.desc())
        matching = func.array_agg(in_order).filter(top.c.fits)
        looked, ids = self._session.execute(select(func.count(), matching).select_from(top)).one()
        return looked, list(ids or ())[:limit]

    def _by_documents(self, limit: int, after: tuple[datetime, str] | None) -> list[str]:
        """The ids of the first requests that match, found by their documents, or without one among the newest."""
        few, person = self._few(), self._wanted.person
        query, at, place = select(few.c.request_id), few.c.resolved_at, few.c.request_id
        if person:
            at, place = self._place
            query = query.join(Decision, Decision.request_id == few.c.request_id).where(*_latest_of(person))
        if seen := seen_by(self._wanted):
            query = query.join(ApprovalRequest, ApprovalRequest.id == few.c.request_id).where(*seen)
        if after:
            query = query.where(tuple_(at, place) < tuple_(*after))
        query = query.where(*_period(self._wanted, at)).order_by(at.desc(), place.desc())
        return list(self._session.scalars(query.limit(limit)))

    def _few(self) -> CTE:
        """Planned by itself: PostgreSQL must not walk along the list in the hope of a match."""
        by_words = self._matching_documents()
        newest = (
            select(ApprovalRequest.id, ApprovalRequest.resolved_at)
            .where(RESOLVED, ApprovalRequest.resolved_at.is_not(None))
            .order_by(ApprovalRequest.resolved_at.desc(), ApprovalRequest.id.desc())
            .limit(RECENT)
            .subquery()
        )
        current = select(SearchDocument.request_id).where(
            SearchDocument.request_id == newest.c.id, ~SearchDocument.stale
        )  # fmt: skip
        without = select(newest.c.id, newest.c.resolved_at).join(ApprovalRequest, ApprovalRequest.id == newest.c.id)
        without = without.where(~found_for_row(current), *self._fits)
        return union(by_words, without).cte("few").prefix_with("MATERIALIZED")

    def _matching_documents(self) -> Select[*tuple[Any, ...]]:
        """The requests whose documents match, with their times."""
        document, period = SearchDocument, list[ColumnElement[bool]]()
        columns = (document.request_id, document.resolved_at)
        if not self._wanted.person:
            period = _period(self._wanted, document.resolved_at)
        if not (self._values and self._words):
            return select(*columns).where(has_words(self._values or self._words), *period)
        # The beginning of a common word has very many matches, which an index collects all before the first one is
        # known. So if few have the values, those are found, and their words are looked at.
        candidates = select(*columns, document.words).where(has_words(self._values), *period)
        number = select(func.count()).select_from(candidates.limit(CANDIDATES + 1).subquery())
        if (self._session.scalar(number) or 0) > CANDIDATES:
            return select(*columns).where(has_words(f"{self._values} & {self._words}"), *period)
        found = candidates.cte("candidates").prefix_with("MATERIALIZED")
        return select(found.c.request_id, found.c.resolved_at).where(has_words(self._words, found.c.words))


def _place_in(wanted: DecidedFilter) -> tuple[Any, Any]:
    """What the list is ordered by."""
    return (Decision.at, Decision.id) if wanted.person else (ApprovalRequest.resolved_at, ApprovalRequest.id)


def _listed(wanted: DecidedFilter, columns: Sequence[Any]) -> Select[Any]:
    """The requests of the narrowest list that an index has in order, without that order."""
    at, _id = _place_in(wanted)
    query = select(*columns).where(RESOLVED, *_period(wanted, at))
    if wanted.person:
        query = query.join_from(Decision, ApprovalRequest, ApprovalRequest.id == Decision.request_id)
        query = query.where(*_latest_of(wanted.person))
    else:
        query = query.where(ApprovalRequest.resolved_at.is_not(None))
    if wanted.column:
        query = query.where(getattr(ApprovalRequest, wanted.column) == getattr(wanted, wanted.column))
    return query


def _period(wanted: DecidedFilter, at: Any) -> list[ColumnElement[bool]]:
    since = [at >= wanted.since] if wanted.since is not None else []
    return since + ([at < wanted.until] if wanted.until is not None else [])


def _latest_of(person_id: str) -> tuple[ColumnElement[bool], ...]:
    """The conditions of a person's decisions, of which only the latest on each request is listed."""
    later = aliased(Decision)
    again = select(later.id).where(
        later.request_id == Decision.request_id, later.person_id == person_id, later.withdrawn_at.is_(None),
        tuple_(later.at, later.id) > tuple_(Decision.at, Decision.id),
    )  # fmt: skip
    return Decision.person_id == person_id, Decision.withdrawn_at.is_(None), ~again.exists()


def _decisions(session: Session, ids: list[str]) -> dict[str, list[DecidedBy]]:
    found: dict[str, list[DecidedBy]] = {}
    query = select(Decision).where(among(Decision.request_id, ids), Decision.withdrawn_at.is_(None))
    for decision in session.scalars(query.order_by(Decision.at)) if ids else ():
        made = DecidedBy(decider(decision), Verdict(decision.verdict), decision.at)
        found.setdefault(decision.request_id, []).append(made)
    return found
