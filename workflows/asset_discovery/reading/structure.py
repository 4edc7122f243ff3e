"""Rows that are not assets: blank ones, sections, totals, repeated headings, page breaks, trailers."""

from __future__ import annotations

import re
from collections import Counter

import polars as pl

from workflows.asset_discovery.reading.shapes import RULE as RULE_CELL
from workflows.asset_discovery.reading.shapes import folded, mask, shape

BLANK = "The row is blank."
REPEATED = "The headings come again."
RULE = "The row is a rule, of dashes or the like."
TOTAL = "A total or sub-total."
SECTION = "A heading of a section, or another note: one cell only, unlike the values of its column."
TRAILER = "A note of the program that made the file, such as a trailer or a page break."

_INDEX = " row"
"""A name that no column has: keys do not begin with a blank."""
_TOTAL_WORDS = (
    r"(?i)^\W*(?:grand[- ]?|sub[- ]?|sous[- ]?|zwischen|teil|gesamt|end|eind)?"
    r"(?:totals?|totaux|totale|totali|totaal|totalt|totalsumma|toplam|summen?|suma|sumy|sum|som|soma|gesamt|insgesamt|"
    r"sammanlagt|yhteensä|ialt|i alt|celkem|razem|ogółem|łącznie|übertrag|összesen|ukupno|итого|всего|σύνολο|"
    r"合計|小計|小计|总计|合计|합계|소계)"
)
_TOTAL = re.compile(_TOTAL_WORDS + r"(?=$|[\s:.)\d\-–—(])")
_TRAILER = re.compile(
    r"(?i)^(?:[*#=-]{1,3}\s*(?:end|eof|ende|fin|trailer|trl)\b.*|(?:end of|fin de|fine|ende der|einde) .*|"
    r"\(?\d[\d.,]* (?:rows?|records?|lines?|items?|objects?|datens\S+|zeilen|lignes|enregistrements|filas|righe)"
    r"\b.*|"
    r"\d?\s*(?:page|seite|pag\.?|página|pagina|sida|side|strana|strona)\s*\d+.*)$"
)
_ROWS_COMPARED = 2_000

Row = tuple[str | None, ...]


def structure_problems(frame: pl.DataFrame, headings: tuple[str, ...], single_rows: set[int]) -> dict[int, str]:
    """Return the rows (from 0) that are not assets, and why.

    Args:
        frame: the data below the headings, in the order of the file.
        headings: for the columns of the frame; empty without headings.
        single_rows: rows that are one merged cell in the sheet, as sections are.
    """
    if not frame.height:
        return {}
    counts = frame.select(pl.sum_horizontal(pl.all().is_not_null()).alias("filled"))["filled"]
    problems = dict.fromkeys((counts == 0).arg_true().to_list(), BLANK)
    problems |= dict.fromkeys(_repeated(frame, headings), REPEATED)
    usual = counts.filter(counts > 0).quantile(0.75) or 0
    sparse = ((counts > 0) & (counts <= max(1, 0.3 * usual))).arg_true().to_list()
    judge = _Judge(frame.filter(counts > max(1, 0.3 * usual)).head(_ROWS_COMPARED), usual)
    for row in sparse:
        if row not in problems:
            why = judge.why_not(frame.row(row), row in single_rows, frame.slice(row + 1, 3).rows())
            if why:
                problems[row] = why
    problems |= {row: TOTAL for row in _totals(frame) if row not in problems and judge.is_total(frame.row(row))}
    if usual > 1:
        problems |= {row: RULE for row in _rules(frame, counts) if row not in problems}
    return dict(sorted(problems.items()))


def _repeated(frame: pl.DataFrame, headings: tuple[str, ...]) -> list[int]:
    if not any(map(folded, headings)):
        return []
    pairs = zip(frame.columns, (folded(heading).casefold() for heading in headings), strict=True)
    named = {name: heading for name, heading in pairs if heading}
    # The cheap comparison first: a repeated heading has at least one of the first named cells as it is.
    some = list(named)[:3]
    likely = frame.with_row_index(_INDEX).filter(
        pl.any_horizontal(pl.col(name).str.strip_chars().str.to_lowercase() == named[name] for name in some)
    )
    found = []
    for row in likely.iter_rows(named=True):
        filled = [name for name in frame.columns if row[name] is not None]
        same = sum(folded(row[name]).casefold() == named.get(name, "") for name in filled)
        if same >= max(1, 0.8 * len(filled)) and same >= min(2, len(named)) and same >= 0.5 * len(named):
            found.append(int(row[_INDEX]))
    return found


