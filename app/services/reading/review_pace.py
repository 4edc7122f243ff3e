"""How long people took to review requests, compared with the estimates by content."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Float, case, cast, func, literal, select
from sqlalchemy.orm import Session

from app.domain.review_time import BANDS, MOST_SECONDS, NO_PACE, Pace, pace_from
from app.services.clock import Clock
from app.store.requests import ApprovalRequest, Decision

_LATEST = 2_000
"""How many measured reviews count: the newest, so that estimates follow what people do now."""
_FRESH = timedelta(minutes=5)


class ReviewPaces:
    """The pace of reviews, read at most every five minutes, and never on the path of a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pace = NO_PACE
        self._read_at: datetime | None = None

    def current(self, session: Session) -> Pace:
        """The pace, a few minutes old at most."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < _FRESH:
            self._pace = read_pace(session)
            self._read_at = now
        return self._pace


def read_pace(session: Session) -> Pace:
    """The medians of the newest measured reviews, by kind and size.

    A request that several people decided on counts once for each of them.
    """
    newest = (
        select(Decision.request_id, Decision.read_seconds)
        .where(Decision.read_seconds.is_not(None))
        .order_by(Decision.at.desc())
        .limit(_LATEST)
        .subquery()
    )
    row = ApprovalRequest
    band = band_column(row.review_seconds)
    share = func.least(newest.c.read_seconds, MOST_SECONDS) / cast(row.review_seconds, Float)
    median = func.percentile_cont(literal(0.5)).within_group(share)
    query = (
        select(row.kind, band, median, func.count())
        .join(newest, newest.c.request_id == row.id)
        .where(row.review_seconds > 0)
        .group_by(row.kind, band)
    )
    return pace_from((kind, size, middle, number) for kind, size, middle, number in session.execute(query))


def band_column(seconds: Any) -> Any:
    """`app.domain.review_time.band_of` in SQL."""
    return case(*((seconds < bound, literal(band)) for band, bound in enumerate(BANDS)), else_=literal(len(BANDS)))
