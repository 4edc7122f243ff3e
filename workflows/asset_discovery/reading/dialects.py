"""The dialect of a delimited text: its delimiter and its quotes, proved by the evenness of its lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

SAMPLE = 1 << 18
"""Characters by which a dialect is judged."""
_SAMPLE_LINES = 500
_DELIMITERS = ",;\t|^~\x1f\x01¦§:"
_RARE = {":": 0.5, "^": 0.9, "~": 0.9, "¦": 0.9, "§": 0.9}
_SAYS = re.compile(r"sep=(.)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a delimited text is read.

    Attributes:
        delimiter: Empty for a text of one column.
        quote: The character around cells.
        escape: The character before a quote inside of a quoted cell; empty where quotes are doubled.
        width: How many cells most lines have.
        ditto: Whether single quotes stand as cells, for "as above", and quote nothing.
        says: Whether the first line names the delimiter (`sep=;`), and is no record.
    """

    delimiter: str
    quote: str = '"'
    escape: str = ""
    width: int = 1
    ditto: bool = False
    says: bool = False


def dialect_of(text: str) -> Dialect:
    """Return the dialect of a text, judged by its first lines."""
    sample = text[:SAMPLE]
    first, _, rest = sample.partition("\n")
    said = _SAYS.fullmatch(first.strip("\r"))
    if said:
        quote = _quote(rest, said[1])
        width, _ = _evenness(_widths(rest, said[1], quote))
        return Dialect(
            said[1], quote, _escape(rest, said[1], quote), max(width, 1), _has_ditto(rest, said[1]), says=True
        )
    best, best_score = Dialect(""), 0.0
    for delimiter in _DELIMITERS:
        if delimiter not in sample:
            continue
        quote = _quote(sample, delimiter)
        ditto = _has_ditto(sample, delimiter)
        width, share = _evenness(
            _widths(ditto_marks(delimiter).sub('""""', sample) if ditto else sample, delimiter, quote)
        )
        score = share * (1 - 1 / (width + 1)) * _RARE.get(delimiter, 1.0)
        if width >= 2 and share >= 0.5 and score > best_score:
            best, best_score = Dialect(delimiter, quote, _escape(sample, delimiter, quote), width, ditto), score
    return best


@cache
def ditto_marks(delimiter: str) -> re.Pattern[str]:
    """Return what finds double quotes that are the only character of a cell."""
    ends = re.escape(delimiter)
    return re.compile(rf'(?:(?<={ends})|(?<=\n)|(?<=\r)|^)"(?=[{ends}\r\n]|$)')


def _has_ditto(sample: str, delimiter: str) -> bool:
    """Tell whether quotes stand as cells: where cells are quoted, that is seldom the end of one after a delimiter."""
    marks = len(ditto_marks(delimiter).findall(sample))
    return marks > 1 and marks > 2 * len(
        re.findall(rf'[^{re.escape(delimiter)}\r\n"]"[{re.escape(delimiter)}\r\n]', sample)
    )


def _widths(sample: str, delimiter: str, quote: str) -> list[int]:
    """Return how many cells the records have; the last is left out, as the sample may cut it."""
    widths: list[int] = []
    csv.field_size_limit(SAMPLE + 1)
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quotechar=quote)
    try:
        for row in reader:
            if row:
                widths.append(len(row))
            if len(widths) > _SAMPLE_LINES:
                break
    except csv.Error:
        pass
    return widths[:-1] if len(sample) == SAMPLE else widths


def _evenness(widths: list[int]) -> tuple[int, float]:
    """Return the most frequent width of more than one cell, and the share of the records that have about it."""
    wide = Counter(width for width in widths if width > 1)
    if not wide:
        return 1, 0.0
    width, _ = max(wide.items(), key=lambda item: (item[1], item[0]))
    # Titles above the headings and sub-totals often lack the delimiters at the end; a comma in prose is one too many.
    near = sum(count for other, count in wide.items() if abs(other - width) <= width // 10)
    return width, near / len(widths)


def _quote(sample: str, delimiter: str) -> str:
    single = sample.count(f"'{delimiter}'")
    return "'" if single > 5 and single > sample.count(f'"{delimiter}"') else '"'


def _escape(sample: str, delimiter: str, quote: str) -> str:
    """Return the backslash if quotes inside of quoted cells stand behind one."""
    ends = re.escape(delimiter) + r"\r\n"
    escaped = len(re.findall(rf"[^\\{ends}]\\{quote}[^{ends}{quote}]", sample))
    doubled = len(re.findall(rf"[^{ends}{quote}]{quote}{quote}[^{ends}]", sample))
    return "\\" if escaped > doubled else ""
