"""What the values of a column look like as a whole."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from workflows.asset_discovery.mapping.folding import folded
from workflows.asset_discovery.mapping.forms import Form, days_in, form_of, is_code_like
from workflows.asset_discovery.mapping.vocabulary import is_nothing, kinds_of
from workflows.asset_discovery.personal.given_names import GIVEN_NAMES

if TYPE_CHECKING:
    import polars as pl

SAMPLE_ROWS = 1_500
"""Rows that are looked at, evenly spread."""
MOST_VALUES = 250
"""Different values of a column whose form and words are looked at, evenly spread."""
_LONGEST_NUMBER = 30
SAMPLES = 5
LONGEST_CELL = 300
"""Characters of a cell that are looked at."""
_RUN = re.compile(r"[^\W\d_]{2,}")
_RESOURCE = re.compile(r"(?:https?:/|[a-z]+)?(?:/[\w.@:+-]+){3,}", re.I)
_SHORT_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{1,2}")
_AFTER_DIGIT = re.compile(r"\d[^\W\d_]")
_SURNAMES = (
    "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段钱汤尹黎易常武乔贺赖龚文",
    "佐藤|鈴木|高橋|田中|伊藤|渡辺|渡邊|山本|中村|小林|加藤|吉田|山田|佐々木|山口|松本|井上|木村|斎藤|斉藤|清水|山崎|森|池田|橋本|阿部|石川|山下|中島|石井|小川|前田|岡田|長谷川|藤田|後藤|近藤|村上|遠藤|青木|坂本|福田|太田|西村|三浦|藤井|岡本|松田|中川|中野|原田|小野|田村|竹内|金子|和田|中山|石田|上田|森田|原|柴田|酒井|工藤|横山|宮崎|宮本|内田|高木|安藤|谷口|大野|丸山|今井|高田|河野|藤本|村田|武田|上野|杉山|増田|平野|小島|千葉|久保|松井",
    "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민",
)
_INITIALS = re.compile(r"\b[A-ZА-Я]\.")
_CAPITAL = r"[A-ZÀ-ÞА-ЯЁІЇЄΑ-Ω][\w'’.-]*"
_PERSON = re.compile(
    rf"(?:{_CAPITAL},? ){{1,3}}(?:(?:de|van|von|der|da|del|di|la|af) )*{_CAPITAL}(?: [/(].*)?|"
    rf"[{_SURNAMES[0]}][\u4e00-\u9fff]{{1,2}}|(?:{_SURNAMES[1]})[ \u3000]?[\u4e00-\u9fff\u3040-\u30ff々]{{1,3}}|"
    rf"[\u4e00-\u9fff々]{{1,3}}[ \u3000][\u4e00-\u9fff\u3040-\u30ff々]{{1,3}}|[{_SURNAMES[2]}][가-힣]{{1,2}}|"
    r"[А-ЯЁІЇЄ][а-яёіїє]+ [А-ЯЁІЇЄ]\. ?[А-ЯЁІЇЄ]\.|[A-Z]\. ?[A-Z][\w-]+|[A-Z][\w-]+ [A-Z]\."
)


@dataclass
class Profile:
    """What the values of a column look like; shares are of the cells that have a value.

    Attributes:
        key: Of the column.
        rows: How many were looked at.
        filled: The share of rows that have a value.
        counts: The values.
        kinds: The shares of each kind of form, such as `ip` (see `forms.Form`).
        words: The shares of each kind of vocabulary, such as `vendor`, and `person`.
        unique: Different values per value.
        future: The share of dates that are after today.
        timed: The share of dates that have a time of day.
        spread: Days between the dates, without the outermost tenths.
        days: The dates.
        numbers: The numbers.
        lists: The share of cells that list several values.
        runs: Different runs of letters per run of letters: small for names, large for serial numbers.
        digits: The usual length of the longest run of digits.
        masks: Different patterns of letters and digits per value.
        interleaved: The share of values in which a letter follows a digit.
        mixed: The share of values that mix letters and digits without blanks.
        length: The usual length.
        even: The share of values that have the usual length.
        counter: The numbers grow by one from row to row.
        targets: The share of values that are names of other rows; set by the table.
        same: The share of values that equal the row's name; set by the table.
        referred: The largest share of another column's values that are names in this one; set by the table.
        within: The share of values with which the row's name starts; set by the table.
    """

    key: str
    rows: int = 0
    filled: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, float] = field(default_factory=dict)
    words: dict[str, float] = field(default_factory=dict)
    unique: float = 0.0
    future: float = 0.0
    timed: float = 0.0
    spread: float = 0.0
    days: list[date] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    units: Counter[str] = field(default_factory=Counter)
    lists: float = 0.0
    runs: float = 1.0
    digits: float = 0.0
    masks: float = 1.0
    interleaved: float = 0.0
    mixed: float = 0.0
    length: int = 0
    even: float = 0.0
    counter: bool = False
    targets: float = 0.0
    same: float = 0.0
    within: float = 0.0
    referred: float = 0.0
    sequence: list[str | None] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many values there are."""
        return sum(self.counts.values())

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(self.counts)

    def kind(self, *names: str) -> float:
        """The share of these kinds together."""
        return sum(self.kinds.get(name, 0.0) for name in names)

    def word(self, name: str) -> float:
        """The share of a kind of vocabulary."""
        return self.words.get(name, 0.0)

    def samples(self) -> tuple[str, ...]:
        """Some different values."""
        return tuple(value[:100] for value in list(self.counts)[:SAMPLES])


