"""Cells that could do harm elsewhere, or that a spreadsheet has damaged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

LONG_CELL = 4_000
"""Characters from which on a cell is called long."""

_QUOTED = re.compile(r'="[^"]*"')
"""How a spreadsheet file says that a number is a text: `="0123"`."""
_SIGNED = re.compile(r"[\d\s.,:/()'\u00a0-]+(?:e[+-]?\d+)?\s*(?:%|[kmgt]i?b|€|\$|£|eur|chf|usd)?", re.IGNORECASE)
"""What stands behind a sign in numbers, amounts, and telephone numbers."""
_LONGEST_NUMBER = 100
_HTML = re.compile(
    r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>|<!--|<script|javascript:|&(?:[a-zA-Z]{2,8}|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
)
_SCIENTIFIC = re.compile(r"^\s*\d(?:[.,]\d+)?E\+(?:0?[6-9]|[1-9]\d)\s*$", re.IGNORECASE)
_ROUNDED = r"^\s*[1-9]\d{0,7}0{6,}\s*$"
_MOST_NUMBERS = 0.3
LINE_BREAKS = "Line breaks"
LOST_DIGITS = "A number that has lost digits in a spreadsheet: it is no key for matching"
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet would run a cell; not of signed numbers, and marks such as `---`."""
    text = text.strip().strip("\x00").strip()
    sign, rest = text[:1], text[1:]
    if sign == "=":
        return bool(rest) and rest[0] != "=" and not _QUOTED.fullmatch(text)
    if sign not in ("+", "-", "@") or not sign or not any(letter.isalnum() for letter in rest):
        return False
    return sign == "@" or len(rest) > _LONGEST_NUMBER or not _SIGNED.fullmatch(rest)


_KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("NUL", lambda text: "\x00" in text),
    ("Control characters", lambda text: bool(_CONTROL.search(text))),
    ("Characters that turn the direction of reading around", lambda text: bool(_DIRECTION.search(text))),
    ("A formula, which a spreadsheet would run", lambda text: is_formula(text)),
    ("HTML", lambda text: bool(_HTML.search(text))),
    (f"A long cell, of more than {LONG_CELL:,} characters", lambda text: len(text) > LONG_CELL),
    (LINE_BREAKS, lambda text: "\n" in text.strip() or "\r" in text.strip()),
    (LOST_DIGITS, lambda text: bool(_SCIENTIFIC.match(text))),
)  # fmt: skip
# What one quick search finds in columns with many rows; what it finds is then looked at by kind.
_LIKELY = r"^\s*[=+\-@]|[<&]|javascript:|[\x00-\x08\x0a-\x1f\x7f]|[\x{202a}-\x{202e}\x{2066}-\x{2069}]|\d[eE]\+\d"


def hazards(frame: pl.DataFrame) -> Iterator[tuple[int, str, str, str]]:
    """Yield row (from 0), column, what the hazard is, and the cell."""
    for name in frame.columns:
        column = frame[name]
        likely = column.str.contains(_LIKELY) | (column.str.len_chars() > LONG_CELL)
        for row in likely.fill_null(False).arg_true():
            text = column[int(row)]
            for words, applies in _KINDS:
                if applies(text):
                    yield int(row), name, words, text
        for row in _rounded(column):
            yield row, name, LOST_DIGITS, column[row]


def _rounded(column: pl.Series) -> list[int]:
    """Return the cells that a workbook holds as numbers like 612000000000 among identifiers with letters.

    They are what became of `6.12E+11`. In a column of numbers, such as bytes, a round number is just that.
    """
    rounded = (column.str.contains(_ROUNDED) & (column.str.len_bytes() >= 11)).fill_null(False)
    if not rounded.any():
        return []
    numbers = column.str.contains(r"^\s*[\d.,]+\s*$").mean()
    return [int(row) for row in rounded.arg_true()] if isinstance(numbers, float) and numbers < _MOST_NUMBERS else []
