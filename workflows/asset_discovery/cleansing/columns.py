"""One column at a time: each different text is read once, and the outcomes are spread over the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import polars as pl

from workflows.asset_discovery.cleansing.outcomes import Outcome, Value, written
from workflows.asset_discovery.cleansing.rules import FACTS, Rule
from workflows.asset_discovery.cleansing.texts import without_noise
from workflows.asset_discovery.cleansing.words import stands_for_above, stands_for_nothing
from workflows.asset_discovery.fields import FACTS as FIELD_FACTS
from workflows.asset_discovery.fields import Field, ValueKind

RULE_TYPE = pl.Enum([rule.value for rule in Rule])
TYPES: dict[ValueKind, pl.DataType] = {
    ValueKind.TEXT: pl.String(),
    ValueKind.LIST: pl.List(pl.String()),
    ValueKind.NUMBER: pl.Float64(),
    ValueKind.DATE: pl.Date(),
}
IDENTITY = (Field.NAME, Field.FQDN, Field.IP_ADDRESS, Field.MAC_ADDRESS, Field.SERIAL_NUMBER)
_LONGEST_QUOTED = 200
_LONGEST_VALUE = 200
_LONGEST = {ValueKind.DATE: _LONGEST_VALUE, ValueKind.NUMBER: _LONGEST_VALUE, ValueKind.LIST: 4_000}
"""Longer texts are no date, no amount, and no list of addresses or names."""
_BETWEEN = "\x1f"
# A column of which so much cannot be read means something else than it was mapped to.
_DOUBTFUL_SHARE, _DOUBTFUL_CELLS = 0.3, 3
_MANY_CELLS = 10

Reader = Callable[[str], Outcome]
"""Reads the text of a cell that is neither empty nor a ditto mark."""


@dataclass(frozen=True)
class ReadColumn:
    """What became of a column.

    Attributes:
        cells: A row for each of the table's: `value`, `text` (as read from the file), `after`, `rule`, `problem`, and
            `moved` (see `Outcome`).
        doubtful: Why the column as a whole seems to be mapped wrongly; empty if it does not.
    """

    cells: pl.DataFrame
    doubtful: str = ""

    @property
    def values(self) -> pl.Series:
        return self.cells["value"]


@dataclass(frozen=True)
class Texts:
    """The different texts of a column with their number of cells, without noise."""

    raw: list[str]
    clean: list[str]
    counts: list[int]

    @classmethod
    def of(cls, series: pl.Series, field: Field) -> Texts:
        """Those of a column; line breaks remain where they separate values."""
        counted = series.drop_nulls().value_counts()
        raw = counted.to_series(0).to_list()
        keep_lines = FIELD_FACTS[field].value in (ValueKind.LIST, ValueKind.NUMBER)
        narrow = FIELD_FACTS[field].value is not ValueKind.TEXT or field in IDENTITY
        return cls(raw, [without_noise(text, keep_lines, narrow) for text in raw], counted.to_series(1).to_list())

    def meant(self) -> list[str]:
        """The texts that are values, without those that are too long for one."""
        clean = (text for text in self.clean if 0 < len(text) <= _LONGEST_VALUE)
        return [text for text in clean if not stands_for_nothing(text) and not stands_for_above(text)]

    def are_codes(self) -> bool:
        """Whether most of the cells have two letters, so that `NA` may be one of the codes."""
        pairs = sum(
            count for text, count in zip(self.clean, self.counts, strict=True) if len(text) == 2 and text.isalpha()
        )
        return pairs * 2 > sum(self.counts)


def read_column(
    series: pl.Series, field: Field, texts: Texts, reader: Reader, left_out: Collection[Rule] = (), german: bool = False
) -> ReadColumn:
    """Read a column.

    Args:
        series: The cells as texts.
        reader: Reads one text.
        left_out: Rules that people have not approved: what they would change remains as it is, or empty where the
            field has no place for it.
        german: Whether `s.o.` means “see above”, rather than the French “without object”.
    """
    kind = FIELD_FACTS[field].value
    codes = texts.are_codes()
    outcomes: list[Outcome] = []
    above: list[bool] = []
    for raw, clean in zip(texts.raw, texts.clean, strict=True):
        ditto = stands_for_above(clean, words_only=kind in (ValueKind.DATE, ValueKind.NUMBER)) or (
            german and clean.casefold().replace(" ", "") == "s.o."
        )
        above.append(ditto)
        if ditto:
            outcomes.append(Outcome(None, Rule.PLACEHOLDER if field in IDENTITY else Rule.DITTO))
        elif stands_for_nothing(clean, codes):
            outcomes.append(Outcome(None, Rule.EMPTY if clean else None))
        elif len(clean) > _LONGEST.get(kind, len(clean)):
            outcomes.append(Outcome(None, Rule.UNREADABLE))
        else:
            outcome = reader(clean)
            if outcome.rule in left_out and outcome.rule is not None and not FACTS[outcome.rule].needed:
                outcome = _as_it_was(clean, kind)
            if outcome.rule is None and raw != clean:
                outcome = replace(outcome, rule=Rule.SPACES)
            outcomes.append(outcome)
    outcomes, doubtful = _checked(outcomes, texts.counts)
    if field is Field.FQDN:
        outcomes, doubtful = _without_domain(outcomes, texts.counts)
    known = pl.DataFrame(
        {
            "text": pl.Series(texts.raw, dtype=pl.String),
            "value": _series([outcome.value for outcome in outcomes], kind),
            "after": pl.Series([written(outcome.value) for outcome in outcomes], dtype=pl.String),
            "rule": pl.Series([outcome.rule for outcome in outcomes], dtype=RULE_TYPE),
            "problem": pl.Series([outcome.problem or None for outcome in outcomes], dtype=pl.String),
            "moved": pl.Series([outcome.moved or None for outcome in outcomes], dtype=pl.String),
            "ditto": pl.Series(above, dtype=pl.Boolean),
        }
    )
    cells = series.alias("text").to_frame().join(known, on="text", how="left", maintain_order="left")
    if any(above) and field not in IDENTITY and Rule.DITTO not in left_out:
        cells = _filled(cells)
    return ReadColumn(cells.drop("ditto"), doubtful)


def _series(values: list[Value], kind: ValueKind) -> pl.Series:
    if kind is not ValueKind.LIST:
        return pl.Series(values, dtype=TYPES[kind])
    # Many small lists are made from one text each, some thirty times as fast as from Python's lists.
    joined = [_BETWEEN.join(value) if isinstance(value, tuple) else None for value in values]
    return pl.Series(joined, dtype=pl.String).str.split(_BETWEEN)


def _as_it_was(text: str, kind: ValueKind) -> Outcome:
    if kind is ValueKind.TEXT:
        return Outcome(text)
    return Outcome((text,)) if kind is ValueKind.LIST else Outcome(None, Rule.UNREADABLE)


def _checked(outcomes: list[Outcome], counts: list[int]) -> tuple[list[Outcome], str]:
    """Problems count against rows only in a column that is mostly right; else against the column."""
    wrong = sum(count for outcome, count in zip(outcomes, counts, strict=True) if outcome.problem)
    filled = sum(count for outcome, count in zip(outcomes, counts, strict=True) if outcome.rule is not Rule.EMPTY)
    if wrong <= _DOUBTFUL_CELLS or wrong < _DOUBTFUL_SHARE * filled:
        return outcomes, ""
    kept = [Outcome(None, Rule.UNREADABLE) if outcome.problem else outcome for outcome in outcomes]
    return kept, f"{wrong} of {filled} cells cannot be read as what the column is mapped to"


def _without_domain(outcomes: list[Outcome], counts: list[int]) -> tuple[list[Outcome], str]:
    """A domain name that many assets have is that of their domain."""
    cells: dict[object, int] = {}
    for outcome, count in zip(outcomes, counts, strict=True):
        if outcome.value is not None:
            cells[outcome.value] = cells.get(outcome.value, 0) + count
    filled = sum(cells.values())
    common = {value for value, count in cells.items() if count >= max(_MANY_CELLS, _DOUBTFUL_SHARE * filled)}
    if not common:
        return outcomes, ""
    kept = [Outcome(None, Rule.PLACEHOLDER) if outcome.value in common else outcome for outcome in outcomes]
    dropped = sum(cells[value] for value in common)
    return kept, f"{dropped} of {filled} cells have a domain name that many share, which identifies nothing"


def _filled(cells: pl.DataFrame) -> pl.DataFrame:
    """Ditto marks take the outcome of the nearest cell above that is none."""
    cells = cells.with_row_index("index")
    source = cells.select(
        pl.when(pl.col("ditto").fill_null(False)).then(None).otherwise(pl.col("index")).forward_fill().alias("source")
    ).to_series()
    above = cells.select("value", "after")[source.fill_null(0)]
    ditto = pl.col("ditto").fill_null(False) & pl.lit(source.is_not_null())
    return cells.with_columns(
        pl.when(ditto).then(above["value"]).otherwise(pl.col("value")).alias("value"),
        pl.when(ditto).then(above["after"]).otherwise(pl.col("after")).alias("after"),
    ).drop("index")


def quoted(column: str) -> pl.Expr:
    """The text of a cell, cut to the length that lists of changes and problems hold."""
    return pl.col(column).str.slice(0, _LONGEST_QUOTED)
