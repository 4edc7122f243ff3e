"""Dates in the many ways in which inventories write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from workflows.asset_discovery.cleansing.months import month_of, with_ascii_digits
from workflows.asset_discovery.cleansing.outcomes import Outcome, invalid
from workflows.asset_discovery.cleansing.rules import Rule

_FIRST_YEAR, _LAST_YEAR = 1970, 2098
_CENTURY_BORDER = 70
_SPREADSHEET_EPOCH = date(1899, 12, 30)
_TIME = re.compile(
    r"[T\s,]*\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|"
    r"[A-Z]{3,4}|[+-]\d{2}:?\d{2})?$"
)
_WEEKDAY = re.compile(
    r"^[^\W\d_]{2,12}\.?,\s+(?=\d)|^(?:[Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at|[Ss]un)[a-z]*[.,]?\s+(?=\S)"
)
_COMPACT_TIME = re.compile(r"(?<=\d{8})T\d{4,6}Z?$")
# "ca. 2020", "Datum: 03.04.2021", "'2021-04-03", "2021-04-03 (est.)"
_BESIDE = re.compile(
    r"^(?:[^\W\d_]+\s*:\s*|ca\.?\s*|circa\s*|approx\.?\s*|etwa\s*|env\.?\s*|[~≈'‘’]\s*)(?=\d)|\s*\([^()\d]*\)$",
    re.IGNORECASE,
)
_ROMAN_MONTH = re.compile(r"(\d{1,2}[. /-]{1,2})(I{1,3}|I?V|VI{1,3}|I?X|XI{1,2})(?=[. /-]{1,2}(?:\d{4}|\d{2})\b)")
_ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
_HALF = re.compile(
    r"(?:H|S)([12])[ /-]?(\d{4})|([12])\.? ?(?:Halbjahr|semestre|semester|HJ)[ /-]?(\d{4})", re.IGNORECASE
)
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})\.?")
_YEAR_LAST = re.compile(r"(\d{1,2})\s*([-/. ])\s*(\d{1,2})\s*[-/. ]\s*(\d{4}|\d{2})\.?")
_YEAR_MONTH = re.compile(r"(\d{4})\s*[-/.]\s*(\d{1,2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{4})")
_CJK = re.compile(r"(\d{4})\s*[年년]\s*(?:(\d{1,2})\s*[月월]\s*(?:(\d{1,2})\s*[日일号]?)?)?")
_ERA = re.compile(r"(令和|平成|R|H)\s*(元|\d{1,2})\s*[年.]\s*(\d{1,2})\s*[月.]\s*(\d{1,2})\s*日?")
_ERA_START = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988}
_QUARTER = re.compile(
    r"(?:Q|T|KW?Q)\s*([1-4])\s*[-/. ]?\s*(\d{4})|(\d{4})\s*[-/. ]?\s*(?:Q|T)([1-4])|"
    r"([1-4])\.?\s*(?:Quartal|trimestre|kwartaal|kvartal|квартал|Q)\s*(\d{4})",
    re.IGNORECASE,
)
_WEEK = re.compile(
    r"(\d{4})-?W(\d{2})|(?:KW|CW|week|sem\.?|semaine|uge|vecka|v\.?)\s*(\d{1,2})\s*[-/. ]\s*(\d{4})",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]+\.?|\d+")
_FILLERS = frozenset({
    "de", "del", "di", "of", "the", "den", "der", "er", "ier", "º", "ª", "st", "nd", "rd", "th", "o", "a", "г",
    "года", "р", "року", "lap", "do", "af", "le", "el", "il", "em", "dia",
})  # fmt: skip
_ZEROS = re.compile(r"[0\s./:-]+|1900-01-00(?:[T ].*)?|9999[-/. ]?(?:12[-/. ]?31|999|99[-/. ]?99)(?:[T ].*)?")
_UNLIMITED = frozenset({
    "unlimited", "unbegrenzt", "illimité", "illimitato", "ilimitado", "permanent", "perpetual", "never", "nie",
    "jamais", "nunca", "mai", "lifetime", "forever", "n/a",
})  # fmt: skip


class DayPlace(Enum):
    """Where the day stands in a numeric date whose year comes last."""

    FIRST = "first"
    SECOND = "second"


@dataclass(frozen=True)
class DateStyle:
    """How the dates of a column are written.

    Attributes:
        day: Where the day stands.
        sure: Whether cells prove it, rather than habits.
    """

    day: DayPlace = DayPlace.FIRST
    sure: bool = False


def day_evidence(texts: Iterable[str]) -> tuple[int, int]:
    """How many texts can only be read with the day first, and how many only with the day second."""
    first = second = 0
    for text in texts:
        match = _YEAR_LAST.fullmatch(_without_time(text))
        if match:
            one, two = int(match[1]), int(match[3])
            first += one > 12 >= two > 0
            second += two > 12 >= one > 0
    return first, second


def style_of(texts: list[str], others: tuple[int, int] = (0, 0)) -> DateStyle:
    """How the dates of a column are written.

    Args:
        texts: The different texts of the column.
        others: The evidence (`day_evidence`) of the other columns of the table, for a column that has none.
    """
    first, second = day_evidence(texts)
    sure = max(first, second) > 0 and min(first, second) * 10 <= max(first, second)
    if first == second:
        first, second = others
        # The same program has written the other columns.
        sure = max(first, second) > 2 and min(first, second) * 10 <= max(first, second)
    if first == second:
        # Points are European; slashes without leading zeros, or with AM and PM, are American.
        american = sum(
            bool(re.match(r"[1-9]/\d{1,2}/|\d{1,2}/[1-9]/", text) or re.search(r"\d [AP]M\b", text)) for text in texts
        )
        slashes = sum("/" in text for text in texts)
        second, first = (1, 0) if american * 4 > slashes > 0 else (0, 1)
    return DateStyle(DayPlace.FIRST if first > second else DayPlace.SECOND, sure)


def _without_time(text: str) -> str:
    text = with_ascii_digits(text).strip().rstrip(".")
    return _TIME.sub("", text) if ":" in text or "h" in text else _COMPACT_TIME.sub("", text)


def read_date(text: str, style: DateStyle) -> Outcome:
    """The date of a cell.

    A date that the calendar does not have is a problem of the cell; words that name no date are left out without one.
    """
    if _ZEROS.fullmatch(text) or text.casefold() in _UNLIMITED:
        return Outcome(None, Rule.NO_DATE)
    bare = _BESIDE.sub("", text).strip()
    plain = _WEEKDAY.sub("", _without_time(bare))
    plain = _ROMAN_MONTH.sub(lambda match: f"{match[1]}{_ROMAN.index(match[2]) + 1}", plain)
    outcome = _numeric(plain, style) or _digits(plain, style) or _in_words(plain)
    if outcome is None:
        return Outcome(None, Rule.UNREADABLE)
    value = outcome.value
    if isinstance(value, date):
        if value in (date(1970, 1, 1), date(1900, 1, 1), date(1899, 12, 31)) or value.year > _LAST_YEAR:
            return Outcome(None, Rule.NO_DATE)
        if value.year < _FIRST_YEAR:
            return Outcome(None, Rule.UNREADABLE)
        if outcome.rule is None and value.isoformat() != text:
            return Outcome(value, Rule.NOTATION if bare == text else Rule.REMARK)
    return outcome


def _date(year: int, month: int, day: int, rule: Rule | None = None) -> Outcome:
    if 2400 < year < 2700:  # the Buddhist calendar
        year -= 543
    try:
        return Outcome(date(year, month, day), rule)
    except ValueError:
        return invalid("no such date")


def _century(year: str) -> int:
    return int(year) if len(year) == 4 else int(year) + (2000 if int(year) < _CENTURY_BORDER else 1900)


def _numeric(text: str, style: DateStyle) -> Outcome | None:
    if match := _YEAR_FIRST.fullmatch(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _YEAR_LAST.fullmatch(text):
        return _year_last(int(match[1]), match[2], int(match[3]), match[4], style)
    if match := _YEAR_MONTH.fullmatch(text):
        if int(match[2]) > 12 and int(match[2]) == (int(match[1]) + 1) % 100:
            return Outcome(None, Rule.UNREADABLE)  # the business year 2021/22
        return _date(int(match[1]), int(match[2]), 1, Rule.PART_OF_DATE)
    if match := _MONTH_YEAR.fullmatch(text):
        return _date(int(match[2]), int(match[1]), 1, Rule.PART_OF_DATE)
    if match := _CJK.fullmatch(text):
        rule = None if match[3] else Rule.PART_OF_DATE
        return _date(int(match[1]), int(match[2] or 1), int(match[3] or 1), rule)
    if match := _ERA.fullmatch(text):
        return _date(_ERA_START[match[1]] + (1 if match[2] == "元" else int(match[2])), int(match[3]), int(match[4]))
    return None


def _year_last(one: int, mark: str, two: int, year_digits: str, style: DateStyle) -> Outcome:
    year = _century(year_digits)
    if len(year_digits) == 2 and one > 31:
        return _date(_century(f"{one:02}"), two, int(year_digits), Rule.TWO_DIGIT_YEAR)
    day_first = style.day is DayPlace.FIRST or (mark == "." and not style.sure)
    day, month = (one, two) if day_first else (two, one)
    if month > 12 >= day:
        # The other order is the only possible one; in a column that shows its order it may be an error.
        day, month = month, day
        other = _date(year, month, day)
        return other if other.problem else Outcome(other.value, Rule.DATE_ORDER if style.sure else None)
    rule = Rule.TWO_DIGIT_YEAR if len(year_digits) == 2 else None
    if day <= 12 and day != month and not style.sure and mark != ".":
        rule = Rule.DATE_ORDER
    return _date(year, month, day, rule)


def _digits(text: str, style: DateStyle) -> Outcome | None:
    number = re.fullmatch(r"(\d{4,14})(?:[.,](\d+))?", text)
    if number is None:
        return None
    digits = number[1]
    length = len(digits)
    if length == 7 and not number[2]:
        year, day = int(digits[:4]), int(digits[4:])
        if not _FIRST_YEAR <= year <= 2999:
            return None
        found = date(year, 1, 1) + timedelta(days=day - 1) if 1 <= day <= 366 else None
        return Outcome(found, Rule.NOTATION) if found and found.year == year else invalid("no such day of the year")
    if length == 5 and 20_000 <= int(digits) <= 73_000:
        return Outcome(_SPREADSHEET_EPOCH + timedelta(days=int(digits)), Rule.DAY_NUMBER)
    if length == 8 and not number[2]:
        if _FIRST_YEAR <= int(digits[:4]) <= 2999:
            return _date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        if _FIRST_YEAR <= int(digits[4:]) <= _LAST_YEAR:
            return _year_last(int(digits[:2]), "", int(digits[2:4]), digits[4:], style)
    if length == 6 and _FIRST_YEAR <= int(digits[:4]) <= _LAST_YEAR and 1 <= int(digits[4:]) <= 12:
        return _date(int(digits[:4]), int(digits[4:]), 1, Rule.PART_OF_DATE)
    if length in (10, 13) and int(digits) > 0:
        seconds = int(digits) / (1000 if length == 13 else 1)
        return Outcome(datetime.fromtimestamp(seconds, UTC).date(), Rule.DAY_NUMBER)
    if length == 14 and _FIRST_YEAR <= int(digits[:4]) <= _LAST_YEAR:
        return _date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]), Rule.NOTATION)
    if length == 4 and 1980 <= int(digits) <= _LAST_YEAR:
        return _date(int(digits), 1, 1, Rule.PART_OF_DATE)
    return None


def _in_words(text: str) -> Outcome | None:
    if match := _QUARTER.fullmatch(text):
        quarter, year = int(match[1] or match[4] or match[5]), int(match[2] or match[3] or match[6])
        return _date(year, 3 * quarter - 2, 1, Rule.PART_OF_DATE)
    if match := _HALF.fullmatch(text):
        half, year = int(match[1] or match[3]), int(match[2] or match[4])
        return _date(year, 6 * half - 5, 1, Rule.PART_OF_DATE)
    if match := _WEEK.fullmatch(text):
        try:
            monday = date.fromisocalendar(int(match[1] or match[4]), int(match[2] or match[3]), 1)
        except ValueError:
            return invalid("no such week")
        return Outcome(monday, Rule.PART_OF_DATE)
    months: list[int] = []
    numbers: list[str] = []
    for word in _WORDS.findall(text):
        if word.isdecimal():
            numbers.append(word)
        elif (month := month_of(word)) is not None:
            months.append(month)
        elif word.casefold().rstrip(".") not in _FILLERS:
            return None
    if len(months) != 1 or not 1 <= len(numbers) <= 2:
        return None
    return _with_month(months[0], numbers)


def _with_month(month: int, numbers: list[str]) -> Outcome | None:
    if len(numbers) == 1:
        if len(numbers[0]) not in (2, 4):
            return None
        return _date(_century(numbers[0]), month, 1, Rule.PART_OF_DATE)
    day, year = numbers if len(numbers[0]) <= 2 else reversed(numbers)
    if len(day) > 2 or len(year) not in (2, 4):
        return None
    return _date(_century(year), month, int(day), Rule.TWO_DIGIT_YEAR if len(year) == 2 else None)
