"""The nine inventories are read as their truth says."""

from __future__ import annotations

from functools import cache

import pytest

from tests.workflows.asset_discovery.dev_files import TRUTHS, file_of, truth_of
from workflows.asset_discovery.reading import inventory_of, read
from workflows.asset_discovery.tables import ProblemKind, Table

# Hosts that could not be reached say so in two columns of their own, which the truth leaves out.
_MORE_COLUMNS = {"ansible_facts": {"unreachable", "msg"}}


@cache
def _read(name: str) -> Table:
    table = inventory_of(read(file_of(name)))
    assert table is not None
    return table


@pytest.mark.parametrize("name", TRUTHS)
def test_the_columns_are_called_as_the_truth_calls_them(name: str):
    table = _read(name)
    assert {column.key for column in table.columns} - _MORE_COLUMNS.get(name, set()) == set(truth_of(name)["mapping"])
    assert [column.key for column in table.columns] == table.frame.columns


@pytest.mark.parametrize("name", TRUTHS)
def test_each_record_has_its_number_and_its_line(name: str):
    table, truth = _read(name), truth_of(name)
    assert table.rows_total == truth["rows_total"]
    lines = dict(zip(table.rows, table.lines, strict=True)) | {item.row: item.line for item in table.problems}
    expected = truth["row_lines"] or [None] * truth["rows_total"]
    assert [lines[row] for row in range(1, table.rows_total + 1)] == expected


@pytest.mark.parametrize("name", TRUTHS)
def test_the_rows_that_are_no_assets_are_told_apart(name: str):
    table = _read(name)
    found = {item.row for item in table.problems if item.kind is ProblemKind.STRUCTURE}
    assert found == {item["row"] for item in truth_of(name)["invalid"] if item["kind"] == "structure"}
    assert not found & set(table.rows)
    assert all(item.why for item in table.problems)


@pytest.mark.parametrize("name", TRUTHS)
def test_the_hazards_are_found(name: str):
    table = _read(name)
    found = {(item.row, item.column) for item in table.problems if item.kind is ProblemKind.HAZARD}
    assert found >= {
        (item["row"], item["column"])
        for item in truth_of(name)["hazards"]
        if not item["kind"].startswith(("personal data", "date in words"))  # others find those
    }
    assert len(found) <= len(truth_of(name)["hazards"]) + 1


@pytest.mark.parametrize("name", [name for name in TRUTHS if truth_of(name)["format"]["type"] == "csv"])
def test_the_cells_stand_as_in_the_file(name: str):
    table, truth = _read(name), truth_of(name)
    place = {row: at for at, row in enumerate(table.rows)}
    raw = [item for item in truth["values"] if isinstance(item["raw"], str) and item["raw"].strip()]
    assert len(raw) > 10
    for item in raw:
        if item["row"] in place:
            assert table.frame[item["column"]][place[item["row"]]] == item["raw"]


def test_each_sheet_is_a_table_and_the_inventory_is_told_from_the_others():
    tables = {table.sheet: table for table in read(file_of("rvtools_export"))}
    assert list(tables) == ["vMetaData", "vInfo", "vHost"]
    assert [sheet for sheet, table in tables.items() if table.other] == ["vMetaData"]
    assert tables["vHost"].frame.height == 12
    tables = {table.sheet: table for table in read(file_of("hardwareliste_moorwede"))}
    assert [sheet for sheet, table in tables.items() if table.other] == ["Deckblatt"]
    assert tables["ausgesondert 2019"].frame.rows() == [("MOW-ALT-001", "CZJ0000AAA", "2019")]


def test_a_merged_cell_counts_for_each_of_its_rows():
    table, truth = _read("hardwareliste_moorwede"), truth_of("hardwareliste_moorwede")
    expected = {
        item["row"]: item["expect"]
        for item in truth["values"]
        if item["column"] == "Standort / Raum" and item["raw"] == "" and item["row"] in table.rows
    }
    found = dict(zip(table.rows, table.frame["Standort / Raum"], strict=True))
    assert len(expected) > 30 and {row: found[row] for row in expected} == expected


def test_what_was_read_how_is_said():
    assert (_read("intune_devices").encoding, _read("intune_devices").delimiter) == ("utf-16-le", "\t")
    assert (_read("parc_valserein").encoding, _read("parc_valserein").header_row) == ("cp1252", 2)
    assert "édition du 02/02/2026" in _read("parc_valserein").notes[0]
    assert _read("nmap_sweep").header_row is None
    assert _read("aws_describe_instances").record_path == "Reservations[].Instances[]"