def sampled(frame: pl.DataFrame) -> pl.DataFrame:
    """Some rows of a table, evenly spread."""
    step = max(1, math.ceil(frame.height / SAMPLE_ROWS))
    return frame.gather_every(step) if step > 1 else frame


def profile_of(
    key: str, heading: str, values: list[str | None], dated: bool = False, most: int = MOST_VALUES
) -> Profile:  # fmt: skip
    """The profile of a column; cells that say that there is nothing count as empty, and so do repeated headings.

    Args:
        dated: its heading names a date, so that bare numbers can be days as spreadsheets count them.
        most: different values whose form and words are looked at.
    """
    title = folded(heading).strip()
    kept = {value: _kept(value, title) for value in set(values) if value is not None}
    cells = [None if value is None else kept[value] for value in values]
    cells = _last_parts(cells)
    profile = Profile(key, len(cells), sequence=cells)
    profile.counts = Counter(cell for cell in cells if cell is not None)
    if not profile.counts:
        return profile
    profile.filled, profile.unique = profile.total / len(cells), profile.distinct / profile.total
    every = math.ceil(profile.distinct / most)
    chosen = Counter({value: profile.counts[value] for value in list(profile.counts)[::every]})
    forms = {value: form_of(value) for value in chosen}
    _count(profile, chosen, forms)
    _numbers(profile, chosen, forms, dated)
    _letters(profile, chosen)
    profile.counter = _is_counter(cells)
    return profile


def _kept(value: str, title: str) -> str | None:
    """The start of a cell; None if it says that there is nothing, or repeats the heading."""
    text = value.strip()[:LONGEST_CELL]
    return None if is_nothing(text) or (title and folded(text).strip() == title) else text


def _last_parts(cells: list[str | None]) -> list[str | None]:
    """The cells, of addresses of resources only the last parts, if these repeat: .../zones/us-central1-a is a zone."""
    values = [cell for cell in cells if cell is not None]
    paths = [cell for cell in values if _RESOURCE.fullmatch(cell)]
    if len(paths) < 0.8 * len(values) or len({path.rsplit("/", 1)[1] for path in paths}) > 0.5 * len(paths):
        return cells
    return [cell.rstrip("/").rsplit("/", 1)[-1] if cell is not None else None for cell in cells]


def _count(profile: Profile, chosen: Counter[str], forms: dict[str, Form]) -> None:
    kinds: Counter[str] = Counter()
    words: Counter[str] = Counter()
    lists, total = 0, chosen.total()
    for value, count in chosen.items():
        form, found = forms[value], kinds_of(value)
        kind = "bool" if "bool" in found and len(profile.counts) < 5 else form.kind
        kinds[kind] += count
        lists += count * (form.parts > 1)
        for name, fit in found.items():
            words[name] += fit * count  # type: ignore[assignment]
        if not found.keys() - {"person"} and _PERSON.fullmatch(value):
            words["person"] += (1.0 if _is_named(value) else 0.55) * count  # type: ignore[assignment]
    profile.kinds = {kind: count / total for kind, count in kinds.items()}
    profile.words = {kind: count / total for kind, count in words.items()}
    profile.lists = lists / total


