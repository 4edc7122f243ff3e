"""Any table that is written in any dialect is read back: no cell is lost."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.asset_discovery.reading import read
from workflows.asset_discovery.tables import ProblemKind, Table

_WORDS = st.sampled_from([
    "srv01", "web-7.corp.example", "10.0.0.1", "00:11:22:33:44:55", "Dell Inc.", "Zürich, DC1", "Königstraße", "16 GB",
    "", " ", "N/A", "-", "2024-01-05", "8,5", "1;2", "a|b", "C:\\temp\\", 'say "hi"', "it's", "=1+1", "línea", "Total",
    "x\ty",    "two\nlines", "two\r\nlines", "Łódź", "<b>", "東京", "a: b", "~", "^",
])  # fmt: skip
_CELLS = st.one_of(_WORDS, st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12))


@st.composite
def _tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 7))
    height = draw(st.integers(1, 25))
    return [[f"Column {place} of all" for place in range(width)]] + [
        draw(st.lists(_CELLS, min_size=width, max_size=width)) for _ in range(height)
    ]


def _cells(row: list[str] | tuple[str | None, ...]) -> list[str]:
    return [cell.strip() for cell in row if cell is not None and cell.strip()]


def _assert_nothing_is_lost(table: Table, rows: list[list[str]]) -> None:
    """Each row is a record with the same cells, or is named as none."""
    rows = rows[1:] if table.header_row is not None else rows
    found = dict(zip(table.rows, table.frame.rows(), strict=True))
    named = {item.row: item for item in table.problems if item.kind is ProblemKind.STRUCTURE}
    assert found.keys() | named.keys() == set(range(1, len(rows) + 1)) and not found.keys() & named.keys()
    for number, row in enumerate(rows, 1):
        if number in found:
            assert [cell or "" for cell in found[number]][: len(row)] == [cell if cell.strip() else "" for cell in row]
        else:
            assert named[number].value == " | ".join(_cells(row))[:200]


def _read(content: bytes, name: str) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        [table] = read(path)
        return table


@settings(max_examples=150, deadline=None)
@given(
    rows=_tables(),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
)
def test_delimited(rows: list[list[str]], delimiter: str, quoting: int, end: str, codec: str):
    if end == "\r":
        quoting = csv.QUOTE_ALL  # the writer would leave cells with other line ends without quotes
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    table = _read(text.getvalue().encode(codec), "list.csv")
    assert table.delimiter == delimiter
    _assert_nothing_is_lost(table, rows)


_VALUES = st.one_of(_CELLS, st.integers(), st.booleans(), st.none())


@settings(max_examples=80, deadline=None)
@given(records=st.lists(st.dictionaries(st.sampled_from("abcdefgh"), _VALUES, min_size=1), min_size=1, max_size=20))
def test_json_lines(records: list[dict[str, object]]):
    table = _read("\n".join(json.dumps(record) for record in [*records, *records]).encode(), "list.jsonl")
    assert table.rows == tuple(range(1, 2 * len(records) + 1)) and table.lines == table.rows
    for record, row in zip([*records, *records], table.frame.rows(named=True), strict=True):
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in record.items()}
        expected = {key: text for key, text in texts.items() if text not in ("", "null") or record[key] == "null"}
        assert {key: cell for key, cell in row.items() if cell is not None} == expected
