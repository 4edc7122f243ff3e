"""The nine inventories are cleansed as their truth says."""

from __future__ import annotations

import polars as pl
import pytest

from tests.workflows.asset_discovery.dev_files import TRUTHS, truth_of
from tests.workflows.asset_discovery.true_mappings import agrees, cleansed, made, mapping_of, table_of
from workflows.asset_discovery.cleansing.cleanse import cleanse
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.summary import summarize
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.tables import ProblemKind

# A second column of the field has the value that the first one lacks.
_FILLED_BY_ANOTHER = {("intune_devices", 236, "Primary user UPN")}


@pytest.mark.parametrize("name", TRUTHS)
def test_cells_become_what_they_should(name: str):
    found = cleansed(name)
    rows = found.frame.partition_by("_row", as_dict=True)
    wrong = []
    for item in truth_of(name)["values"]:
        if (name, item["row"], item["column"]) in _FILLED_BY_ANOTHER:
            continue
        got = rows[(item["row"],)].row(0, named=True)[item["field"]]
        if not agrees(item["field"], got, item["expect"]):
            wrong.append((item["row"], item["column"], item["raw"], item["expect"], got))
    assert wrong == []


@pytest.mark.parametrize("name", TRUTHS)
def test_rows_are_invalid_exactly_where_the_truth_says_so(name: str):
    found = cleansed(name)
    truth = truth_of(name)
    expected = {(item["row"], item["kind"]) for item in truth["invalid"] if item["kind"] != "structure"}
    assert {(item.row, item.kind.value) for item in found.problems if item.kind is not ProblemKind.HAZARD} == expected
    assert found.frame["_valid"].sum() == truth["rows_valid"]
    assert tuple(found.frame["_row"]) == table_of(name).rows
    assert found.doubts == {}


@pytest.mark.parametrize("name", TRUTHS)
def test_each_change_can_be_traced_to_its_cell(name: str):
    table, changes = table_of(name), cleansed(name).changes
    place = {row: at for at, row in enumerate(table.rows)}
    assert changes.height > 50
    for change in changes.iter_rows(named=True):
        at = place[change["row"]]
        assert table.frame[change["column"]][at][:200] == change["before"]
        assert table.lines[at] == change["line"]
        assert change["before"] != change["after"]
    assert sum(group.count for group in summarize(changes)) == changes.height


def test_what_people_leave_out_remains_as_it_is():
    name = "hardwareliste_moorwede"
    everything = cleansed(name)
    before = everything.changes.filter((pl.col("column") == "Umgebung") & (pl.col("rule") == Rule.DITTO.value))
    assert before.height == 25
    found = cleanse(table_of(name), mapping_of(name), without=[("Umgebung", Rule.DITTO), Rule.DOMAIN])
    left = found.changes.filter(pl.col("column") == "Umgebung")
    assert set(left["after"]) == {None}
    assert found.frame["environment"].null_count() == 25
    assert found.frame["manufacturer"].null_count() == everything.frame["manufacturer"].null_count()
    names = set(found.frame["name"].drop_nulls())
    assert "mow-srv-021.kreis-moorwede.example" in names
    assert "mow-srv-021" not in names


def test_a_word_that_several_devices_have_is_no_serial_number():
    cells: dict[str, list[str | None]] = {"s": ["Plate", "plate", "S1AB", "S2AB", "S3AB", "KXWQRTZV", "S4AB"]}
    found = cleanse(*made(cells, s=Field.SERIAL_NUMBER))
    assert found.frame["serial_number"].to_list() == [None, None, "S1AB", "S2AB", "S3AB", "KXWQRTZV", "S4AB"]
    assert [item.row for item in found.problems] == [1, 2]


def test_a_table_without_names_has_them_in_its_domain_names():
    cells: dict[str, list[str | None]] = {
        "d": ["db01.a.example", "WEB01.a.example.", None],
        "needs": [None, "db01.a.example", None],
    }
    frame = cleanse(*made(cells, d=Field.FQDN, needs=Field.DEPENDS_ON)).frame
    assert frame["name"].to_list() == ["db01", "web01", None]
    assert frame["depends_on"].to_list() == [None, ["db01"], None]


def test_a_domain_that_all_share_is_no_identity():
    cells: dict[str, list[str | None]] = {
        "a": ["ad.example.org"] * 12,
        "b": [*(f"w{place}.ad.example.org" for place in range(11)), None],
    }
    found = cleanse(*made(cells, a=Field.FQDN, b=Field.FQDN))
    assert found.frame["fqdn"].n_unique() == 12
    assert [item.row for item in found.problems] == [12]
    assert list(found.doubts) == ["a"]


def test_a_column_that_can_hardly_be_read_is_doubted_and_no_row_is_lost():
    cells: dict[str, list[str | None]] = {"n": [f"w{place}" for place in range(9)], "ram": ["DDR4"] * 5 + ["16 GB"] * 4}
    found = cleanse(*made(cells, n=Field.NAME, ram=Field.MEMORY_MB))
    assert found.frame["_valid"].all()
    assert found.doubts == {"ram": "5 of 9 cells cannot be read as what the column is mapped to"}
    assert found.changes["rule"].to_list().count("unreadable") == 5


def test_dependencies_get_the_name_of_the_asset_whatever_it_is_called_there():
    cells: dict[str, list[str | None]] = {
        "name": ["WEB01", "db01", None], "alias": ["vm-17", None, "lost"],
        "fqdn": [None, "db01.a.example", "c.a.example"],
        "serial": ["S1ABC", "S2ABC", "S3ABC"], "needs": ["db01.a.example", "vm-17, S2ABC", "web-01, db01:5432"],
    }  # fmt: skip
    fields = {"name": Field.NAME, "alias": Field.NAME, "fqdn": Field.FQDN, "serial": Field.SERIAL_NUMBER}
    found = cleanse(*made(cells, **fields, needs=Field.DEPENDS_ON))
    assert found.frame["depends_on"].to_list() == [["db01"], ["WEB01", "db01"], ["WEB01", "db01"]]