def _totals(frame: pl.DataFrame) -> list[int]:
    first = frame.select(pl.coalesce(pl.all()).alias("first"))["first"]
    return [int(row) for row in first.str.contains(_TOTAL_WORDS).fill_null(False).arg_true()]


def _rules(frame: pl.DataFrame, counts: pl.Series) -> list[int]:
    first = frame.select(pl.coalesce(pl.all()).alias("first"))["first"]
    likely = first.str.strip_chars().str.contains(f"^(?:{RULE_CELL.pattern})$").fill_null(False) & (counts > 0)
    return [
        int(row) for row in likely.arg_true()
        if all(RULE_CELL.fullmatch(cell.strip()) for cell in frame.row(int(row)) if cell is not None)
    ]  # fmt: skip


def _is_said_again(place: int, cell: str, below: list[Row]) -> bool:
    """Tell whether the rows below a cell repeat it in another column, as a site above its machines."""
    text = cell.casefold()
    return bool(below) and all(
        any(other is not None and other.strip().casefold() == text for at, other in enumerate(row) if at != place)
        for row in below
    )


class _Judge:
    """What sparse rows are compared with: the values of full rows."""

    def __init__(self, full: pl.DataFrame, usual: float) -> None:
        self._full = full
        self._usual = usual
        self._masks: dict[int, tuple[Counter[str], Counter[str]]] = {}

    def why_not(self, row: Row, merged: bool, below: list[Row]) -> str:
        """Return why a row with few cells is no asset; empty if it may be one.

        Args:
            row: its cells.
            merged: whether it is one merged cell in the sheet.
            below: the next rows, which may say again what a section is about.
        """
        cells = [(place, cell.strip()) for place, cell in enumerate(row) if cell is not None]
        first = cells[0][1]
        if merged and len(cells) == 1:
            return SECTION
        if _TRAILER.match(first):
            return TRAILER
        if any(_TOTAL.match(cell) for _, cell in cells[:2]) and self._sums_up(cells, words=1):
            return TOTAL
        if all(RULE_CELL.fullmatch(cell) for _, cell in cells):
            return RULE
        if self._usual < 4 or len(cells) > 2 or any(shape(cell) in ("ip", "mac", "host") for _, cell in cells):
            return ""
        if len(cells) == 1:
            return SECTION if not self._fits(*cells[0]) or _is_said_again(*cells[0], below) else ""
        if not self._fits(*cells[0]) and (first[0] in "*#=" or (first[-1] == ":" and not self._fits(*cells[1]))):
            return TRAILER
        return ""

    def is_total(self, row: Row) -> bool:
        """Tell whether a row with any number of cells sums up others: a word for it, and numbers."""
        cells = [(place, cell.strip()) for place, cell in enumerate(row) if cell is not None]
        return len(cells) > 1 and bool(_TOTAL.match(cells[0][1])) and self._sums_up(cells, words=0)

    def _sums_up(self, cells: list[tuple[int, str]], words: int) -> bool:
        shapes = [shape(cell) for _, cell in cells if not _TOTAL.match(cell)]
        return shapes.count("words") <= words and not {"ip", "mac", "host", "guid", "email"} & set(shapes)

    def _fits(self, place: int, cell: str) -> bool:
        """Tell whether a cell looks like the values of its column."""
        if place not in self._masks:
            column = self._full.to_series(place).drop_nulls().to_list()
            self._masks[place] = (Counter(map(mask, column)), Counter(map(shape, column)))
        masks, shapes = self._masks[place]
        own = mask(cell)
        if masks[own] > 1 or ("9" in own and " " not in own and shapes["words"] > shapes["number"]):
            return True
        blank = sum(times for other, times in masks.items() if " " in other)
        return " " in own and blank > 0.2 * sum(masks.values())
