"""Working time and change windows, also where the clock changes, against a model that looks at every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.policy.calendars import Calendar, add_working, next_opening, opening_under
from app.domain.policy.terms import ChangeWindow, Terms, stricter
from tests.thorough import examples

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
HOUR = 3600


def week(*spans: tuple[str, str], days: str = "01234") -> tuple[tuple[tuple[int, int], ...], ...]:
    """The same spans on each of the days."""
    inside = tuple((minutes(start), minutes(end)) for start, end in spans)
    return tuple(inside if str(day) in days else () for day in range(7))


def minutes(text: str) -> int:
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


OFFICE = Calendar("Europe/Berlin", week(("09:00", "12:00"), ("13:00", "17:00")), frozenset({date(2026, 12, 25)}))
NIGHT = Calendar("Europe/Berlin", week(("00:00", "06:00"), ("22:00", "24:00"), days="0123456"))


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-11-23T09:00", 2, "2026-11-23T11:00"),
        ("2026-11-23T03:00", 2, "2026-11-23T11:00"),
        ("2026-11-23T11:00", 1, "2026-11-23T12:00"),
        ("2026-11-23T11:00", 2, "2026-11-23T14:00"),
        ("2026-11-23T12:30", 4, "2026-11-23T17:00"),
        ("2026-11-23T16:00", 2, "2026-11-24T10:00"),
        ("2026-11-27T16:30", 2, "2026-11-30T10:30"),
        ("2026-11-28T11:00", 7, "2026-11-30T17:00"),
        ("2026-12-24T16:00", 2, "2026-12-28T10:00"),
        ("2026-11-23T10:00", 0, "2026-11-23T10:00"),
        ("2026-11-28T10:00", 0, "2026-11-28T10:00"),
    ],
)
def test_working_time_is_added(start: str, hours: int, expected: str) -> None:
    assert add_working(OFFICE, berlin(start), hours * HOUR) == berlin(expected)


def test_the_zone_of_the_start_does_not_matter() -> None:
    start = berlin("2026-11-23T16:00")
    assert add_working(OFFICE, start.astimezone(ZoneInfo("Asia/Tokyo")), 2 * HOUR) == add_working(
        OFFICE, start, 2 * HOUR
    )


@pytest.mark.parametrize(
    ("change", "night_hours"),
    [("2026-03-29", 5), ("2026-10-25", 7)],
    ids=["an hour is left out in spring", "an hour comes twice in autumn"],
)
def test_a_span_over_a_change_of_the_clock_is_as_long_as_the_clock_makes_it(change: str, night_hours: int) -> None:
    midnight = berlin(f"{change}T00:00")
    six = berlin(f"{change}T06:00")
    assert add_working(NIGHT, midnight, night_hours * HOUR) == six
    assert add_working(NIGHT, midnight, night_hours * HOUR + 60) == berlin(f"{change}T22:01")


@pytest.mark.parametrize("weekend", ["2026-03-27", "2026-10-23"])
def test_office_hours_stay_on_the_wall_when_the_clock_changes(weekend: str) -> None:
    friday = berlin(f"{weekend}T16:00")
    monday = (friday + timedelta(days=3)).replace(hour=10)
    assert add_working(OFFICE, friday, 2 * HOUR) == monday
    assert monday.astimezone(BERLIN).hour == 10


def test_a_span_within_the_hour_that_is_left_out_is_empty() -> None:
    calendar = Calendar("Europe/Berlin", week(("02:00", "03:00"), ("09:00", "10:00"), days="0123456"))
    assert add_working(calendar, berlin("2026-03-29T00:00"), HOUR) == berlin("2026-03-29T10:00")


def test_no_minute_counts_twice_where_spans_meet_in_the_hour_that_is_left_out() -> None:
    calendar = Calendar("Europe/Berlin", week(("00:00", "02:45"), ("03:00", "06:00"), days="0123456"))
    assert add_working(calendar, berlin("2026-03-29T00:00"), 5 * HOUR) == berlin("2026-03-29T06:00")


def test_no_instant_lies_more_than_a_year_ahead() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    calendar = Calendar("UTC", week(("09:00", "09:01"), days="0"))
    assert add_working(calendar, start, 400 * 86_400) == start + timedelta(days=366)
    closed = frozenset(date(2026, 1, 1) + timedelta(days=number) for number in range(1000))
    assert add_working(Calendar("UTC", calendar.week, closed), start, 1) == start + timedelta(days=366)


# Against a model. Zones change their clocks at night, so spans by day mean the same to both.

spans = st.lists(st.integers(10, 46), min_size=2, max_size=6, unique=True).map(
    lambda halves: tuple(
        (start * 30, end * 30) for start, end in zip(sorted(halves)[::2], sorted(halves)[1::2], strict=False)
    )
)
calendars = st.builds(
    Calendar,
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]),
    st.lists(st.one_of(spans, st.just(())), min_size=7, max_size=7).map(tuple).filter(any),
    st.frozensets(st.dates(date(2026, 3, 20), date(2026, 4, 10)), max_size=3),
)
starts = st.integers(0, 30 * 24 * 60).map(lambda number: datetime(2026, 3, 20, tzinfo=UTC) + number * MINUTE)


def is_working(calendar: Calendar, instant: datetime) -> bool:
    wall = instant.astimezone(ZoneInfo(calendar.timezone))
    at = wall.hour * 60 + wall.minute
    open_today = wall.date() not in calendar.holidays
    return open_today and any(start <= at < end for start, end in calendar.week[wall.weekday()])


@settings(max_examples=examples(60), deadline=None)
@given(calendars, starts, st.integers(1, 600))
def test_exactly_that_many_working_minutes_lie_between(calendar: Calendar, start: datetime, wanted: int) -> None:
    end = add_working(calendar, start, wanted * 60)
    length = int((end - start) / MINUTE)
    if length > 30 * 24 * 60:
        return  # too many minutes to look at each
    worked = sum(is_working(calendar, start + number * MINUTE) for number in range(length))
    assert worked == wanted
    assert is_working(calendar, end - MINUTE)


@settings(max_examples=examples(100), deadline=None)
@given(calendars, starts, st.integers(0, 40 * HOUR), st.integers(0, 40 * HOUR))
def test_adding_twice_is_adding_the_sum(calendar: Calendar, start: datetime, first: int, second: int) -> None:
    together = add_working(calendar, start, first + second)
    if together - start < timedelta(days=300):
        assert add_working(calendar, add_working(calendar, start, first), second) == together


@settings(max_examples=examples(100), deadline=None)
@given(calendars, starts, st.integers(0, 7 * 24 * 60), st.integers(0, 40 * HOUR), st.integers(0, HOUR))
def test_more_time_or_a_later_start_never_ends_earlier(
    calendar: Calendar, start: datetime, later: int, seconds: int, more: int
) -> None:
    end = add_working(calendar, start, seconds)
    assert end >= start + timedelta(seconds=seconds) or end == start + timedelta(days=366)
    assert add_working(calendar, start + later * MINUTE, seconds) >= end
    assert add_working(calendar, start, seconds + more) >= end


# Change windows


def window(days: str, start: str, end: str, zone: str = "Europe/Berlin", closed: tuple[str, ...] = ()) -> ChangeWindow:
    return ChangeWindow(timezone=zone, days=tuple(map(int, days)), start=start, end=end, except_days=closed)


NIGHTS = window("0123", "22:00", "04:00", closed=("2026-12-24",))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23T21:59", "2026-11-23T22:00"),
        ("2026-11-23T22:00", None),
        ("2026-11-24T03:59", None),
        ("2026-11-24T04:00", "2026-11-24T22:00"),
        ("2026-11-27T03:00", None),  # Friday morning still belongs to Thursday's window
        ("2026-11-27T04:00", "2026-11-30T22:00"),
        ("2026-12-24T23:00", "2026-12-28T22:00"),
        ("2026-12-24T03:00", None),
    ],
)
def test_a_window_over_midnight(now: str, opens: str | None) -> None:
    assert next_opening([NIGHTS], berlin(now)) == (berlin(opens) if opens else None)


def test_the_first_of_several_windows_counts() -> None:
    windows = [window("5", "10:00", "12:00"), window("6", "08:00", "09:00", "UTC")]
    assert next_opening(windows, berlin("2026-11-28T11:00")) is None
    assert next_opening(windows, berlin("2026-11-28T12:00")) == datetime(2026, 11, 29, 8, tzinfo=UTC)


def test_without_windows_it_is_always_open() -> None:
    assert next_opening([], berlin("2026-11-28T11:00")) is None


def test_a_whole_day_and_all_days() -> None:
    assert next_opening([window("0123456", "00:00", "00:00")], berlin("2026-10-25T02:30")) is None
    assert next_opening([window("0", "00:00", "00:00")], berlin("2026-11-29T23:00")) == berlin("2026-11-30T00:00")


@pytest.mark.parametrize("now", ["2026-03-22T03:00", "2026-03-23T00:00", "2026-03-28T23:00", "2026-03-29T00:00"])
@pytest.mark.parametrize("closed", [(), ("2026-03-22",), ("2026-03-29",), ("2026-03-22", "2026-03-29")])
def test_a_window_in_the_hour_that_is_left_out_opens_a_week_later(now: str, closed: tuple[str, ...]) -> None:
    sundays = window("6", "02:00", "03:00", closed=closed)
    assert next_opening([sundays], berlin(now)) == berlin("2026-04-05T02:00")


def test_two_windows_in_hours_that_are_left_out_in_different_zones() -> None:
    havana = window("6", "00:00", "01:00", "America/Havana")  # skipped on 8 March 2026
    berlin_hour = window("6", "02:00", "03:00")
    assert next_opening([havana, berlin_hour], berlin("2026-03-02T00:00")) == berlin("2026-03-08T02:00")
    assert next_opening([havana], berlin("2026-03-02T00:00")) == datetime(2026, 3, 15, 4, tzinfo=UTC)


def test_a_window_that_begins_in_the_hour_that_is_left_out_opens_when_the_clock_jumps() -> None:
    sundays = window("6", "02:30", "05:00")
    assert next_opening([sundays], berlin("2026-03-29T00:00")) == berlin("2026-03-29T03:00")


def test_a_window_in_the_hour_that_comes_twice_opens_once() -> None:
    sundays = window("6", "02:30", "03:00")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 for the first time
    assert next_opening([sundays], first - MINUTE) == first
    assert all(next_opening([sundays], first + number * MINUTE) is None for number in range(90))
    assert next_opening([sundays], first + 90 * MINUTE) == berlin("2026-11-01T02:30")


def test_exceptions_are_waited_out_and_a_window_that_never_opens_is_looked_at_again() -> None:
    closed = tuple((date(2026, 11, 23) + timedelta(days=number)).isoformat() for number in range(400))
    opens = next_opening([window("0", "09:00", "10:00", closed=closed)], berlin("2026-11-23T08:00"))
    assert opens == berlin("2028-01-03T09:00")
    again = next_opening([window("", "09:00", "10:00")], berlin("2026-11-23T08:00"))
    assert again is not None
    assert again > berlin("2026-11-30T00:00")


@settings(max_examples=examples(60), deadline=None)
@given(
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(8, 44),
    st.integers(1, 24),
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]),
    starts,
)
def test_a_window_opens_at_the_first_minute_that_is_inside(
    days: frozenset[int], first: int, length: int, zone: str, now: datetime
) -> None:
    last = first + length
    if last % 48 < 8 and last > 48:
        return  # ends at night, where the clock may change
    tested = window("", f"{first // 2:02}:{first % 2 * 30:02}", f"{last // 2 % 24:02}:{last % 2 * 30:02}", zone)
    tested = tested.model_copy(update={"days": tuple(sorted(days))})

    def is_open(instant: datetime) -> bool:
        wall = instant.astimezone(ZoneInfo(zone))
        at = wall.hour * 60 + wall.minute
        today = wall.weekday() in days and first * 30 <= at < last * 30
        return today or ((wall.weekday() - 1) % 7 in days and at < last * 30 - 24 * 60)

    opens = next_opening([tested], now)
    if opens is None:
        assert is_open(now)
        return
    waited = int((opens - now) / MINUTE)
    assert not any(is_open(now + number * MINUTE) for number in range(waited))
    assert is_open(opens)


def test_after_an_edit_under_another_rule_the_windows_of_both_have_to_be_open() -> None:
    nights = ChangeWindow(timezone="UTC", days=tuple(range(7)), start="22:00", end="04:00")
    weekend = ChangeWindow(timezone="UTC", days=(5, 6), start="00:00", end="00:00")
    monday_noon, saturday_noon = datetime(2031, 3, 10, 12, tzinfo=UTC), datetime(2031, 3, 15, 12, tzinfo=UTC)
    first = Terms(name="nights", windows=(nights,), deadline_seconds=60)
    second = Terms(name="weekend", windows=(weekend,), deadline_seconds=60)
    both = stricter(first, second)
    assert opening_under(both, monday_noon) == datetime(2031, 3, 15, tzinfo=UTC), "a night that is in a weekend"
    assert opening_under(both, datetime(2031, 3, 15, 3, tzinfo=UTC)) is None
    assert opening_under(both, saturday_noon) == datetime(2031, 3, 15, 22, tzinfo=UTC)
    assert stricter(both, second) == both, "the same rule again adds nothing"
    assert set(stricter(both, first).every_window) == {nights, weekend}
    assert stricter(second, Terms(name="any time", deadline_seconds=60)).windows == (weekend,)


def test_windows_that_are_never_open_together_hold_for_as_long_as_one_looks() -> None:
    mondays = ChangeWindow(timezone="UTC", days=(0,), start="09:00", end="10:00")
    tuesdays = ChangeWindow(timezone="UTC", days=(1,), start="09:00", end="10:00")
    never = Terms(name="never", windows=(mondays,), further_windows=((tuesdays,),), deadline_seconds=60)
    now = datetime(2031, 3, 10, 9, 30, tzinfo=UTC)
    again = opening_under(never, now)
    assert again is not None and again > now
    assert opening_under(never, again) is not None