def _is_named(value: str) -> bool:
    """True for a name with a common given name, with initials, with a comma, or in another script than Latin."""
    words = re.split(r"[\s,./()-]+", folded(value))
    return not GIVEN_NAMES.isdisjoint(words) or not value.isascii() or "," in value or bool(_INITIALS.search(value))


def _numbers(profile: Profile, chosen: Counter[str], forms: dict[str, Form], dated: bool) -> None:
    timed, total = 0, chosen.total()
    for value, count in chosen.items():
        form = forms[value]
        if form.day is not None:
            profile.days += [form.day] * count
            timed += count * form.timed
        if form.kind == "size" and form.number is not None:
            profile.sizes += [form.number] * count
            profile.units[form.unit] += count
        elif form.number is not None:
            profile.numbers += [form.number] * count
    if _are_versions(profile, dated):
        profile.kinds["version"] = profile.kind("version", "date", "decimal")
        profile.kinds["date"] = profile.kinds["decimal"] = 0.0
        profile.days = []
    elif _are_days(profile, dated):
        found = [day for number in profile.numbers if (day := days_in(number))]
        profile.days += found
        profile.kinds["date"] = profile.kind("date") + len(found) / total
        profile.kinds["int"] = max(0.0, profile.kind("int") - len(found) / total)
    if profile.days:
        days, today = sorted(profile.days), datetime.now(UTC).date()
        profile.future = sum(day > today for day in days) / len(days)
        profile.timed = timed / len(days)
        profile.spread = (days[int(len(days) * 0.9)] - days[int(len(days) * 0.1)]).days


def _are_versions(profile: Profile, dated: bool) -> bool:
    """True if what could be dates such as 02.04.00 are versions: few different ones, and short."""
    if dated or profile.total < 12 or not profile.days or profile.unique > 0.3 or profile.distinct > 12:
        return False
    return all(_SHORT_DATE.fullmatch(value) for value in profile.counts if form_of(value).day is not None)


def _are_days(profile: Profile, dated: bool) -> bool:
    """True if bare numbers are dates: they stand among dates, or all have the form of one kind of date."""
    numbers = profile.numbers
    share = sum(days_in(number) is not None for number in numbers) / len(numbers) if numbers else 0.0
    if profile.kind("date") > 0.2 or dated:
        return share > 0.8
    if profile.kind("int") < 0.8 or share < 0.85 or profile.distinct < 5:
        return False
    whole = [int(number) for number in numbers if number]
    if not whole:
        return False
    seven = sum(1_980_001 <= number <= 2_060_366 for number in whole) / len(whole)
    seconds = sum(number > 1e9 for number in whole) / len(whole)
    years = sum(1_995 <= number <= 2_045 for number in whole) / len(whole)
    return max(seven, seconds, years) > 0.85


def _letters(profile: Profile, chosen: Counter[str]) -> None:
    values = list(chosen)
    runs = [run for value in values for run in _RUN.findall(value.split(".")[0].casefold())]
    profile.runs = len(set(runs)) / len(runs) if runs else 1.0
    lengths = sorted(max((len(run) for run in re.findall(r"\d+", value)), default=0) for value in values)
    profile.digits = lengths[len(lengths) // 2]
    profile.masks = len({_mask(value) for value in values}) / len(values)
    profile.interleaved = sum(bool(_AFTER_DIGIT.search(value)) for value in values) / len(values)
    profile.mixed = sum(count for value, count in chosen.items() if is_code_like(value)) / chosen.total()
    sizes = Counter(len(value) for value in values)
    profile.length, same = sizes.most_common(1)[0]
    profile.even = same / len(values)


def _mask(value: str) -> str:
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", value))


def _is_counter(cells: list[str | None]) -> bool:
    """True for numbers that grow from row to row, by the first rows."""
    first = [cell for cell in cells if cell is not None][:MOST_VALUES]
    numbers = [int(cell) for cell in first if cell.isdecimal() and len(cell) < _LONGEST_NUMBER]
    if len(numbers) < 4 or len(numbers) < 0.7 * len(first):
        return False
    steps = Counter(later - earlier for earlier, later in pairwise(numbers))
    step, often = steps.most_common(1)[0]
    return step > 0 and often > 0.7 * len(numbers)
