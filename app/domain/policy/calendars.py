"""Working time and change windows. Pure; the clock is passed in.

All spans are wall-clock time in their time zone: a span begins when the local clock first shows its start, and ends
when it first shows its end. So the hour that is skipped in spring makes a span shorter, and the hour that is repeated
in fall makes it longer. A skipped time counts as the instant at which the clock jumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.domain.policy.spans import LONGEST_SECONDS
from app.domain.policy.terms import ChangeWindow, Terms

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_OPENINGS = 100
"""How many openings are tried to find one at which several sets of windows are open at once."""

Hours = tuple[tuple[int, int], ...]
"""The spans of one day in order, as minutes of the day."""


@dataclass(frozen=True)
class Calendar:
    """Working hours.

    Attributes:
        week: the spans of each day from Monday to Sunday; at least one day has some.
        holidays: dates without working time.
    """

    timezone: str
    week: tuple[Hours, ...]
    holidays: frozenset[date] = field(default_factory=frozenset)


def add_working(calendar: Calendar, start: datetime, seconds: int) -> datetime:
    """The instant at which this much working time has passed since `start`, in UTC.

    With 0 seconds, that is `start`. The end of a span belongs to it: an hour from 16:00 is 17:00, not the next
    morning. The result is at most 366 days ahead.
    """
    latest = start.astimezone(UTC) + timedelta(seconds=LONGEST_SECONDS)
    left = timedelta(seconds=seconds)
    if not left:
        return start.astimezone(UTC)
    for opens, closes in _working_spans(calendar, start):
        if opens >= latest:
            break
        if closes - opens >= left:
            return min(opens + left, latest)
        left -= closes - opens
    return latest


def deadline_again(terms: Terms, now: datetime) -> datetime:
    """The new deadline after an escalation on expiry: the rule's span again, starting from `now`."""
    again = terms.deadline_again
    if again is None:
        return now + timedelta(seconds=terms.deadline_seconds)
    holidays = frozenset(date.fromisoformat(holiday) for holiday in again.holidays)
    return add_working(Calendar(again.timezone, again.week, holidays), now, again.seconds)


def _working_spans(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Spans of working time from `start` on, in order, for slightly more than a year."""
    start = start.astimezone(UTC)
    zone = _zone(calendar.timezone)
    day = start.astimezone(zone).date()
    for _ in range(LONGEST_SECONDS // 86_400 + 2):
        if day not in calendar.holidays:
            for first, last in calendar.week[day.weekday()]:
                opens, closes = max(_instant(zone, day, first), start), _instant(zone, day, last)
                if closes > opens:
                    yield opens, closes
        day += _DAY


def next_opening(windows: Sequence[ChangeWindow], now: datetime) -> datetime | None:
    """When the first of the windows opens, in UTC; None if one is open now or there are none.

    If none is found to open, this is the instant up to which the calendar was searched, and the caller has to check
    again then: a stored request stays readable, whatever its windows are.
    """
    if not windows:
        return None
    openings = [_opening(window, now.astimezone(UTC)) for window in windows]
    return None if any(opening <= now for opening in openings) else min(openings)


def opening_under(terms: Terms, now: datetime) -> datetime | None:
    """When a change approved under these terms may be carried out, in UTC; None: now.

    If several sets of windows have to be open at once, and none of the next openings is one of all sets, this is the
    instant of one of these openings, at which the caller has to check again.
    """
    sets = (terms.windows, *terms.further_windows)
    at = now
    for _ in range(_OPENINGS):
        later = [opening for windows in sets if (opening := next_opening(windows, at)) is not None]
        if not later:
            return at.astimezone(UTC) if at > now else None
        at = max(later)
    return at


def _opening(window: ChangeWindow, now: datetime) -> datetime:
    """When the window opened, if it is open, otherwise when it opens next, or up to when no opening was found."""
    zone = _zone(window.timezone)
    first, last = _minutes(window.start), _minutes(window.end)
    closed = {date.fromisoformat(day) for day in window.except_days}
    today = now.astimezone(zone).date()
    day = today - _DAY
    # A week after the last exception includes every day on which the window can begin; on one of them, the clock may
    # skip the window. No zone skips an hour twice within three weeks.
    end = max([today, *closed]) + 22 * _DAY
    while day <= end:
        if day.weekday() in window.days and day not in closed:
            opens = _instant(zone, day, first)
            closes = _instant(zone, day if last > first else day + _DAY, last)
            if opens < closes and now < closes:
                return opens
        day += _DAY
    return _instant(zone, day, 0)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    if minutes == 24 * 60:
        day, minutes = day + _DAY, 0
    wall = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    # The clock skips this time: go back to the instant of the jump, usually by an hour.
    offset = instant.astimezone(zone).utcoffset()
    while (instant - _MINUTE).astimezone(zone).utcoffset() == offset:
        instant -= _MINUTE
    return instant


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
