"""`assent tools call` with lessons: from the database that is configured, and from none otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from tests.services.desk import Desk
from tests.services.lessons_desk import LessonsDesk

_VALUES = ["Lohn", "Ratsinfo", "Kfz-Zulassung", "Standesamt"]


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    rows = [f"SRV-{number:03};{_VALUES[number % 4]}" for number in range(1, 21)]
    path = tmp_path / "inventar.csv"
    path.write_text("\n".join(["Rechnername;Xyzzy", *rows]), encoding="utf-8")
    return path


def _called(path: Path, **inputs: Any) -> dict[str, Any]:
    given = json.dumps({"path": str(path)} | inputs)
    done = CliRunner().invoke(cli, ["tools", "call", "map_fields", "--input", given])
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_lessons_of_the_workflow_are_applied(desk: Desk, inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = LessonsDesk(desk, "asset_discovery").taught("Xyzzy", _VALUES, "ignore", "location")
    address = desk.sessions.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ASSENT_DATABASE_URL", address.replace("postgresql+psycopg", "postgresql"))
    document = _called(inventory)
    assert document["lessons"] == 1
    assert document["mapping"]["Xyzzy"] | {"field": "location", "lesson": lesson.id} == document["mapping"]["Xyzzy"]
    assert not document["mapping"]["Rechnername"]["lesson"]
    assert _called(inventory, lessons=False)["lessons"] == 0


def test_without_a_database_there_are_no_lessons(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSENT_DATABASE_URL", raising=False)
    monkeypatch.setattr("app.embedded.running_server", lambda *_: pytest.fail("a database was started"))
    assert _called(inventory, lessons=True)["lessons"] == 0


def test_a_database_that_does_not_answer_is_no_reason_to_fail(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    document = _called(inventory)
    assert document["lessons"] == 0
    assert document["mapping"]["Rechnername"]["field"] == "name"
