"""Absences: periods in which a delegate decides on behalf of a person. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import InvalidInputError

MAX_DAYS = 366
LATE_START = timedelta(days=1)
"""How far in the past a start may be: the page was open for a while, or somebody fell ill this morning."""


@dataclass(frozen=True)
class Period:
    """Who is absent, who decides on their behalf, and when. The start is included, the end is not."""

    person_id: str
    delegate_id: str | None
    starts_at: datetime
    ends_at: datetime


def check_period(starts_at: datetime, ends_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    """The period as it is stored. One that began a little earlier begins now, because absences are not retroactive.

    Raises:
        InvalidInputError: it ends before it begins, is in the past, or is too long; `fields` says which.
    """
    if starts_at.tzinfo is None or ends_at.tzinfo is None:
        raise InvalidInputError("A time needs a time zone.", {"starts_at": "This has no time zone."})
    if ends_at <= starts_at:
        raise InvalidInputError("An absence must end after it begins.", {"ends_at": "This is not after the start."})
    if ends_at <= now:
        raise InvalidInputError("This absence is already over.", {"ends_at": "This is in the past."})
    if starts_at < now - LATE_START:
        raise InvalidInputError("An absence cannot be entirely in the past.", {"starts_at": "This is in the past."})
    if ends_at - starts_at > timedelta(days=MAX_DAYS):
        words = f"An absence has at most {MAX_DAYS} days."
        raise InvalidInputError(words, {"ends_at": f"This is more than {MAX_DAYS} days after the start."})
    return max(starts_at, now), ends_at


def leads_back(new: Period, standing: Iterable[Period]) -> tuple[str, ...]:
    """Ids of the people who form a circle of delegates with the new period at some instant.

    Empty when there is no circle. The first is the new period's delegate, the last is who names its person as delegate.
    """
    by_person: dict[str, list[Period]] = {}
    for period in standing:
        by_person.setdefault(period.person_id, []).append(period)
    return next(_circles(new, new.starts_at, new.ends_at, by_person, (new.person_id,)), ())


def _circles(
    at: Period, start: datetime, end: datetime, by_person: dict[str, list[Period]], passed: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if at.delegate_id is None:
        return
    if at.delegate_id == passed[0]:
        yield passed[1:]
        return
    if at.delegate_id in passed:
        return
    for period in by_person.get(at.delegate_id, []):
        later, earlier = max(start, period.starts_at), min(end, period.ends_at)
        if later < earlier:
            yield from _circles(period, later, earlier, by_person, (*passed, at.delegate_id))
