"""Parsers for spans of time, days of the week, and times of day in policies. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
LONGEST_SECONDS = 366 * 86_400
"""Maximum span until a deadline, whether a policy or an agent sets it."""

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
_SHORT = {"s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}
_PART = re.compile(r"(\d{1,7})\s*([a-z]+)")
_SPAN = re.compile(r"\d+\s*[a-z]+(\s+(and\s+)?\d+\s*[a-z]+)*")
_TIMES = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
_FULL_DAYS = {
    "monday": "mon", "tuesday": "tue", "wednesday": "wed", "thursday": "thu", "friday": "fri", "saturday": "sat",
    "sunday": "sun",
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A span of time as it is written in a policy.

    Attributes:
        seconds: of plain time, or of working time if `working`.
        words: the span as written, such as ``2 working hours``.
    """

    seconds: int
    working: bool
    words: str


def parse_span(text: str) -> Span:
    """Parse ``4 hours``, ``1 hour 30 minutes``, or ``8 working hours``. Raises ValueError with a sentence."""
    words = " ".join(text.lower().split())
    plain = words.replace(" working", "")
    working = plain != words
    if not _SPAN.fullmatch(plain):
        raise ValueError(
            f"{text!r} is not a span of time: write a number and a unit, such as 4 hours or 8 working hours"
        )
    seconds = 0
    for number, written in _PART.findall(plain):
        unit = _SHORT.get(written, written.removesuffix("s"))
        if unit not in _UNITS:
            raise ValueError(f"{written!r} is not a unit of time: use seconds, minutes, hours, days, or weeks")
        if working and unit in ("day", "week"):
            raise ValueError("working time is counted in hours and minutes, because working days differ in length")
        seconds += int(number) * _UNITS[unit]
    if seconds == 0:
        raise ValueError("a span must be longer than nothing")
    return Span(seconds, working, words)


def parse_days(text: str) -> tuple[int, ...]:
    """Parse ``mon``, ``mon-fri``, ``fri-mon``, or ``sat, sun`` into numbers, 0 for Monday. Raises ValueError."""
    found: list[int] = []
    for part in text.lower().replace("–", "-").split(","):
        ends = [_day(day.strip()) for day in part.split("-")]
        if len(ends) > 2:
            raise ValueError(f"{text!r} is not a range of days, such as mon-fri")
        length = (ends[-1] - ends[0]) % 7
        found += [(ends[0] + offset) % 7 for offset in range(length + 1)]
    return tuple(dict.fromkeys(found))


def _day(word: str) -> int:
    day = _FULL_DAYS.get(word, word)
    if day not in DAYS:
        raise ValueError(f"{word!r} is not a day of the week: use {', '.join(DAYS)}, or a range such as mon-fri")
    return DAYS.index(day)


def parse_times(text: str) -> tuple[int, int]:
    """Parse ``09:00-17:00`` into minutes of the day; the end may be 24:00. Raises ValueError with a sentence."""
    found = _TIMES.fullmatch(text.strip())
    if not found:
        raise ValueError(f'{text!r} are no hours: write such as "09:00-17:00"')
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    start, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if first_minute > 59 or last_minute > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f'{text!r} are no hours of a day: they run from "00:00" to "24:00"')
    return start, end


def clock(minutes: int) -> str:
    """Minutes of a day as ``HH:MM``; the end of the day is ``00:00`` of the next."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
