"""The tool `map_fields`: a file's mapping as JSON, on the command line without a portal or a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from assent.lessons import Proposed, RecalledLesson, recalling_with
from assent.toolbox import call
from tests.workflows.asset_discovery.dev_files import file_of
from workflows.asset_discovery.tools import map_fields

_CSV = """Rechnername;Seriennr.;Durchwahl;Kryptisch
SRV-001;CZJ1234ABC;-7863;Lohn
SRV-002;CZJ9876XYZ;-7864;Ratsinfo
SRV-003;5CD0131WLY;-7865;Lohn
SRV-004;7T949JWXX2;-7866;Kfz-Zulassung
SRV-005;PF8BY3S4KK;-7867;Lohn
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "inventar.csv"
    path.write_text(_CSV, encoding="utf-8")
    return path


def _called(path: Path, lessons: bool = True) -> dict[str, Any]:
    document: dict[str, Any] = call(map_fields, {"path": str(path), "lessons": lessons}).document
    return document


def test_the_command_prints_the_mapping_and_starts_no_database(inventory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ASSENT_DATABASE_URL", raising=False)
    monkeypatch.setattr("app.embedded.running_server", lambda *_: pytest.fail("a database was started"))
    result = CliRunner().invoke(cli, ["tools", "call", "map_fields", "--input", json.dumps({"path": str(inventory)})])
    assert result.exit_code == 0, result.output
    mapping = json.loads(result.stdout)["mapping"]
    fields = {column: found["field"] for column, found in mapping.items()}
    assert fields["Rechnername"] == "name"
    assert fields["Seriennr."] == "serial_number"
    assert fields["Durchwahl"] == "ignore"
    assert "Seriennr." in mapping["Seriennr."]["reason"]
    assert mapping["Rechnername"]["confidence"] >= 0.8 > mapping["Kryptisch"]["confidence"]


def test_other_sheets_are_beside_the_inventory():
    document = _called(file_of("rvtools_export"))
    assert document["sheet"] == "vInfo"
    assert {other["sheet"] for other in document["others"]} == {"vMetaData", "vHost"}


def test_a_file_that_cannot_be_read_is_an_error_that_says_so(tmp_path: Path):
    path = tmp_path / "empty.csv"
    path.write_text("")
    result = CliRunner().invoke(cli, ["tools", "call", "map_fields", "--input", json.dumps({"path": str(path)})])
    assert result.exit_code == 1
    assert "is empty" in result.output


def _lesson(proposed: list[Proposed], column: str, after: str) -> RecalledLesson:
    number = next(at for at, item in enumerate(proposed) if item.situation.texts["heading"] == column)
    return RecalledLesson(
        lesson="lesson-1", number=number, before=proposed[number].value, after=after, similarity=0.97, applies=True,
        by="DBA on call", at=datetime.now(UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "after", "applied"),
    [("Kryptisch", "application", True), ("Kryptisch", "ip_address", False), ("Kryptisch", "nonsense", False)],
)
def test_lessons_are_applied_openly_where_the_values_allow_it(inventory: Path, column: str, after: str, applied: bool):
    with recalling_with(lambda proposed, step: [_lesson(list(proposed), column, after)]):
        document = _called(inventory)
        without = _called(inventory, lessons=False)
    found = document["mapping"][column]
    assert (found["field"] == after) is applied
    assert (found["lesson"] == "lesson-1") is applied
    assert document["lessons"] == applied
    assert without["lessons"] == 0
    if applied:
        assert "corrected" in found["reason"]
        assert found["confidence"] >= 0.8
