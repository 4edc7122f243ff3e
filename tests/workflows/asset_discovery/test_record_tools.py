"""The tools `cleanse_assets` and `find_duplicates`, on a file and without a portal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from assent.toolbox import call
from tests.workflows.asset_discovery.dev_files import file_of
from workflows.asset_discovery.tools import cleanse_assets, find_duplicates

_CSV = """Hostname;Serial number;RAM;IP;Bought;X
web01;S1ABCDE;16 GB;10.0.0.1;03.04.2021;a
WEB01.corp.example;S1ABCDE;8 GB;10.0.0.1;n/a;b
db01;S2FGHIJ;-1;10.0.0.300;2021-02-30;c
web02;To Be Filled By O.E.M.;lots;10.0.0.9;2021;d
-;-;16 GB;;;e
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "servers.csv"
    path.write_text(_CSV, encoding="utf-8")
    return path


def _input(path: Path, **more: Any) -> dict[str, Any]:
    return {"path": str(path), "lessons": False, **more}


def test_the_command_prints_what_cleansing_does(inventory: Path):
    given = json.dumps(_input(inventory, mapping={"Bought": "purchased_on"}))
    result = CliRunner().invoke(cli, ["tools", "call", "cleanse_assets", "--input", given])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["rows_total"], found["rows_valid"]) == (5, 2)
    assert {(item["row"], item["kind"]) for item in found["problems"]} == {(3, "value"), (4, "value"), (5, "identity")}
    assert {item["column"] for item in found["problems"] if item["row"] == 3} == {"RAM", "IP", "Bought"}
    domain = next(item for item in found["changes"] if item["rule"] == "domain")
    assert (domain["column"], domain["count"], domain["beyond_form"]) == ("Hostname", 1, True)
    assert domain["examples"] == [{"row": 2, "before": "WEB01.corp.example", "after": "WEB01"}]
    dropped = next(item for item in found["changes"] if item["rule"] == "placeholder")
    assert dropped["examples"][0]["after"] is None


def test_classes_are_shown_with_the_words_that_they_were_read_from():
    found: Any = call(cleanse_assets, _input(file_of("servicenow_cmdb_ci"))).document
    read = {(item["field"], item["text"]): (item["read_as"], item["sure"]) for item in found["classes"]}
    assert read["environment", "Disaster recovery"] == ("recovery", True)
    assert read["status", "7"] == ("retired", False)


def test_duplicates_are_listed_with_their_reason(inventory: Path):
    found: Any = call(find_duplicates, _input(inventory)).document
    assert (found["rows_valid"], found["assets"]) == (2, 1)
    assert found["groups"] == [{"rows": [1, 2], "reason": "same serial number, IP address, and name"}]


def test_findings_beyond_the_limit_are_counted():
    found: Any = call(find_duplicates, _input(file_of("intune_devices"), limit=5)).document
    assert len(found["groups"]) == 5
    assert found["left_out"] >= 7


def test_a_column_or_a_field_that_does_not_exist_is_an_error(inventory: Path):
    with pytest.raises(Exception, match="no column 'Y'"):
        call(cleanse_assets, _input(inventory, mapping={"Y": "name"}))
    with pytest.raises(Exception, match="no field 'nonsense'"):
        call(find_duplicates, _input(inventory, mapping={"X": "nonsense"}))
