"""Deletes what has been kept long enough: events, deliveries, checkpoints, and the contents of requests.

Nobody needs it to know who decided what: the requests themselves, their digests, decisions, and the audit log stay. A
worker deletes in small transactions, so that nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, text

from app.domain.lifecycle import RUN_TRANSITIONS, RequestState, RunState
from app.domain.people import SYSTEM
from app.services.clock import Clock
from app.services.record.audit import record
from app.settings import Settings
from app.store.engine import Sessions
from app.store.erasure import cut_requests, delete_checkpoints, empty_requests
from app.store.requests import ApprovalRequest
from app.store.runs import Run

ROWS_AT_ONCE, RUNS_AT_ONCE, REQUESTS_AT_ONCE = 5_000, 50, 100
EMPTIED = "No longer kept."
"""Stands where the content of a request was."""
_ENDED = sorted(state.value for state, ways in RUN_TRANSITIONS.items() if not ways)
"""Failed runs are not among them: people may retry those, which then continue from their checkpoints."""
_EVENTS = """
    with part as (
        select e.id, e.at, e.run_id from events e where e.id > :after order by e.id limit :most
    ), gone as (
        delete from events where id in (
            select part.id from part left join runs r on r.id = part.run_id
            where part.at < :before and (part.run_id is null or r.id is null or r.state = any(:ended))
                and not exists (select from unplanned_events u where u.event_id = part.id)
        ) returning 1
    )
    select (select count(*) from gone) as deleted, max(id) as last, min(at) >= :before as done, count(*) as looked
    from part"""
_DELIVERIES = """
    with gone as (
        delete from deliveries where id in (
            select id from deliveries where state in ('sent', 'failed', 'suppressed') and created_at < :before
            order by created_at limit :most
        ) returning 1
    )
    select count(*) from gone"""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Kept:
    """How long each kind of data is kept; None: forever.

    Attributes:
        events: From the moment they were written, unless their run still goes on.
        deliveries: From the moment they were planned.
        checkpoints: From the end of their run, if it was completed or canceled.
        contents: From the moment their request was resolved, if its run has ended.
    """

    events: timedelta | None = None
    deliveries: timedelta | None = None
    checkpoints: timedelta | None = None
    contents: timedelta | None = None


def kept_of(settings: Settings) -> Kept:
    """What the settings say."""

    def days(number: int) -> timedelta | None:
        return timedelta(days=number) if number else None

    return Kept(
        days(settings.event_days), days(settings.delivery_days), days(settings.checkpoint_days),
        days(settings.request_content_days),
    )  # fmt: skip


class Retention:
    """Deletes what has been kept long enough. Several workers may do it at once."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._checkpoints_done = _LONG_AGO

    def sweep(self, kept: Kept) -> dict[str, int]:
        """Delete everything that is older. Returns how many rows (of checkpoints: runs) of each kind were deleted."""
        sweeps: dict[str, Callable[[datetime], int]] = {
            "events": self._events, "deliveries": self._deliveries, "checkpoints": self._checkpoints,
            "contents": self._contents,
        }  # fmt: skip
        found: dict[str, int] = {}
        for kind in fields(kept):
            how_long: timedelta | None = getattr(kept, kind.name)
            if how_long is not None and (count := sweeps[kind.name](self._clock() - how_long)):
                found[kind.name] = count
        if found:
            with self._sessions.begin() as session:
                record(session, SYSTEM, "record.swept", self._clock(), deleted=found)
        return found

    def _events(self, before: datetime) -> int:
        total, after = 0, 0
        while True:
            values = {"after": after, "most": ROWS_AT_ONCE, "before": before, "ended": _ENDED}
            with self._sessions.begin() as session:
                row = session.execute(text(_EVENTS), values).one()
            total += row.deleted
            # IDs are assigned about in the order of time: once a whole part is newer, everything after it is.
            if row.looked < ROWS_AT_ONCE or row.done:
                return total
            after = row.last

    def _deliveries(self, before: datetime) -> int:
        total = 0
        while True:
            with self._sessions.begin() as session:
                count = session.scalar(text(_DELIVERIES), {"before": before, "most": ROWS_AT_ONCE}) or 0
            total += count
            if count < ROWS_AT_ONCE:
                return total

    def _checkpoints(self, before: datetime) -> int:
        """Delete the checkpoints of runs, beginning with those that ended after the last ones that were looked at."""
        total, done = 0, self._checkpoints_done
        with self._sessions.reads() as session:
            query = select(Run.id, Run.finished_at).where(Run.state.in_(_ENDED), Run.finished_at < before)
            if done != _LONG_AGO:
                query = query.where(Run.finished_at >= done)
            runs = session.execute(query.order_by(Run.finished_at)).all()
        for start in range(0, len(runs), RUNS_AT_ONCE):
            some = runs[start : start + RUNS_AT_ONCE]
            with self._sessions.begin() as session:
                total += delete_checkpoints(session, [run_id for run_id, _ in some])
            self._checkpoints_done = some[-1][1] or self._checkpoints_done
        return total

    def _contents(self, before: datetime) -> int:
        total, after = 0, _LONG_AGO
        while some := self._some_contents(after, before):
            total += len(some)
            after = max(some)
        return total

    def _some_contents(self, after: datetime, before: datetime) -> list[datetime]:
        """Remove the contents of some requests that were resolved since a moment. Returns when each was resolved."""
        request = ApprovalRequest
        over = or_(request.run_id.is_(None), select(Run.id).where(Run.id == request.run_id, _run_ended()).exists())
        query = (
            select(request)
            .where(
                request.state != RequestState.PENDING.value, request.resolved_at >= after,
                request.resolved_at < before,
                request.emptied_at.is_(None), request.held_until.is_(None) | (request.held_until < before), over,
            )
            .order_by(request.resolved_at)
            .limit(REQUESTS_AT_ONCE)
            .with_for_update(of=request, skip_locked=True)
        )  # fmt: skip
        with self._sessions.begin() as session:
            requests = session.scalars(query).all()
            for row in requests:
                row.emptied_at = self._clock()
            cut_requests(session, [row.id for row in requests])
            empty_requests(session, requests, EMPTIED)
            return [row.resolved_at for row in requests if row.resolved_at is not None]


def _run_ended() -> ColumnElement[bool]:
    return Run.state.in_([*_ENDED, RunState.FAILED.value])
