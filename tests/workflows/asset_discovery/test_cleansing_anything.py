"""Whatever a cell holds, cleansing neither fails nor loses a row."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.asset_discovery.true_mappings import made
from workflows.asset_discovery.cleansing.addresses import read_ips, read_macs
from workflows.asset_discovery.cleansing.cleanse import cleanse
from workflows.asset_discovery.cleansing.dates import DateStyle, read_date
from workflows.asset_discovery.cleansing.names import KnownDomains, read_fqdn, read_name, read_names
from workflows.asset_discovery.cleansing.numbers import NumberReader, style_of
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.serials import read_serial
from workflows.asset_discovery.cleansing.summary import summarize
from workflows.asset_discovery.cleansing.texts import without_noise
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.inventory.doubtful import doubtful_merges
from workflows.asset_discovery.inventory.duplicates import duplicates
from workflows.asset_discovery.inventory.merging import merge
from workflows.asset_discovery.tables import ProblemKind

_FIELDS = {field.value: field for field in Field if field is not Field.IGNORE}
_MARKS = list("0129,./-: x()²٣３é=[]'+;|%\\\n\x00\u200b年月元\"")
_WORDS = [
    "42", "2021", "GB", "To", "MHz", "E+", "mars", "Mai", "KW", "Q", "und", "::", "fe80", "10.0.0.1", "00:50:56", "AB",
    "web01", ".corp.example", "idem", "//", "N/A", "Ã¼", "_x000D_", "_xD800_", "令和",
]  # fmt: skip
_PIECES = st.sampled_from(_MARKS + _WORDS)
_CELLS = st.one_of(st.none(), st.text(max_size=12), st.lists(_PIECES, max_size=7).map("".join))


@settings(max_examples=500, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=8).map("".join))
def test_any_text(text: str):
    clean = without_noise(text, keep_lines=True)
    domains = KnownDomains.of([clean])
    style = style_of([clean])
    for outcome in (
        *(NumberReader(power, 3, style=style).read(clean) for power in (None, 2, 3)),
        read_date(clean, DateStyle()), read_ips(clean), read_macs(clean), read_serial(clean),
        read_name(clean, domains), read_fqdn(clean), read_names(clean, domains, {}),
    ):  # fmt: skip
        assert not (outcome.problem and outcome.value is not None)
        assert outcome.value is not None or outcome.rule is not None


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(_CELLS, min_size=len(_FIELDS), max_size=len(_FIELDS)), min_size=1, max_size=12))
def test_any_cells(rows: list[list[str | None]]):
    cells = {name: [row[place] for row in rows] for place, name in enumerate(_FIELDS)}
    table, mapping = made(cells, **_FIELDS)
    found = cleanse(table, mapping)
    assert found.frame["_row"].to_list() == list(table.rows)
    assert sum(group.count for group in summarize(found.changes)) == found.changes.height
    cleanse(table, mapping, without=list(Rule))
    same = duplicates(found.frame)
    merged = merge(found.frame, same)
    assert (
        sorted(row for records in merged.frame["records"] for row in records)
        == found.frame["_valid"].arg_true().to_list()
    )
    doubtful_merges(found.frame, same)


def test_a_text_that_is_too_long_for_a_value_is_left_out():
    table, mapping = made({name: ["1." * 5_000, None] for name in _FIELDS}, **_FIELDS)
    found = cleanse(table, mapping)
    assert found.frame["memory_mb"].null_count() == 2
    assert found.frame["application"][0] == "1." * 5_000
    assert found.changes["before"].str.len_chars().max() == 200
    assert [item.row for item in found.problems if item.kind is ProblemKind.IDENTITY] == [2]


def test_what_does_not_fit_a_guessed_field_speaks_against_the_guess_and_not_against_the_row():
    table, sure = made({"host": ["web01", "web02"], "size": ["64", "huge"]}, host=Field.NAME, size=Field.MEMORY_MB)
    guessed = replace(sure, columns=(sure.columns[0], replace(sure.columns[1], confidence=0.4)))
    assert cleanse(table, sure).frame["_valid"].to_list() == [True, False]
    found = cleanse(table, guessed)
    assert found.frame["_valid"].to_list() == [True, True]
    assert [(problem.row, problem.kind, problem.value) for problem in found.problems] == [
        (2, ProblemKind.HAZARD, "huge")
    ]
